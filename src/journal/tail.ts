import type { JournalCursor, JournalEntry, JournalSlice } from './journal.ts';

export interface TailBatch {
  readonly firstCursor: JournalCursor;
  readonly entries: readonly JournalEntry[];
  readonly bytes: number;
}

/** The newest batches in memory, in order. */
export class Tail {
  readonly #batches: TailBatch[] = [];
  bytes = 0;

  push(batch: TailBatch): void {
    this.#batches.push(batch);
    this.bytes += batch.bytes;
  }

  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  get oldest(): TailBatch | undefined {
    return this.#batches[0];
  }

  /** Cursor after the last entry. */
  get endCursor(): JournalCursor {
    const newest = this.#batches.at(-1);
    return newest === undefined ? 0 : newest.firstCursor + newest.entries.length;
  }

  holds(cursor: JournalCursor): boolean {
    const { oldest } = this;
    return oldest !== undefined && oldest.firstCursor <= cursor && cursor < this.endCursor;
  }

  /** Up to `limit` consecutive entries, from one or several batches. */
  slice(cursor: JournalCursor, limit: number): JournalSlice {
    let entries: readonly JournalEntry[] = [];
    for (let index = this.#indexOf(cursor); index < this.#batches.length && entries.length < limit; index += 1) {
      const batch = this.#batches[index];
      if (batch === undefined) break;
      const from = Math.max(0, cursor - batch.firstCursor);
      const part = batch.entries.slice(from, from + limit - entries.length);
      entries = entries.length === 0 ? part : entries.concat(part);
    }
    return { from: cursor, entries };
  }

  /**
   * Drops released batches. A batch counts in full until its last entry is released, so the limit
   * errs on the safe side.
   */
  release(cursor: JournalCursor): void {
    let done = 0;
    for (const batch of this.#batches) {
      if (batch.firstCursor + batch.entries.length > cursor) break;
      this.bytes -= batch.bytes;
      done += 1;
    }
    if (done > 0) this.#batches.splice(0, done);
  }

  /** Index of the batch that contains `cursor`; the number of batches if none does. */
  #indexOf(cursor: JournalCursor): number {
    let low = 0;
    let high = this.#batches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const batch = this.#batches[middle];
      if (batch !== undefined && batch.firstCursor + batch.entries.length <= cursor) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
