import { readSmallFile } from '../runtime/index.ts';
import { tokenLines } from '../options/index.ts';

/** The first token of the file that `--read-token-file` names, or why there is none to be had. */
export function readFirstToken(
  path: string,
): { readonly ok: true; readonly token: string | undefined } | { readonly ok: false; readonly problem: string } {
  const read = readSmallFile(path);
  if (!read.ok) return { ok: false, problem: `--read-token-file: ${read.problem}` };
  const parsed = tokenLines(read.value);
  return parsed.ok ? { ok: true, token: parsed.value[0] } : { ok: false, problem: `--read-token-file: ${path} ${parsed.problem}` };
}
