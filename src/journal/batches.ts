import type { JournalCursor } from './journal.ts';
import type { OnJournalEvent } from './journal-event.ts';
import { numberedKey, numberOf, rangeOf } from './keys.ts';
import type { DiskJournalLimits } from './limits.ts';
import { isCorruption, reasonOf } from './repair-store.ts';
import type { Level } from './store.ts';
import { decodeBatch, readBatchHeader, type StoredBatch } from './stored-value.ts';

interface Found {
  readonly firstCursor: JournalCursor;
  readonly value: Buffer;
}

/** A range of keys. Reads take its first key, or its last with `reverse`. */
interface BatchRange {
  readonly gt?: Buffer;
  readonly gte?: Buffer;
  readonly lt?: Buffer;
  readonly lte?: Buffer;
  readonly reverse?: boolean;
}

/** The end of the stored batches. */
export interface BatchesEnd {
  readonly endCursor: JournalCursor;
  readonly endBytes: number;
  readonly lastReceivedAtMs: number;
}

/**
 * The batches in the store. Damaged ones are set aside and counted, and reading continues after
 * them.
 */
export class Batches {
  readonly #level: () => Level;
  readonly #limits: Pick<DiskJournalLimits, 'maxDamagedBytes'>;
  readonly #onEvent: OnJournalEvent;
  #damagedBytes = 0;

  constructor(level: () => Level, limits: Pick<DiskJournalLimits, 'maxDamagedBytes'>, onEvent: OnJournalEvent) {
    this.#level = level;
    this.#limits = limits;
    this.#onEvent = onEvent;
  }

  /**
   * The batch that contains `cursor`, or the first one after it. Undefined if there is no batch
   * before `endCursor`.
   */
  async at(cursor: JournalCursor, endCursor: JournalCursor): Promise<StoredBatch | undefined> {
    const holding = await this.#readableLast(cursor);
    const own = holding === undefined ? undefined : await this.#decoded(holding);
    const found = own !== undefined && own.firstCursor + own.entries.length > cursor ? own : await this.#firstAfter(cursor, endCursor);
    const from = found?.firstCursor ?? endCursor;
    if (from > cursor)
      this.#onEvent({ name: 'journal_damaged', what: `entries ${cursor} to ${from - 1} are missing`, entries: from - cursor });
    return found;
  }

  /** Stored bytes of all batches before the one that contains `cursor`. */
  async bytesBefore(cursor: JournalCursor): Promise<number | undefined> {
    const found = await this.#readableLast(cursor);
    return found === undefined ? undefined : readBatchHeader(found.firstCursor, found.value)?.bytesBefore;
  }

  /** Throws when LevelDB cannot read the last batch. */
  async end(): Promise<BatchesEnd | undefined> {
    for (;;) {
      const last = await this.#last(Number.MAX_SAFE_INTEGER);
      if (last === undefined) return undefined;
      const header = readBatchHeader(last.firstCursor, last.value);
      if (header !== undefined) {
        const { count, bytesBefore, receivedAtMs } = header;
        return { endCursor: last.firstCursor + count, endBytes: bytesBefore + last.value.length, lastReceivedAtMs: receivedAtMs };
      }
      await this.#setAside(last);
    }
  }

  /** Cursor of the first stored batch. */
  async start(): Promise<JournalCursor | undefined> {
    return await this.#firstCursor(rangeOf('batch'));
  }

  /** Removes every batch before the one that contains `cursor`. */
  async removeBefore(cursor: JournalCursor, endCursor: JournalCursor): Promise<void> {
    const holding = cursor === endCursor ? undefined : await this.#lastCursor(cursor);
    const { gte } = rangeOf('batch');
    const lt = numberedKey('batch', holding ?? cursor);
    await this.#level().clear({ gte, lt });
    await this.#level().compactRange(gte, lt);
  }

  async #firstAfter(cursor: JournalCursor, endCursor: JournalCursor): Promise<StoredBatch | undefined> {
    let after = cursor;
    for (let step = 1; after < endCursor; step *= 2) {
      try {
        const firstCursor = await this.#firstCursor({ gt: numberedKey('batch', after), lt: rangeOf('batch').lt });
        if (firstCursor === undefined) return undefined;
        const found = await this.#batchAt(firstCursor);
        const decoded = found === undefined ? undefined : await this.#decoded(found);
        if (decoded !== undefined) return decoded;
        after = firstCursor;
        step = 1;
      } catch (error) {
        // LevelDB cannot read past a damaged block of a table file, so the search continues after
        // it.
        if (!isCorruption(error)) throw error;
        this.#onEvent({ name: 'journal_damaged', what: `a block of a table file: ${reasonOf(error)}`, entries: 0 });
        after += step;
      }
    }
    return undefined;
  }

  /** Like `#last`, but undefined when LevelDB cannot read the batch. */
  async #readableLast(cursor: JournalCursor): Promise<Found | undefined> {
    try {
      return await this.#last(cursor);
    } catch (error) {
      if (!isCorruption(error)) throw error;
      this.#onEvent({ name: 'journal_damaged', what: `a block of a table file: ${reasonOf(error)}`, entries: 0 });
      return undefined;
    }
  }

  /** The batch that starts at `cursor`, or else the last one before it. */
  async #last(cursor: JournalCursor): Promise<Found | undefined> {
    // A sequential reader nearly always asks for the start of a batch.
    const found = await this.#batchAt(cursor);
    if (found !== undefined) return found;
    const firstCursor = await this.#lastCursor(cursor);
    return firstCursor === undefined ? undefined : await this.#batchAt(firstCursor);
  }

  /** The first cursor of the batch that `#last` returns. */
  async #lastCursor(cursor: JournalCursor): Promise<JournalCursor | undefined> {
    return await this.#firstCursor({ gte: rangeOf('batch').gte, lte: numberedKey('batch', cursor), reverse: true });
  }

  async #firstCursor(range: BatchRange): Promise<JournalCursor | undefined> {
    // Keys only: an iterator keeps the values it read, outside the V8 heap, until it is
    // garbage-collected.
    const [key] = await this.#level()
      .keys({ ...range, limit: 1 })
      .all();
    return key === undefined ? undefined : numberOf(key);
  }

  async #batchAt(firstCursor: JournalCursor): Promise<Found | undefined> {
    const value = await this.#level().get(numberedKey('batch', firstCursor));
    return value === undefined ? undefined : { firstCursor, value };
  }

  /** Undefined when the batch is damaged; it is then set aside. */
  async #decoded(found: Found): Promise<StoredBatch | undefined> {
    const decoded = decodeBatch(found.firstCursor, found.value);
    if (decoded === undefined) await this.#setAside(found);
    return decoded;
  }

  async #setAside({ firstCursor, value }: Found): Promise<void> {
    this.#onEvent({ name: 'journal_damaged', what: `the batch at entry ${firstCursor}, ${value.length} bytes`, entries: 0 });
    const remove = { type: 'del', key: numberedKey('batch', firstCursor) } as const;
    const hasRoom = this.#damagedBytes + value.length <= this.#limits.maxDamagedBytes;
    if (hasRoom) this.#damagedBytes += value.length;
    const keep = { type: 'put', key: numberedKey('damaged', firstCursor), value } as const;
    await this.#level().batch(hasRoom ? [keep, remove] : [remove]);
  }
}
