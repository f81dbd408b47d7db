import { createFingerprints, type Fingerprints } from './fingerprint.ts';
import { FingerprintSet } from './fingerprint-set.ts';

/** The event ids that were accepted lately. */
export interface SeenEvents {
  has(session: string, eventId: string): boolean;
  add(session: string, eventId: string): void;
  /** As `add`; false, and nothing done, when it was there. */
  claim(session: string, eventId: string): boolean;
  /** As if it had never been there. */
  forget(session: string, eventId: string): void;
  size(): number;
}

/**
 * Remembers at least the last `maxRemembered` ids and at most twice as many: when the young generation is full, it becomes
 * the old one, and the old one is forgotten. An id that is added again is young again.
 *
 * Of an id it keeps 12 bytes, in room for twice as many: 25 MB for a million ids. Two of 96 bits meet by chance: that a new event
 * is told as one that was seen, and is lost, has a probability of 1,000,000 x 2^-95 = 3 x 10^-23 for each event.
 */
export function createSeenEvents(maxRemembered: number, fingerprints: Fingerprints = createFingerprints()): SeenEvents {
  const { words } = fingerprints;
  let young = new FingerprintSet(maxRemembered);
  let old = new FingerprintSet(maxRemembered);

  /** False when it was there. */
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
