/** Maximum dropped slots before the array is copied, beyond the number of items. */
const MAX_DROPPED = 1_000;

/**
 * Items from the oldest to the newest. It replaces a `Set`, in which V8 walks over all removed
 * items before the oldest one. A walk that pauses continues at its position, even after additions
 * and drops.
 */
export class Rows<Item> {
  #items: (Item | undefined)[] = [];
  /** Index of the oldest. */
  #first = 0;
  /** Number of dropped items that `#items` no longer has slots for. */
  #gone = 0;

  get size(): number {
    return this.#items.length - this.#first;
  }

  add(item: Item): void {
    this.#items.push(item);
  }

  dropOldest(): Item | undefined {
    const oldest = this.#items[this.#first];
    if (oldest === undefined) return undefined;
    this.#items[this.#first] = undefined;
    this.#first += 1;
    if (this.#first > this.size + MAX_DROPPED) {
      this.#gone += this.#first;
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return oldest;
  }

  *[Symbol.iterator](): Generator<Item> {
    let next = this.#gone + this.#first;
    while (next < this.#gone + this.#items.length) {
      const item = this.#items[next - this.#gone];
      next += 1;
      if (item !== undefined) yield item;
      next = Math.max(next, this.#gone + this.#first);
    }
  }
}
