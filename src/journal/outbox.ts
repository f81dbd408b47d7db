import type { Outbox, OutboxStats, SequencePosition, StoredSpans } from './journal.ts';
import type { OnJournalEvent } from './journal-event.ts';
import { KEYS, numberedKey, numbersOf, rangeOf } from './keys.ts';
import type { DiskJournalLimits } from './limits.ts';
import { isCorruption, reasonOf } from './repair-store.ts';
import type { Space } from './space.ts';
import type { Level } from './store.ts';
import { decodeValue, encodeValue } from './stored-value.ts';

/** Size of removed spans after which LevelDB frees their space, which it would not do by itself. */
const COMPACT_BYTES = 32 * 1024 * 1024;
/** The same when the outbox has become empty. */
const COMPACT_EMPTY_BYTES = 1024 * 1024;

/** A full outbox has room again below this share of its limit: at the limit, both alternate. */
const ROOM_SHARE = 0.9;

export type OutboxWrite =
  | { readonly type: 'put'; readonly key: Buffer; readonly value: Buffer }
  | { readonly type: 'del'; readonly key: Buffer };

/** Consecutive spans under one key. The key holds everything but the value, so that a start reads keys only. */
interface Chunk {
  readonly first: number;
  readonly end: number;
  readonly bytes: number;
  readonly key: Buffer;
  /** Until it is written. */
  value: Buffer | undefined;
  readonly written: () => void;
}

export interface OutboxOptions {
  readonly level: () => Level;
  /** Resolves when the store is open. */
  readonly untilOpen: () => Promise<unknown>;
  readonly limits: Pick<DiskJournalLimits, 'retryMs' | 'maxUnwrittenBytes'>;
  readonly space: Space;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly onEvent: OnJournalEvent;
  /** Called when there is something to write. */
  readonly onChange: () => void;
}

/**
 * Finished spans that memory does not hold, in the order of their numbers, and how far each
 * exporter has come. Both are written with the next write of the store, not synced: what is newer
 * than the checkpoint is repeated by a restart, and a checkpoint syncs everything before it.
 */
