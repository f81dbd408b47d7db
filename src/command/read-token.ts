import { readFileSync } from 'node:fs';
import { tokenLines } from '../options/index.ts';

/** The first token of the file that `--read-token-file` names, or why there is none to be had. */
export function readFirstToken(
  path: string,
): { readonly ok: true; readonly token: string | undefined } | { readonly ok: false; readonly problem: string } {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return { ok: false, problem: `--read-token-file: ${path} cannot be read` };
  }
  const parsed = tokenLines(text);
  return parsed.ok ? { ok: true, token: parsed.value[0] } : { ok: false, problem: `--read-token-file: ${path} ${parsed.problem}` };
}
