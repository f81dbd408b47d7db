/** Random numbers that are the same for the same seed, and ids that never repeat. */
export class Seeded {
  readonly #seed: number;
  #state: number;
  #ids = 0;

  constructor(seed: number) {
    this.#seed = mixed(seed);
    this.#state = this.#seed;
  }

  /** A whole number from 0 to `limit`, exclusively. */
  below(limit: number): number {
    return Math.floor((this.#next() / 0x1_0000_0000) * limit);
  }

  chance(share: number): boolean {
    return this.#next() < share * 0x1_0000_0000;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  /** Bytes (a multiple of four) that no other number gives: the first four are a permutation of it. */
  uniqueId(bytes: number, number?: number): Buffer {
    this.#ids += 1;
    const id = Buffer.allocUnsafe(bytes);
    id.writeUInt32LE(mixed((number ?? this.#ids) ^ this.#seed), 0);
    for (let at = 4; at < bytes; at += 4) id.writeUInt32LE(this.#next(), at);
    return id;
  }

  #next(): number {
    this.#state = (this.#state + 0x9e37_79b9) >>> 0;
    return mixed(this.#state);
  }
}

/** A permutation of the numbers of 32 bits. */
function mixed(number: number): number {
  let bits = number >>> 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
