import type { RayEvent } from '../event/index.ts';

/** One accepted event, with the receive time of its batch. */
export interface JournalEntry {
  readonly event: RayEvent;
  /**
   * Milliseconds on the journal's clock. The same for a whole batch, and never less than for the
   * previous batch.
   */
  readonly receivedAtMs: number;
  /**
   * The same moment in milliseconds since the epoch. The journal's clock differs, because it stops
   * while no process runs.
   */
  readonly epochMs: number;
}

/** A read position: the number of entries before it. */
export type JournalCursor = number;

/** Consecutive entries. */
export interface JournalSlice {
  /**
   * Cursor of the first entry. Greater than the requested cursor when the entries there are
   * damaged.
   */
  readonly from: JournalCursor;
  readonly entries: readonly JournalEntry[];
}

export type AppendOutcome =
  | { readonly ok: true }
  /** The journal is full or not writable, so the sender must keep the batch. */
  | { readonly ok: false; readonly code: 'journal_full' | 'journal_unavailable'; readonly message: string; readonly retryAfterMs: number };

export interface JournalStats {
  /** Entries that are not released. */
  readonly entries: number;
  /** Size of all entries in the journal, read or not, in memory or on disk. */
  readonly bytes: number;
  readonly limitBytes: number;
  /** Why the journal is not writable; undefined when it is. */
  readonly unwritable?: string | undefined;
  /** Entries before it are released. A pump starts to read here. */
  readonly releasedCursor: JournalCursor;
  /** Cursor of the next entry. */
  readonly endCursor: JournalCursor;
  /** Age of the oldest entry that is not released, in milliseconds. 0 for an empty journal. */
  readonly oldestAgeMs: number;
}

/**
 * The inbox between receiver and pump. One pump reads every entry in order; an entry stays until
 * the pump releases it.
 */
export interface Journal {
  /**
   * Appends the whole batch or nothing, and resolves once it is durable. `bytes` is the
   * decompressed size of its body. A batch that would exceed the limit is refused. An empty journal
   * accepts a batch of any size, because Ray repeats a refused batch forever.
   */
  append(events: readonly RayEvent[], bytes: number): Promise<AppendOutcome>;
  /**
   * Reads up to `limit` entries from `cursor`. A failed read is retried until `signal` aborts,
   * which returns no entries; without a signal it rejects. Rejects with RangeError for a cursor
   * that is released or past the end.
   */
  read(cursor: JournalCursor, limit: number, signal?: AbortSignal): Promise<JournalSlice>;
  /**
   * Releases the entries before `cursor`. Never moves back. Throws RangeError for a cursor past the
   * end.
   */
  release(cursor: JournalCursor): void;
  /**
   * Advances the watermark to the journal's present time and returns it. Every later entry has a
   * greater receive time.
   */
  advanceWatermark(): number;
  /** The present time on the journal's clock, to compare with receive times. */
  nowMs(): number;
  stats(): JournalStats;
  /**
   * Resolves when there is an entry at `cursor`, when `signal` aborts, or when the journal closes.
   */
  waitForEntries(cursor: JournalCursor, signal: AbortSignal): Promise<void>;
  /**
   * Refuses further appends as `journal_unavailable`. Existing entries can still be read and
   * released. Idempotent.
   */
  close(): Promise<void>;
  /** Present in a journal that outlives the process. */
  readonly durable?: Durable;
}

/** Trace id and span id of a delivered span, as 48 hex digits. */
export type SpanKey = string;

export type CheckpointOutcome = { readonly ok: true; readonly bytes: number } | { readonly ok: false; readonly message: string };

/**
 * What a restart needs besides the entries. A checkpoint is the correlator's state after the
 * entries before a cursor, which are then removed. Spans delivered since the checkpoint are
 * remembered, because a restart replays the entries after it.
 */
export interface Durable {
  /**
   * End of the entries that existed when the journal was opened. They are replayed after the
   * checkpoint.
   */
  readonly restoredUntil: JournalCursor;
  /** The time on the journal's clock when it was opened. */
  readonly restoredTimeMs: number;
  /**
   * The options with which the entries since the checkpoint were processed. Undefined in a new
   * journal.
   */
  readonly restoredOptions: unknown;
  /**
   * Yields the records of the last checkpoint in portions. Retries failed reads until `signal`
   * aborts, which ends the records early.
   */
  readCheckpoint(signal: AbortSignal): AsyncIterable<readonly unknown[]>;
  /**
   * True when enough entries were processed since the last checkpoint, or when the journal is idle.
   */
  isCheckpointDue(): boolean;
  /**
   * Replaces the last checkpoint atomically, and removes the entries before `cursor`. Calls `pause`
   * between portions.
   */
  saveCheckpoint(checkpoint: NewCheckpoint): Promise<CheckpointOutcome>;
  /** Stores a watermark: a restart continues from that time, not from the last entry. */
  keepTime(watermarkMs: number): Promise<void>;
  /** `keys`: the span keys as bytes, 24 for each span. Written to disk soon after. */
  noteDelivered(exporter: string, keys: Buffer): void;
  /**
   * False once a checkpoint has made the deliveries of previous processes obsolete, so that no key
   * needs a check.
   */
  remembersDelivered(): boolean;
  /** Whether a previous process delivered the span since the checkpoint. */
  wasDelivered(exporter: string, key: SpanKey): boolean;
  /** Reports an unusable record of the checkpoint. */
  noteDamaged(what: string): void;
}

export interface NewCheckpoint {
  readonly cursor: JournalCursor;
  /** Plain data, returned as `restoredOptions` after a restart. */
  readonly options: unknown;
  readonly records: Iterable<unknown>;
  readonly pause: () => Promise<void>;
}
