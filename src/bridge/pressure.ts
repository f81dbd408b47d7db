import { getHeapStatistics } from 'node:v8';
import type { JournalStats } from '../journal/index.ts';
import type { Pressure } from '../receiver/index.ts';

/** Ray 2.49 respects Retry-After; later releases ignore it. */
const RETRY_AFTER_MS = 1000;
/**
 * Maximum number of open jobs, actors, nodes, workers and placement groups. At the limit, posts are
 * refused.
 */
export const MAX_OPEN_RECORDS = 1_000_000;
const MEBIBYTE = 1024 * 1024;
const DEFAULT_OPEN_BYTES = 256 * MEBIBYTE;
/** Share of the heap for texts, labels and states of open entities. */
const OPEN_BYTES_SHARE = 1 / 4;

/** The values that are compared with the limits. */
export interface Load {
  readonly isStopping: boolean;
  readonly journal: Pick<JournalStats, 'bytes' | 'limitBytes' | 'unwritable'>;
  /** Why the outbox takes no more spans, so that the journal grows. */
  readonly outboxFull: string | undefined;
  readonly openAttempts: number;
  readonly maxOpenAttempts: number;
  readonly openRecords: number;
  readonly openBytes: number;
  readonly maxOpenBytes: number;
}

/** Why the bridge refuses posts; undefined while it accepts them. */
export function pressureOf(load: Load): Pressure | undefined {
  if (load.isStopping) return refusal('stopping', 'the bridge is stopping');
  if (load.journal.unwritable !== undefined) return refusal('journal_unavailable', load.journal.unwritable);
  if (load.journal.bytes >= load.journal.limitBytes) return refusal('journal_full', journalFull(load));
  if (load.openAttempts >= load.maxOpenAttempts) return refusal('too_many_open_attempts', 'the limit of open attempts is reached');
  if (load.openRecords >= MAX_OPEN_RECORDS)
    return refusal('too_many_open_records', 'the limit of open jobs, actors, nodes and workers is reached');
  if (load.openBytes >= load.maxOpenBytes)
    return refusal('too_many_open_bytes', 'the memory limit for the state of open jobs, attempts and actors is reached');
  return undefined;
}

function journalFull({ outboxFull }: Load): string {
  return outboxFull === undefined ? 'the journal is full' : `the journal is full, because the backend accepts no spans and ${outboxFull}`;
}

function refusal(code: Pressure['code'], message: string): Pressure {
  return { code, message, retryAfterMs: RETRY_AFTER_MS };
}

/** The default limit, when none is configured. */
export function defaultOpenBytes(heapBytes = getHeapStatistics().heap_size_limit): number {
  return Math.min(DEFAULT_OPEN_BYTES, Math.floor(heapBytes * OPEN_BYTES_SHARE));
}
