import { failure, type Result, success } from '../runtime/index.ts';

/** Shorter tokens could be guessed. */
const MIN_TOKEN_LENGTH = 16;
/** Longer tokens might not fit a header. */
const MAX_TOKEN_LENGTH = 256;
/** The server compares each credential with all tokens, so their number has a limit. */
const MAX_TOKENS = 100;
/** Characters that need no encoding in a URL: a token looks the same as a password, in a header and in a path. */
const TOKEN_PATTERN = /^[A-Za-z0-9._~-]+$/;

/** Parses tokens separated by commas. Empty text gives an empty list. A problem never quotes a token. */
export function tokenList(text: string): Result<readonly string[]> {
  return checked(text.split(',').flatMap((piece, index) => placed(piece, `token ${index + 1}`)));
}

/** Parses a token file: one token per line, at least one. Skips blank lines and lines that begin with #. */
export function tokenLines(text: string): Result<readonly string[]> {
  const found = text.split('\n').flatMap((line, index) => (line.startsWith('#') ? [] : placed(line, `the token on line ${index + 1}`)));
  return found.length === 0 ? failure('holds no token; write one per line') : checked(found);
}

interface PlacedToken {
  readonly token: string;
  readonly place: string;
}

function placed(text: string, place: string): readonly PlacedToken[] {
  const token = text.trim();
  return token === '' ? [] : [{ token, place }];
}

function checked(found: readonly PlacedToken[]): Result<readonly string[]> {
  if (found.length > MAX_TOKENS) return failure(`holds ${found.length} tokens; the maximum is ${MAX_TOKENS}`);
  for (const { token, place } of found) {
    if (token.length < MIN_TOKEN_LENGTH || token.length > MAX_TOKEN_LENGTH)
      return failure(
        `${place} must have ${MIN_TOKEN_LENGTH} to ${MAX_TOKEN_LENGTH} characters, not ${token.length}; make one with: openssl rand -hex 24`,
      );
    if (!TOKEN_PATTERN.test(token))
      return failure(`${place} may contain only letters, digits and . _ ~ -; make one with: openssl rand -hex 24`);
  }
  return success(found.map(({ token }) => token));
}
