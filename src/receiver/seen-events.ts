import { createFingerprints, type Fingerprints } from './fingerprint.ts';
import { FingerprintSet } from './fingerprint-set.ts';

/** The most recently accepted event ids. */
export interface SeenEvents {
  has(session: string, eventId: string): boolean;
  add(session: string, eventId: string): void;
  /** Like `add`, but returns false and changes nothing when the id is known. */
  claim(session: string, eventId: string): boolean;
  /** Removes the id. */
  forget(session: string, eventId: string): void;
  size(): number;
}

/**
 * Remembers at least the last `maxRemembered` ids, and at most twice as many. When the young
 * generation is full, it becomes the old one, and the previous old one is forgotten. An id that is
 * added again moves to the young generation.
 *
 * An id takes 12 bytes, in tables at most half full: 25 MB for a million ids. Fingerprints have 96
 * bits. The probability that a new event collides with a known one, and is lost as a duplicate, is
 * 1,000,000 x 2^-95 = 3 x 10^-23 per event.
 */
export function createSeenEvents(maxRemembered: number, fingerprints: Fingerprints = createFingerprints()): SeenEvents {
  const { words } = fingerprints;
  let young = new FingerprintSet(maxRemembered);
  let old = new FingerprintSet(maxRemembered);

  /** Returns false when the young generation already contains the id. */
  function addWords(): boolean {
    if (young.size < maxRemembered) return young.add(words);
    if (young.has(words)) return false;
    const oldest = old;
    old = young;
    young = oldest;
    young.clear();
    return young.add(words);
  }

  return {
    has(session, eventId) {
      fingerprints.compute(session, eventId);
      return young.has(words) || old.has(words);
    },
    add(session, eventId) {
      fingerprints.compute(session, eventId);
      addWords();
    },
    claim(session, eventId) {
      fingerprints.compute(session, eventId);
      return !old.has(words) && addWords();
    },
    forget(session, eventId) {
      fingerprints.compute(session, eventId);
      young.delete(words);
      old.delete(words);
    },
    size: () => young.size + old.size,
  };
}
