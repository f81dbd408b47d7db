import { createHash, randomBytes } from 'node:crypto';

/** Words of 32 bits. Two different texts have the same fingerprint with a probability of 2^-95. */
export const FINGERPRINT_WORDS = 3;
/** Ray's event ids have 40 characters. */
const MAX_ID_LENGTH = 56;
/** One key per pair of characters, and one for the length. */
const KEYS_PER_WORD = MAX_ID_LENGTH / 2 + 1;
const MAX_LATIN_1 = 0xff;
/** The largest prime below 2^32. */
const PRIME = 4_294_967_291;
/** Maximum number of cached session hashes. A bridge usually has a few sessions. */
const MAX_SESSIONS = 1024;

/** Hashes an event's identity to `words`. The next call overwrites them. */
export interface Fingerprints {
  readonly words: Int32Array;
  compute(session: string, eventId: string): void;
}

/**
 * Creates a universal hash: each word is the sum of pairs of characters times random keys, modulo a
 * prime. Without the keys nobody can choose two ids that collide. Each process has new keys.
 * Products and sums stay below 2^53, where floating-point numbers are exact.
 */
export function createFingerprints(secret: Buffer = randomBytes(32)): Fingerprints {
  const words = new Int32Array(FINGERPRINT_WORDS);
  const keysA = keysOf(secret, 'a');
  const keysB = keysOf(secret, 'b');
  const keysC = keysOf(secret, 'c');
  const sessions = new Map<string, Int32Array>();
  let lastSession = '';
  let sessionWords = hashWords(secret, lastSession);

  function useSession(session: string): void {
    if (sessions.size >= MAX_SESSIONS) sessions.clear();
    sessionWords = sessions.get(session) ?? hashWords(secret, session);
    sessions.set(session, sessionWords);
    lastSession = session;
  }

  /** Returns false for an id that is longer than any of Ray's, or not Latin-1. */
  function sum(eventId: string): boolean {
    const { length } = eventId;
    if (length > MAX_ID_LENGTH) return false;
    let [a, b, c] = [length * (keysA[0] ?? 0), length * (keysB[0] ?? 0), length * (keysC[0] ?? 0)];
    for (let index = 0, key = 1; index < length; index += 2, key += 1) {
      const first = eventId.charCodeAt(index);
      const second = index + 1 < length ? eventId.charCodeAt(index + 1) : 0;
      if ((first | second) > MAX_LATIN_1) return false;
      const pair = first | (second << 8);
      a += pair * (keysA[key] ?? 0);
      b += pair * (keysB[key] ?? 0);
      c += pair * (keysC[key] ?? 0);
    }
    words[0] = modulo(a);
    words[1] = modulo(b);
    words[2] = modulo(c);
    return true;
  }

  return {
    words,
    compute(session, eventId) {
      if (session !== lastSession) useSession(session);
      if (!sum(eventId)) words.set(hashWords(secret, `long ${eventId}`));
      for (let index = 0; index < FINGERPRINT_WORDS; index += 1) words[index] = (words[index] ?? 0) ^ (sessionWords[index] ?? 0);
    },
  };
}

function modulo(sum: number): number {
  return (sum - Math.floor(sum / PRIME) * PRIME) | 0;
}

function keysOf(secret: Buffer, name: string): Float64Array {
  const keys = new Float64Array(KEYS_PER_WORD);
  for (let index = 0; index < keys.length; index += 1) keys[index] = (hashWords(secret, `key ${name}${index}`)[0] ?? 0) >>> 0;
  return keys;
}

function hashWords(secret: Buffer, text: string): Int32Array {
  const digest = createHash('sha256').update(secret).update(text).digest();
  return Int32Array.from({ length: FINGERPRINT_WORDS }, (_, index) => digest.readInt32LE(index * 4));
}
