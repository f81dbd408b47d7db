import type { JournalCursor, NewCheckpoint } from './journal.ts';
import { KEYS, numberedKey, rangeOf } from './keys.ts';
import type { Level } from './store.ts';
import { decodeValue, encodeValue } from './stored-value.ts';

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

export async function loadCheckpoint(level: Level): Promise<StoredCheckpoint | 'none' | 'damaged'> {
  const value = await level.get(KEYS.checkpoint);
  if (value === undefined) return 'none';
  const content = decodeValue(value)?.content;
  return isCheckpoint(content) ? content : 'damaged';
}

/** The records of a checkpoint in their portions. Portions that are not whole are told to `onDamaged`, and left out. */
export async function* readPortions(
  level: Level,
  { generation, portions }: StoredCheckpoint,
  onDamaged: (what: string) => void,
): AsyncIterable<readonly unknown[]> {
  for (let portion = 0; portion < portions; portion += 1) {
    const value = await level.get(numberedKey('checkpoint', generation, portion));
    const content = value === undefined ? undefined : decodeValue(value)?.content;
    if (Array.isArray(content)) yield content;
    else onDamaged(`portion ${portion} of ${portions} of the checkpoint`);
  }
}

export interface WrittenPortions {
  readonly portions: number;
  readonly records: number;
  readonly bytes: number;
}

/** Not synced: the record that makes them count is, after them. */
export async function writePortions(
  level: Level,
  generation: number,
  { records, pause }: Pick<NewCheckpoint, 'records' | 'pause'>,
  portionRecords: number,
): Promise<WrittenPortions> {
  const written = { portions: 0, records: 0, bytes: 0 };
  let portion: unknown[] = [];
  const write = async (): Promise<void> => {
    const value = encodeValue(portion);
    await level.put(numberedKey('checkpoint', generation, written.portions), value);
    written.portions += 1;
    written.records += portion.length;
    written.bytes += value.length;
    portion = [];
    await pause();
  };
  for (const record of records) {
    portion.push(record);
    if (portion.length >= portionRecords) await write();
  }
  if (portion.length > 0) await write();
  return written;
}

export async function commitCheckpoint(level: Level, checkpoint: StoredCheckpoint): Promise<void> {
  await level.put(KEYS.checkpoint, encodeValue(checkpoint), { sync: true });
}

/** Portions of every other generation: older ones, and what an interrupted checkpoint left. */
export async function removeOtherPortions(level: Level, generation: number): Promise<void> {
  const { gte, lt } = rangeOf('checkpoint');
  await level.clear({ gte, lt: numberedKey('checkpoint', generation) });
  await level.clear({ gte: numberedKey('checkpoint', generation + 1), lt });
  await level.compactRange(gte, numberedKey('checkpoint', generation));
}

function isCheckpoint(content: unknown): content is StoredCheckpoint {
  return typeof content === 'object' && content !== null && 'generation' in content && 'cursor' in content;
}
