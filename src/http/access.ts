import { createHash, timingSafeEqual } from 'node:crypto';
import { tokenLines } from '../options/index.ts';
import { failure, readSmallFile, type Reloadable, type Result, success } from '../runtime/index.ts';

/** The tokens accepted for one purpose: posting, or reading. */
export interface TokenSet {
  /** False when the set is empty, which means no authentication. */
  isRequired(): boolean;
  /**
   * Whether one of the credentials is one of the tokens. The time it takes reveals nothing about
   * either.
   */
  accepts(credentials: readonly string[]): boolean;
}

export interface MutableTokenSet extends TokenSet {
  replace(tokens: readonly string[]): void;
}

/**
 * Keeps digests only: a comparison in constant time needs equal lengths, and a memory dump shows no
 * token.
 */
export function createTokenSet(tokens: readonly string[]): MutableTokenSet {
  let digests = tokens.map(digestOf);
  return {
    isRequired: () => digests.length > 0,
    accepts(credentials) {
      let isAccepted = false;
      for (const given of credentials.map(digestOf)) {
        // No early exit: each credential is compared with every token.
        for (const digest of digests) if (timingSafeEqual(given, digest)) isAccepted = true;
      }
      return isAccepted;
    },
    replace(replacement) {
      digests = replacement.map(digestOf);
    },
  };
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

export interface AccessOptions {
  /** Tokens of senders. */
  readonly ingestTokens: readonly string[];
  /** File with more tokens of senders, one per line. */
  readonly ingestTokenFile: string | undefined;
  /** Tokens of readers of the metrics. */
  readonly readTokens: readonly string[];
  readonly readTokenFile: string | undefined;
}

/** The tokens that allow posting and reading. */
export interface Access {
  readonly ingest: TokenSet;
  readonly read: TokenSet;
  /** The token files, for `watchFiles`. */
  readonly files: readonly Reloadable[];
}

/**
 * Reads the token files. A file without a token is a problem; it must not disable authentication.
 */
export function openAccess(options: AccessOptions): Result<Access, readonly string[]> {
  const ingest = openTokens('ingest-token-file', options.ingestTokenFile, options.ingestTokens);
  const read = openTokens('read-token-file', options.readTokenFile, options.readTokens);
  if (!ingest.ok || !read.ok) return failure([ingest, read].flatMap((opened) => (opened.ok ? [] : [opened.problem])));
  return success({ ingest: ingest.value.tokens, read: read.value.tokens, files: [...ingest.value.files, ...read.value.files] });
}

interface OpenedTokens {
  readonly tokens: TokenSet;
  readonly files: readonly Reloadable[];
}

function openTokens(setting: string, path: string | undefined, others: readonly string[]): Result<OpenedTokens> {
  if (path === undefined) return success({ tokens: createTokenSet(others), files: [] });
  const first = readTokenFile(path);
  if (!first.ok) return failure(`--${setting}: ${first.problem}`);
  const tokens = createTokenSet([...others, ...first.value.tokens]);
  let { text } = first.value;

  function reload(file: string): ReturnType<Reloadable['reload']> {
    const next = readTokenFile(file);
    if (!next.ok) return { setting, outcome: next };
    if (next.value.text === text) return undefined;
    ({ text } = next.value);
    tokens.replace([...others, ...next.value.tokens]);
    const { length } = next.value.tokens;
    return { setting, outcome: success(length === 1 ? '1 token' : `${length} tokens`) };
  }

  return success({ tokens, files: [{ reload: () => reload(path) }] });
}

function readTokenFile(path: string): Result<{ readonly text: string; readonly tokens: readonly string[] }> {
  const read = readSmallFile(path);
  if (!read.ok) return read;
  const tokens = tokenLines(read.value);
  return tokens.ok ? success({ text: read.value, tokens: tokens.value }) : failure(`${path}: ${tokens.problem}`);
}
