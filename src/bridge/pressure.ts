import { getHeapStatistics } from 'node:v8';
import type { JournalStats } from '../journal/index.ts';
import type { Pressure } from '../receiver/index.ts';

/** Ray ignores Retry-After from 2.50 on; 2.49 obeys it. */
const RETRY_AFTER_MS = 1000;
/** Open jobs, actors, nodes, workers and placement groups that the bridge holds before it refuses more. */
export const MAX_OPEN_RECORDS = 1_000_000;
const MEBIBYTE = 1024 * 1024;
const DEFAULT_OPEN_BYTES = 256 * MEBIBYTE;
/** At most this share of the heap is for texts, labels and states of what is open. */
const OPEN_BYTES_SHARE = 1 / 4;

/** What the limits are compared with. */
export interface Load {
  readonly isStopping: boolean;
  readonly journal: Pick<JournalStats, 'bytes' | 'limitBytes' | 'unwritable'>;
  readonly openAttempts: number;
  readonly maxOpenAttempts: number;
  readonly openRecords: number;
  readonly openBytes: number;
  readonly maxOpenBytes: number;
}

/** Why the bridge takes no events at the moment; undefined while it takes them. */
export function pressureOf(load: Load): Pressure | undefined {
  if (load.isStopping) return refusal('stopping', 'the bridge is stopping');
  if (load.journal.unwritable !== undefined) return refusal('journal_unavailable', load.journal.unwritable);
  if (load.journal.bytes >= load.journal.limitBytes) return refusal('journal_full', 'the journal is full');
  if (load.openAttempts >= load.maxOpenAttempts) return refusal('too_many_open_attempts', 'as many attempts are open as the limit allows');
  if (load.openRecords >= MAX_OPEN_RECORDS)
    return refusal('too_many_open_records', 'as many jobs, actors, nodes and workers are open as the limit allows');
  if (load.openBytes >= load.maxOpenBytes)
    return refusal('too_many_open_bytes', 'texts, labels and states of what is open take as much memory as the limit allows');
  return undefined;
}

function refusal(code: Pressure['code'], message: string): Pressure {
  return { code, message, retryAfterMs: RETRY_AFTER_MS };
}

/** The limit where none is set. */
export function defaultOpenBytes(heapBytes = getHeapStatistics().heap_size_limit): number {
  return Math.min(DEFAULT_OPEN_BYTES, Math.floor(heapBytes * OPEN_BYTES_SHARE));
}
