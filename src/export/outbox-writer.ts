import type { Outbox } from '../journal/index.ts';
import { storableSpans } from '../otlp/index.ts';
import type { NumberedSpan } from './feed.ts';

/** Spans in one value of the outbox: about a request's worth. */
const MAX_CHUNK_SPANS = 512;
const MAX_CHUNK_BYTES = 512 * 1024;

/** Collects the spans that do not fit in memory, and adds them to the outbox in portions. */
export class OutboxWriter {
  readonly #outbox: Outbox;
  readonly #settledByAll: () => number;
  readonly #onWritten: () => void;
  #recent: NumberedSpan[] = [];
  #recentBytes = 0;

  /**
   * `settledByAll`: every exporter has settled the spans before this number, so that they need not be
   * stored.
   */
  constructor(outbox: Outbox, settledByAll: () => number, onWritten: () => void) {
    this.#outbox = outbox;
    this.#settledByAll = settledByAll;
    this.#onWritten = onWritten;
  }

  /** Consecutive spans that are not added yet. */
  get recent(): readonly NumberedSpan[] {
    return this.#recent;
  }

  add(item: NumberedSpan): void {
    if (isFull(this.#recent.length, this.#recentBytes) || !follows(this.#recent.at(-1), item)) this.#addRecent();
    this.#recent.push(item);
    this.#recentBytes += item.bytes;
  }

  /** Adds the recent spans, and those of `items` that the outbox does not have. */
  async store(items: readonly NumberedSpan[], pause: () => Promise<void>): Promise<void> {
    this.#addRecent();
    // Exporters share spans.
    const missing = [...new Set(items)].filter(({ isStored }) => !isStored).sort((a, b) => a.number - b.number);
    for (const chunk of chunksOf(missing)) {
      this.#addChunk(chunk);
      await pause();
    }
  }

  #addRecent(): void {
    this.#addChunk(this.#recent);
    this.#recent = [];
    this.#recentBytes = 0;
  }

  #addChunk(items: readonly NumberedSpan[]): void {
    const [first, last] = [items[0], items.at(-1)];
    if (first === undefined || last === undefined || last.number < this.#settledByAll()) return;
    const bytes = storableSpans(items.map(({ span }) => span));
    for (const item of items) item.isStored = true;
    const stored = { first: first.number, count: items.length, atMs: first.enqueuedAtMs, bytes };
    void this.#outbox.add(stored).then(this.#onWritten);
  }
}

/** Splits sorted spans into portions of consecutive numbers. */
function chunksOf(items: readonly NumberedSpan[]): NumberedSpan[][] {
  const chunks: NumberedSpan[][] = [];
  let chunk: NumberedSpan[] = [];
  let bytes = 0;
  for (const item of items) {
    if (chunk.length === 0 || isFull(chunk.length, bytes) || !follows(chunk.at(-1), item)) {
      chunks.push((chunk = []));
      bytes = 0;
    }
    chunk.push(item);
    bytes += item.bytes;
  }
  return chunks;
}

function isFull(spans: number, bytes: number): boolean {
  return spans >= MAX_CHUNK_SPANS || bytes >= MAX_CHUNK_BYTES;
}

function follows(last: NumberedSpan | undefined, next: NumberedSpan): boolean {
  return last === undefined || last.number + 1 === next.number;
}
