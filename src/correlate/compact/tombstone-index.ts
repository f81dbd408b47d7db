/** 32-bit words of a task id. */
export type IdWords = Uint32Array;

/**
 * Finds the rows of task ids. Slots of two words, the id's hash (0: free) and the row's number, in buckets of 8; a bucket that is full lends from the
 * next one, and what finds no room there is not taken: ids are hostile, and none may make a search long.
 */
const SLOT_WORDS = 2;
const BUCKET_WORDS = 8 * SLOT_WORDS;
const SEARCHED_WORDS = 2 * BUCKET_WORDS;
const FIRST_BUCKETS = 512;
/** Slots that are taken, at most, of one bucket on average; then their number doubles. */
const MAX_LOAD = 4;
const NONE: readonly number[] = [];

export class TombstoneIndex {
  #buckets = FIRST_BUCKETS;
  /** One bucket more, for the last one to lend from. */
  #slots = new Uint32Array((FIRST_BUCKETS + 1) * BUCKET_WORDS);
  #taken = 0;

  /** False when there is no room for it. `row` counts modulo 2^32. */
  add(id: IdWords, row: number): boolean {
    if (this.#taken >= this.#buckets * MAX_LOAD) this.#grow();
    return this.#put(hashOf(id), row);
  }

  /** Rows (modulo 2^32) that may be of this id. */
  candidates(id: IdWords): readonly number[] {
    const hash = hashOf(id);
    const slots = this.#slots;
    const from = this.#home(hash);
    let found: number[] | undefined;
    for (let at = from; at < from + SEARCHED_WORDS; at += SLOT_WORDS) {
      if (slots[at] === hash) (found ??= []).push(slots[at + 1] ?? 0);
    }
    return found ?? NONE;
  }

  remove(id: IdWords, row: number): void {
    const hash = hashOf(id);
    const slots = this.#slots;
    const from = this.#home(hash);
    for (let at = from; at < from + SEARCHED_WORDS; at += SLOT_WORDS) {
      if (slots[at] !== hash || slots[at + 1] !== row >>> 0) continue;
      slots[at] = 0;
      this.#taken -= 1;
      return;
    }
  }

  /** An id that is there has another row now. */
  move(id: IdWords, from: number, to: number): void {
    const hash = hashOf(id);
    const slots = this.#slots;
    const home = this.#home(hash);
    for (let at = home; at < home + SEARCHED_WORDS; at += SLOT_WORDS) {
      if (slots[at] !== hash || slots[at + 1] !== from >>> 0) continue;
      slots[at + 1] = to;
      return;
    }
  }

  #put(hash: number, row: number): boolean {
    const slots = this.#slots;
    const from = this.#home(hash);
    for (let at = from; at < from + SEARCHED_WORDS; at += SLOT_WORDS) {
      if (slots[at] !== 0) continue;
      slots[at] = hash;
      slots[at + 1] = row;
      this.#taken += 1;
      return true;
    }
    return false;
  }

  #home(hash: number): number {
    return (hash & (this.#buckets - 1)) * BUCKET_WORDS;
  }

  #grow(): void {
    const old = this.#slots;
    this.#buckets *= 2;
    this.#slots = new Uint32Array((this.#buckets + 1) * BUCKET_WORDS);
    this.#taken = 0;
    for (let at = 0; at < old.length; at += SLOT_WORDS) {
      const hash = old[at] ?? 0;
      if (hash !== 0) this.#put(hash, old[at + 1] ?? 0);
    }
  }
}

/** Never 0. */
function hashOf(id: IdWords): number {
  let hash = 0;
  for (let index = 0; index < id.length; index += 1) {
    hash = Math.imul(hash ^ (id[index] ?? 0), 0x9e37_79b1);
    hash ^= hash >>> 15;
  }
  return hash === 0 ? 1 : hash >>> 0;
}
