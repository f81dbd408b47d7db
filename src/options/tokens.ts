import type { Parsed } from './values.ts';

/** Of a token, in characters: short enough for any header, too long to guess. */
const tokenLength = { least: 16, most: 256 } as const;
/** Each credential that comes is compared with all of them. */
const tokensMax = 100;
/** What a URL takes unencoded, so that one token reads alike as a password, as a header and as part of a path. */
const tokenCharacters = /^[A-Za-z0-9._~-]+$/;

/** Tokens separated by commas; none is an empty list. A problem never repeats a token. */
export function tokenList(text: string): Parsed<readonly string[]> {
  return checked(text.split(',').flatMap((piece, index) => placed(piece, `token ${index + 1}`)));
}

/** One token a line; blank lines and those that begin with # are left out. At least one token is needed. */
export function tokenLines(text: string): Parsed<readonly string[]> {
  const found = text.split('\n').flatMap((line, index) => (line.startsWith('#') ? [] : placed(line, `the token in line ${index + 1}`)));
  return found.length === 0 ? { ok: false, problem: 'holds no token; write one a line' } : checked(found);
}

interface PlacedToken {
  readonly token: string;
  readonly place: string;
}

function placed(text: string, place: string): readonly PlacedToken[] {
  const token = text.trim();
  return token === '' ? [] : [{ token, place }];
}

function checked(found: readonly PlacedToken[]): Parsed<readonly string[]> {
  if (found.length > tokensMax) return { ok: false, problem: `holds ${found.length} tokens; the most is ${tokensMax}` };
  for (const { token, place } of found) {
    if (token.length < tokenLength.least || token.length > tokenLength.most)
      return {
        ok: false,
        problem: `${place} must have ${tokenLength.least} to ${tokenLength.most} characters, not ${token.length}; make one with: openssl rand -hex 24`,
      };
    if (!tokenCharacters.test(token))
      return {
        ok: false,
        problem: `${place} may only have letters, digits and . _ ~ -, which a URL takes as they are; make one with: openssl rand -hex 24`,
      };
  }
  return { ok: true, value: found.map(({ token }) => token) };
}