export class OutboxStore implements Outbox {
  readonly #options: OutboxOptions;
  readonly #delivered = new Map<string, number>();
  #chunks: Chunk[] = [];
  #unwritten: Chunk[] = [];
  #removed: Buffer[] = [];
  #flushing: ((isWritten: boolean) => void)[] = [];
  #isDeliveredWritten = true;
  #isReportedFull = false;
  /** Size of the spans removed since the last compaction. */
  #removedBytes = 0;
  #compacting: Promise<void> | undefined;
  #unwrittenBytes = 0;
  #bytes = 0;
  #spans = 0;
  restored: SequencePosition = { spans: 0, outputs: 0 };

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /**
   * Reads what a previous process left. `position`: where its last checkpoint was in the sequence.
   * Undefined when that is lost: the sequence then continues above every known number.
   */
  async load(level: Level, position: SequencePosition | undefined): Promise<void> {
    const value = await level.get(KEYS.delivered);
    const content = value === undefined ? [] : decodeValue(value)?.content;
    if (isDelivered(content)) for (const [name, number] of content) this.#delivered.set(name, number);
    else this.#options.onEvent({ name: 'journal_damaged', what: 'the record of delivered spans', entries: 0 });
    // Spans after the checkpoint leave the correlator again.
    if (position !== undefined) await level.clear({ gte: numberedKey('outbox', position.spans), lt: rangeOf('outbox').lt });
    for (const key of await level.keys(rangeOf('outbox')).all()) {
      const [first = 0, count = 0, bytes = 0] = numbersOf(key);
      this.#index({ first, end: first + count, bytes, key, value: undefined, written: () => undefined });
    }
    const end = Math.max(0, this.#chunks.at(-1)?.end ?? 0, ...this.#delivered.values());
    this.restored = position ?? { spans: end, outputs: end };
  }

  get firstNumber(): number {
    return this.#chunks[0]?.first ?? this.restored.spans;
  }

  delivered(name: string): number | undefined {
    return this.#delivered.get(name);
  }

  noteDelivered(name: string, number: number): void {
    this.#delivered.set(name, number);
    this.#isDeliveredWritten = false;
    this.#options.onChange();
  }

  async add({ first, count, atMs, bytes }: StoredSpans): Promise<void> {
    await new Promise<void>((written) => {
      const value = encodeValue([atMs, bytes]);
      const key = numberedKey('outbox', first, count, value.length);
      const chunk: Chunk = { first, end: first + count, bytes: value.length, key, value, written };
      this.#index(chunk);
      this.#unwritten.push(chunk);
      this.#unwrittenBytes += value.length;
      this.#options.onChange();
    });
  }

  async read(number: number, signal: AbortSignal): Promise<StoredSpans | undefined> {
    while (!signal.aborted) {
      const chunk = this.#chunks[this.#indexOf(number)];
      if (chunk === undefined) return undefined;
      const value = chunk.value ?? (await this.#stored(chunk, signal));
      const content = value === undefined ? undefined : decodeValue(value)?.content;
      const { first, end } = chunk;
      if (isContent(content)) return { first, count: end - first, atMs: content[0], bytes: bufferOf(content[1]) };
      if (!signal.aborted) this.#dropDamaged(chunk);
    }
    return undefined;
  }

  discardBefore(number: number): void {
    const kept = this.#indexOf(number);
    if (kept === 0) return;
    for (const chunk of this.#chunks.splice(0, kept)) this.#remove(chunk);
    this.#options.onChange();
  }

  hasRoom(): boolean {
    const reason = this.#fullness();
    this.#report(reason);
    return this.#unwrittenBytes <= this.#options.limits.maxUnwrittenBytes && reason === undefined;
  }

  #report(reason: string | undefined): void {
    const { space, onEvent } = this.#options;
    if (reason !== undefined && !this.#isReportedFull) {
      this.#isReportedFull = true;
      onEvent({ name: 'outbox_full', reason });
    } else if (reason === undefined && this.#isReportedFull && this.#bytes < space.outboxLimitBytes * ROOM_SHARE) {
      this.#isReportedFull = false;
      onEvent({ name: 'outbox_has_room' });
    }
  }

  stats(): OutboxStats {
    const full = this.#fullness();
    return {
      spans: this.#spans,
      bytes: this.#bytes,
      limitBytes: this.#options.space.outboxLimitBytes,
      ...(full === undefined ? {} : { full }),
    };
  }

  /** Resolves to true when everything added so far is written, to false when a write failed. */
  async flush(): Promise<boolean> {
    return await new Promise((resolve) => {
      this.#flushing.push(resolve);
      this.#options.onChange();
    });
  }

  /** Ends waits for a write that cannot happen now. */
  endFlush(): void {
    for (const resolve of this.#flushing.splice(0)) resolve(false);
  }

  get bytes(): number {
    return this.#bytes;
  }

  get hasUnwritten(): boolean {
    return this.#unwritten.length + this.#removed.length + this.#flushing.length > 0 || !this.#isDeliveredWritten;
  }

  /** Takes everything to write. Call `written` or `failed` afterwards. */
  takeWrites(): { readonly writes: readonly OutboxWrite[]; readonly written: () => void; readonly failed: () => void } {
    const [chunks, removed, hasDelivered] = [this.#unwritten, this.#removed, !this.#isDeliveredWritten];
    const flushing = this.#flushing.splice(0);
    this.#unwritten = [];
    this.#removed = [];
    this.#isDeliveredWritten = true;
    const delivered = {
      type: 'put',
      key: KEYS.delivered,
      value: hasDelivered ? encodeValue([...this.#delivered]) : Buffer.alloc(0),
    } as const;
    return {
      // A chunk can be added and removed before it is written.
      writes: [
        ...chunks.flatMap(({ key, value }) => (value === undefined ? [] : [{ type: 'put', key, value } as const])),
        ...removed.map((key) => ({ type: 'del', key }) as const),
        ...(hasDelivered ? [delivered] : []),
      ],
      written: () => {
        for (const chunk of chunks) {
          chunk.value = undefined;
          this.#unwrittenBytes -= chunk.bytes;
          chunk.written();
        }
        for (const resolve of flushing) resolve(true);
        this.#compactWhenDue();
      },
      failed: () => {
        this.#unwritten.unshift(...chunks);
        this.#removed.unshift(...removed);
        this.#isDeliveredWritten &&= !hasDelivered;
        for (const resolve of flushing) resolve(false);
      },
    };
  }

  #index(chunk: Chunk): void {
    this.#chunks.splice(this.#indexOf(chunk.first), 0, chunk);
    this.#bytes += chunk.bytes;
    this.#spans += chunk.end - chunk.first;
  }

  #remove(chunk: Chunk): void {
    this.#removed.push(chunk.key);
    this.#removedBytes += chunk.bytes;
    this.#bytes -= chunk.bytes;
    this.#spans -= chunk.end - chunk.first;
  }

  #dropDamaged(chunk: Chunk): void {
    const index = this.#chunks.indexOf(chunk);
    // The chunk was discarded in the meantime.
    if (index === -1) return;
    this.#chunks.splice(index, 1);
    this.#remove(chunk);
    const what = `${chunk.end - chunk.first} finished spans of the outbox`;
    this.#options.onEvent({ name: 'journal_damaged', what, entries: 0 });
  }

  /** Resolves when LevelDB may be closed. */
  async compacted(): Promise<void> {
    await this.#compacting;
  }

  #compactWhenDue(): void {
    const isDue = this.#removedBytes >= (this.#chunks.length === 0 ? COMPACT_EMPTY_BYTES : COMPACT_BYTES);
    if (!isDue || this.#compacting !== undefined) return;
    this.#removedBytes = 0;
    const { gte, lt } = rangeOf('outbox');
    // A failure does no harm: the space is freed later.
    const compaction = this.#options.level().compactRange(gte, this.#chunks[0]?.key ?? lt);
    this.#compacting = compaction
      .catch(() => undefined)
      .finally(() => {
        this.#compacting = undefined;
      });
  }

  /** Index of the first chunk that ends after `number`. */
  #indexOf(number: number): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#chunks[middle]?.end ?? 0) <= number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Undefined when the value is missing or unreadable. A failed read is retried. */
  async #stored({ key }: Chunk, signal: AbortSignal): Promise<Buffer | undefined> {
    const { level, untilOpen, limits, sleep, onEvent } = this.#options;
    while (!signal.aborted) {
      await untilOpen();
      const current = level();
      try {
        return await current.get(key);
      } catch (error) {
        if (isCorruption(error)) return undefined;
        if (current !== level()) continue;
        onEvent({ name: 'journal_read_failed', what: 'spans of the outbox', reason: reasonOf(error) });
        await sleep(limits.retryMs, signal);
      }
    }
    return undefined;
  }

  #fullness(): string | undefined {
    return this.#options.space.outboxRefusal(this.#bytes);
  }
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function isContent(content: unknown): content is readonly [atMs: number, bytes: Uint8Array] {
  return Array.isArray(content) && typeof content[0] === 'number' && content[1] instanceof Uint8Array;
}

function isDelivered(content: unknown): content is readonly (readonly [string, number])[] {
  return (
    Array.isArray(content) &&
    content.every((item: unknown) => Array.isArray(item) && typeof item[0] === 'string' && Number.isSafeInteger(item[1]))
  );
}
