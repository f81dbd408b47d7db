/** A binary heap of things that become due at a time (milliseconds on the caller's clock). */
export class DueQueue<Item> {
  readonly #heap: { readonly dueMs: number; readonly item: Item }[] = [];

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
      if (above === undefined || above.dueMs <= dueMs) break;
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

  #sink(entry: { readonly dueMs: number; readonly item: Item }): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      let below = heap[child];
      if (below === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && right.dueMs < below.dueMs) {
        below = right;
        child += 1;
      }
      if (below.dueMs >= entry.dueMs) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = entry;
  }
}
