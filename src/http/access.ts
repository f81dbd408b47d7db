import { tokenLines } from '../options/index.ts';
import { readSmallFile, type Reloadable } from '../runtime/index.ts';
import { createTokenSet, type TokenSet } from './token-set.ts';

export interface AccessOptions {
  /** Shown by senders. */
  readonly ingestTokens: readonly string[];
  /** More of them, one a line. */
  readonly ingestTokenFile: string | undefined;
  /** Shown by readers of the metrics. */
  readonly readTokens: readonly string[];
  readonly readTokenFile: string | undefined;
}

/** Who may post and who may read. */
export interface Access {
  readonly ingest: TokenSet;
  readonly read: TokenSet;
  /** The token files, for `watch`. */
  readonly files: readonly Reloadable[];
}

export type OpenedAccess = { readonly ok: true; readonly access: Access } | { readonly ok: false; readonly problems: readonly string[] };

/** Reads the token files. A file that holds no token is a problem, not an open door. */
export function openAccess(options: AccessOptions): OpenedAccess {
  const ingest = openTokens('ingest-token-file', options.ingestTokenFile, options.ingestTokens);
  const read = openTokens('read-token-file', options.readTokenFile, options.readTokens);
  if (!ingest.ok || !read.ok) return { ok: false, problems: [ingest, read].flatMap((opened) => (opened.ok ? [] : [opened.problem])) };
  return { ok: true, access: { ingest: ingest.tokens, read: read.tokens, files: [...ingest.files, ...read.files] } };
}

type OpenedTokens =
  | { readonly ok: true; readonly tokens: TokenSet; readonly files: readonly Reloadable[] }
  | { readonly ok: false; readonly problem: string };

function openTokens(setting: string, path: string | undefined, others: readonly string[]): OpenedTokens {
  if (path === undefined) return { ok: true, tokens: createTokenSet(others), files: [] };
  const first = readTokenFile(path);
  if (!first.ok) return { ok: false, problem: `--${setting}: ${first.problem}` };
  const tokens = createTokenSet([...others, ...first.tokens]);
  let text = first.text;

  function reload(file: string): ReturnType<Reloadable['reload']> {
    const again = readTokenFile(file);
    if (!again.ok) return { setting, outcome: again };
    if (again.text === text) return undefined;
    text = again.text;
    tokens.replace([...others, ...again.tokens]);
    return { setting, outcome: { ok: true, value: again.tokens.length === 1 ? '1 token' : `${again.tokens.length} tokens` } };
  }

  return { ok: true, tokens, files: [{ reload: () => reload(path) }] };
}

type ReadTokens =
  | { readonly ok: true; readonly text: string; readonly tokens: readonly string[] }
  | { readonly ok: false; readonly problem: string };

function readTokenFile(path: string): ReadTokens {
  const read = readSmallFile(path);
  if (!read.ok) return read;
  const tokens = tokenLines(read.value);
  return tokens.ok ? { ok: true, text: read.value, tokens: tokens.value } : { ok: false, problem: `${path}: ${tokens.problem}` };
}
