import { sizeOf } from '../event/index.ts';
import type { JournalCursor, NewCheckpoint, SequencePosition } from './journal.ts';
import type { OnJournalEvent } from './journal-event.ts';
import { KEYS, numberedKey, rangeOf } from './keys.ts';
import type { DiskJournalLimits } from './limits.ts';
import { isCorruption, reasonOf } from './repair-store.ts';
import type { Level } from './store.ts';
import { decodeValue, encodeTransient, encodeValue } from './stored-value.ts';

/** The current checkpoint. Its portions are those of `generation`. */
export interface StoredCheckpoint {
  readonly generation: number;
  readonly portions: number;
  readonly bytes: number;
  readonly cursor: JournalCursor;
  /** Missing in formats 1 and 2. */
  readonly position?: SequencePosition;
  /** Stored bytes of all batches before `cursor`: see `BatchHeader.bytesBefore`. */
  readonly bytesBefore: number;
  readonly timeMs: number;
  readonly options: unknown;
}

interface WrittenPortions {
  readonly portions: number;
  readonly records: number;
  readonly bytes: number;
}

export interface CheckpointStoreOptions {
  readonly level: () => Level;
  readonly limits: Pick<DiskJournalLimits, 'portionRecords' | 'portionBytes' | 'retryMs'>;
  /** Resolves early when `signal` aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly onEvent: OnJournalEvent;
}

/**
 * The checkpoint in the store: portions of records, and one record that names the current
 * generation of portions.
 */
export class CheckpointStore {
  readonly #level: () => Level;
  readonly #options: CheckpointStoreOptions;
  current: StoredCheckpoint | undefined;
  /** True when there is a checkpoint that cannot be read. */
  isLost = false;

  constructor(options: CheckpointStoreOptions) {
    this.#level = options.level;
    this.#options = options;
  }

  async load(): Promise<StoredCheckpoint | undefined> {
    const value = await this.#level().get(KEYS.checkpoint);
    const content = value === undefined ? undefined : decodeValue(value)?.content;
    if (isCheckpoint(content)) this.current = content;
    else if (value !== undefined) {
      this.isLost = true;
      this.#reportDamaged('the record of the checkpoint');
    }
    return this.current;
  }

  /**
   * Yields the records of each portion. Damaged portions are reported and skipped. A failed read is
   * reported and retried until it succeeds or `signal` aborts, which ends the records early.
   */
  async *read(signal: AbortSignal): AsyncIterable<readonly unknown[]> {
    const { generation, portions } = this.current ?? { generation: 0, portions: 0 };
    for (let portion = 0; portion < portions && !signal.aborted; portion += 1) {
      const what = `portion ${portion} of ${portions} of the checkpoint`;
      const value = await this.#get(numberedKey('checkpoint', generation, portion), what, signal);
      if (signal.aborted) return;
      const content = value === undefined ? undefined : decodeValue(value)?.content;
      if (Array.isArray(content)) yield content;
      else this.#reportDamaged(what);
    }
  }

  /** Undefined when the value is missing or damaged. */
  async #get(key: Buffer, what: string, signal: AbortSignal): Promise<Buffer | undefined> {
    const { limits, sleep, onEvent } = this.#options;
    while (!signal.aborted) {
      try {
        return await this.#level().get(key);
      } catch (error) {
        // A block that LevelDB cannot read is lost, like a value with a wrong checksum.
        if (isCorruption(error)) return undefined;
        onEvent({ name: 'journal_read_failed', what, reason: reasonOf(error) });
        await sleep(limits.retryMs, signal);
      }
    }
    return undefined;
  }

  #reportDamaged(what: string): void {
    this.#options.onEvent({ name: 'journal_damaged', what, entries: 0 });
  }

  /**
   * Replaces the previous checkpoint with one synced write. Until then the previous one is valid.
   */
  async save(checkpoint: NewCheckpoint, place: Pick<StoredCheckpoint, 'bytesBefore' | 'timeMs'>): Promise<WrittenPortions> {
    const generation = (this.current?.generation ?? 0) + 1;
    const { cursor, position, options } = checkpoint;
    const written = await this.#writePortions(generation, checkpoint);
    const stored = { generation, portions: written.portions, bytes: written.bytes, cursor, position, options, ...place };
    // A sync covers only LevelDB's newest log, but the portions may be in older ones. Compaction
    // moves them to table files, which are synced.
    await this.#level().compactRange(numberedKey('checkpoint', generation), numberedKey('checkpoint', generation + 1));
    await this.#level().put(KEYS.checkpoint, encodeValue(stored), { sync: true });
    this.current = stored;
    await this.#removeOthers(generation);
    return written;
  }

  async #writePortions(generation: number, { records, pause }: NewCheckpoint): Promise<WrittenPortions> {
    const written = { portions: 0, records: 0, bytes: 0 };
    let portion: unknown[] = [];
    const write = async (): Promise<void> => {
      const value = encodeTransient(portion);
      // Not synced: the record that makes them valid is synced after them.
      await this.#level().put(numberedKey('checkpoint', generation, written.portions), value);
      written.portions += 1;
      written.records += portion.length;
      written.bytes += value.length;
      portion = [];
      await pause();
    };
    const { portionRecords, portionBytes } = this.#options.limits;
    let bytes = 0;
    for (const record of records) {
      portion.push(record);
      bytes += sizeOf(record);
      if (portion.length < portionRecords && bytes < portionBytes) continue;
      await write();
      bytes = 0;
    }
    if (portion.length > 0) await write();
    return written;
  }

  /** Removes portions of other generations: older ones, and those of an interrupted checkpoint. */
  async #removeOthers(generation: number): Promise<void> {
    const { gte, lt } = rangeOf('checkpoint');
    await this.#level().clear({ gte, lt: numberedKey('checkpoint', generation) });
    await this.#level().clear({ gte: numberedKey('checkpoint', generation + 1), lt });
    await this.#level().compactRange(gte, numberedKey('checkpoint', generation));
  }
}

function isCheckpoint(content: unknown): content is StoredCheckpoint {
  return typeof content === 'object' && content !== null && 'generation' in content && 'cursor' in content;
}
