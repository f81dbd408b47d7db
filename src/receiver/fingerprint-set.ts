import { FINGERPRINT_WORDS as WORDS } from './fingerprint.ts';

/**
 * Slots per fingerprint. At least half of the slots stay empty, so that a search takes two or three
 * steps.
 */
const SLOTS_PER_FINGERPRINT = 2;

/**
 * A hash set of fingerprints in one array, with linear probing. It takes 24 to 48 bytes per
 * fingerprint of its capacity. The home slot is a function of the fingerprint, which senders cannot
 * choose.
 */
export class FingerprintSet {
  readonly #slots: Int32Array;
  readonly #mask: number;
  #size = 0;

  /** The caller must not add more than `capacity` fingerprints. */
  constructor(capacity: number) {
    const count = 2 ** Math.ceil(Math.log2(Math.max(1, capacity) * SLOTS_PER_FINGERPRINT));
    this.#slots = new Int32Array(count * WORDS);
    this.#mask = count - 1;
  }

  get size(): number {
    return this.#size;
  }

  has(words: Int32Array): boolean {
    return this.#size > 0 && !this.#isEmpty(this.#find(words));
  }

  /** Returns false when the set already contains the fingerprint. */
  add(words: Int32Array): boolean {
    const slot = this.#find(words);
    if (!this.#isEmpty(slot)) return false;
    this.#put(slot, words[0] ?? 0, words[1] ?? 0, nonZero(words[2] ?? 0));
    this.#size += 1;
    return true;
  }

  /**
   * Deletes the fingerprint and moves later ones into the gap, because a search stops at an empty
   * slot.
   */
  delete(words: Int32Array): void {
    let gap = this.#find(words);
    if (this.#isEmpty(gap)) return;
    this.#size -= 1;
    for (let slot = this.#next(gap); !this.#isEmpty(slot); slot = this.#next(slot)) {
      const home = this.#home(this.#word(slot, 0), this.#word(slot, 1));
      const isPastGap = ((slot - home) & this.#mask) >= ((slot - gap) & this.#mask);
      if (!isPastGap) continue;
      this.#put(gap, this.#word(slot, 0), this.#word(slot, 1), this.#word(slot, 2));
      gap = slot;
    }
    this.#put(gap, 0, 0, 0);
  }

  clear(): void {
    this.#slots.fill(0);
    this.#size = 0;
  }

  /** The slot of the fingerprint, or the empty slot where it belongs. */
  #find(words: Int32Array): number {
    const [a, b, c] = [words[0] ?? 0, words[1] ?? 0, nonZero(words[2] ?? 0)];
    let slot = this.#home(a, b);
    while (!this.#isEmpty(slot)) {
      if (this.#word(slot, 2) === c && this.#word(slot, 0) === a && this.#word(slot, 1) === b) return slot;
      slot = this.#next(slot);
    }
    return slot;
  }

  #home(a: number, b: number): number {
    const mixed = Math.imul(a ^ (b >>> 16), 0x9e3779b1);
    return (mixed ^ (mixed >>> 15)) & this.#mask;
  }

  #next(slot: number): number {
    return (slot + 1) & this.#mask;
  }

  #isEmpty(slot: number): boolean {
    return this.#word(slot, 2) === 0;
  }

  #word(slot: number, index: number): number {
    return this.#slots[slot * WORDS + index] ?? 0;
  }

  #put(slot: number, a: number, b: number, c: number): void {
    this.#slots[slot * WORDS] = a;
    this.#slots[slot * WORDS + 1] = b;
    this.#slots[slot * WORDS + 2] = c;
  }
}

/** The last word of a used slot is never 0, which marks an empty slot. */
function nonZero(word: number): number {
  return word === 0 ? 1 : word;
}
