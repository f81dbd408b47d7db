import { createHash, timingSafeEqual } from 'node:crypto';

/** The tokens that open one door. */
export interface TokenSet {
  /** False when no token is asked for, and everybody may come in. */
  isRequired(): boolean;
  /** Whether one of the credentials is one of the tokens. How long it takes tells nothing about either. */
  accepts(credentials: readonly string[]): boolean;
}

export interface MutableTokenSet extends TokenSet {
  replace(tokens: readonly string[]): void;
}

/** Keeps digests only: they have one length, as a comparison in constant time needs, and are no use to who reads the memory. */
export function createTokenSet(tokens: readonly string[]): MutableTokenSet {
  let digests = tokens.map(digestOf);
  return {
    isRequired: () => digests.length > 0,
    accepts(credentials) {
      let isAccepted = false;
      for (const given of credentials.map(digestOf)) {
        // Without a way out of the loop: each credential is compared with every token.
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
