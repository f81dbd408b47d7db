import type { JournalCursor, NewCheckpoint } from './journal.ts';
import { KEYS, numberedKey, rangeOf } from './keys.ts';
import type { DiskJournalLimits } from './limits.ts';
import type { Level } from './store.ts';
import { decodeValue, encodeTransient, encodeValue } from './stored-value.ts';

/** Which checkpoint counts: its portions are those of `generation`. */
export interface StoredCheckpoint {
  readonly generation: number;
  readonly portions: number;
  readonly bytes: number;
  readonly cursor: JournalCursor;
  /** Of the batches before `cursor`: see `BatchHeader.bytesBefore`. */
  readonly bytesBefore: number;
  readonly timeMs: number;
  readonly options: unknown;
}

interface WrittenPortions {
  readonly portions: number;
  readonly records: number;
  readonly bytes: number;
}

/** The checkpoint in the store: portions of records, and one record that says which portions count. */
export class CheckpointStore {
  readonly #level: () => Level;
  readonly #limits: Pick<DiskJournalLimits, 'portionRecords'>;
  readonly #onDamaged: (what: string) => void;
  current: StoredCheckpoint | undefined;

  constructor(level: () => Level, limits: Pick<DiskJournalLimits, 'portionRecords'>, onDamaged: (what: string) => void) {
    this.#level = level;
    this.#limits = limits;
    this.#onDamaged = onDamaged;
  }

  async load(): Promise<StoredCheckpoint | undefined> {
    const value = await this.#level().get(KEYS.checkpoint);
    const content = value === undefined ? undefined : decodeValue(value)?.content;
    if (isCheckpoint(content)) this.current = content;
    else if (value !== undefined) this.#onDamaged('the record of the checkpoint');
    return this.current;
  }

  /** The records, in their portions. Portions that are not whole are told, and left out. */
  async *read(): AsyncIterable<readonly unknown[]> {
    const { generation, portions } = this.current ?? { generation: 0, portions: 0 };
    for (let portion = 0; portion < portions; portion += 1) {
      // A block that the engine cannot read is as lost as one whose checksum is wrong.
      const value = await this.#level()
        .get(numberedKey('checkpoint', generation, portion))
        .catch(() => undefined);
      const content = value === undefined ? undefined : decodeValue(value)?.content;
      if (Array.isArray(content)) yield content;
      else this.#onDamaged(`portion ${portion} of ${portions} of the checkpoint`);
    }
  }

  /** Takes the place of the last one with one synced write; before that, the last one counts. */
  async save(checkpoint: NewCheckpoint, place: Pick<StoredCheckpoint, 'bytesBefore' | 'timeMs'>): Promise<WrittenPortions> {
    const generation = (this.current?.generation ?? 0) + 1;
    const { cursor, options } = checkpoint;
    const written = await this.#writePortions(generation, checkpoint);
    const stored = { generation, portions: written.portions, bytes: written.bytes, cursor, options, ...place };
    // A sync covers the engine's newest log only, and the portions may stand in older ones: this puts them into table files, which are synced.
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
      // Not synced: the record that makes them count is, after them.
      await this.#level().put(numberedKey('checkpoint', generation, written.portions), value);
      written.portions += 1;
      written.records += portion.length;
      written.bytes += value.length;
      portion = [];
      await pause();
    };
    for (const record of records) {
      portion.push(record);
      if (portion.length >= this.#limits.portionRecords) await write();
    }
    if (portion.length > 0) await write();
    return written;
  }

  /** Portions of every other generation: older ones, and what an interrupted checkpoint left. */
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
