/** What an `AgingList` holds: it keeps its place in the item itself. */
export interface Aged<Item> {
  older: Item | undefined;
  newer: Item | undefined;
}

/**
 * Items from the oldest to the newest. Adding, removing and finding the oldest take one step. A `Set` would do, but V8 walks
 * over all that was removed before the oldest item.
 */
export class AgingList<Item extends Aged<Item>> {
  #oldest: Item | undefined;
  #newest: Item | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get oldest(): Item | undefined {
    return this.#oldest;
  }

  has(item: Item): boolean {
    return item.older !== undefined || this.#oldest === item;
  }

  /** Makes an item the newest one, wherever it was before. */
  add(item: Item): void {
    if (this.#newest === item) return;
    this.remove(item);
    item.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = item;
    else this.#newest.newer = item;
    this.#newest = item;
    this.#size += 1;
  }

  remove(item: Item): void {
    if (!this.has(item)) return;
    const { older, newer } = item;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    item.older = undefined;
    item.newer = undefined;
    this.#size -= 1;
  }

  *[Symbol.iterator](): Generator<Item> {
    for (let item = this.#oldest; item !== undefined; item = item.newer) yield item;
  }
}
