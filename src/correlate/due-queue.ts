interface Entry<Item> {
  readonly dueMs: number;
  readonly item: Item;
}

/**
 * A binary heap of things that become due at a time (milliseconds on the caller's clock). `compare` says which of two things that are due at
 * the same time comes first: of what they are, not of when they were put in, so that a queue that is made anew gives the same order.
 */
export class DueQueue<Item> {
  readonly #heap: Entry<Item>[] = [];
  readonly #compare: (a: Item, b: Item) => number;

  constructor(compare: (a: Item, b: Item) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#heap.length;
  }

  push(dueMs: number, item: Item): void {
    const heap = this.#heap;
    const entry = { dueMs, item };
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || this.#isBefore(above, entry)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  isDue(nowMs: number): boolean {
    const top = this.#heap[0];
    return top !== undefined && top.dueMs <= nowMs;
  }

  /** The item with the smallest due time, when that is not after `nowMs`. */
  popDue(nowMs: number): { readonly dueMs: number; readonly item: Item } | undefined {
    const heap = this.#heap;
    const top = heap[0];
    if (top === undefined || top.dueMs > nowMs) return undefined;
    const last = heap.pop();
    if (last !== undefined && heap.length > 0) this.#sink(last);
    return top;
  }

  #sink(entry: Entry<Item>): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      let below = heap[child];
      if (below === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && this.#isBefore(right, below)) {
        below = right;
        child += 1;
      }
      if (this.#isBefore(entry, below)) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = entry;
  }

  #isBefore(a: Entry<Item>, b: Entry<Item>): boolean {
    return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && this.#compare(a.item, b.item) < 0);
  }
}
