/**
 * A binary heap of things that become due at a time (milliseconds on the caller's clock). `compare` says which of two things that are due at
 * the same time comes first: of what they are, not of when they were put in, so a rebuilt queue gives the same order.
 * Times and things are in two arrays, so that a comparison looks at the things only when the times are equal.
 */
export class DueQueue<Item> {
  readonly #times: number[] = [];
  readonly #items: Item[] = [];
  readonly #compare: (a: Item, b: Item) => number;

  constructor(compare: (a: Item, b: Item) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#items.length;
  }

  push(dueMs: number, item: Item): void {
    const times = this.#times;
    const items = this.#items;
    let index = items.push(item) - 1;
    times.push(dueMs);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#isBefore(dueMs, item, parent)) break;
      this.#move(parent, index);
      index = parent;
    }
    times[index] = dueMs;
    items[index] = item;
  }

  isDue(nowMs: number): boolean {
    const first = this.#times[0];
    return first !== undefined && first <= nowMs;
  }

  /** The item with the smallest due time, when that is not after `nowMs`. */
  popDue(nowMs: number): { readonly dueMs: number; readonly item: Item } | undefined {
    const dueMs = this.#times[0];
    const item = this.#items[0];
    if (dueMs === undefined || item === undefined || dueMs > nowMs) return undefined;
    const lastMs = this.#times.pop();
    const last = this.#items.pop();
    if (lastMs !== undefined && last !== undefined && this.#items.length > 0) this.#sink(lastMs, last);
    return { dueMs, item };
  }

  /** Removes all but those that `isWanted` holds for. */
  keep(isWanted: (item: Item, dueMs: number) => boolean): void {
    let kept = 0;
    for (const [index, item] of this.#items.entries()) {
      if (!isWanted(item, this.#timeAt(index))) continue;
      this.#move(index, kept);
      kept += 1;
    }
    this.#items.length = kept;
    this.#times.length = kept;
    for (let index = (kept >> 1) - 1; index >= 0; index -= 1) this.#sink(this.#timeAt(index), this.#itemAt(index), index);
  }

  #sink(dueMs: number, item: Item, from = 0): void {
    const size = this.#items.length;
    let index = from;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) break;
      const right = child + 1;
      if (right < size && this.#isBefore(this.#timeAt(right), this.#itemAt(right), child)) child = right;
      if (this.#isBefore(dueMs, item, child)) break;
      this.#move(child, index);
      index = child;
    }
    this.#times[index] = dueMs;
    this.#items[index] = item;
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#timeAt(from);
    this.#items[to] = this.#itemAt(from);
  }

  /** Than the thing at `index`. */
  #isBefore(dueMs: number, item: Item, index: number): boolean {
    const otherMs = this.#timeAt(index);
    return dueMs < otherMs || (dueMs === otherMs && this.#compare(item, this.#itemAt(index)) < 0);
  }

  #timeAt(index: number): number {
    return this.#times[index] ?? Number.POSITIVE_INFINITY;
  }

  #itemAt(index: number): Item {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an index within the heap
    return this.#items[index] as Item;
  }
}
