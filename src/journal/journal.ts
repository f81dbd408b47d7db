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

export type CheckpointOutcome = { readonly ok: true; readonly bytes: number } | { readonly ok: false; readonly message: string };

/**
 * A position in the sequence of what leaves the correlator. The sequence is a function of the
 * entries: a restart from a checkpoint repeats it, so a number names the same span in every process.
 */
export interface SequencePosition {
  /** Finished entities before it. */
  readonly outputs: number;
  /** Spans before it, which is the number of the next span. */
  readonly spans: number;
}

/** Consecutive spans, as one value. */
export interface StoredSpans {
  /** Number of the first span. */
  readonly first: number;
  readonly count: number;
  /** When they were enqueued, in milliseconds since the epoch. */
  readonly atMs: number;
  /** The spans, encoded. The journal does not look into them. */
  readonly bytes: Buffer;
}

export interface OutboxStats {
  readonly spans: number;
  readonly bytes: number;
  readonly limitBytes: number;
  /** Why it takes no more spans; undefined while it does. */
  readonly full?: string;
}

/** Finished spans that wait on disk for exporters, and how far each exporter has come. */
export interface Outbox {
  /** Position of the checkpoint that a restart begins with. */
  readonly restored: SequencePosition;
  /** Number of the oldest stored span, or of the next span when none is stored. */
  readonly firstNumber: number;
  /** Number up to which everything is delivered. Undefined for an unknown name. */
  delivered(name: string): number | undefined;
  /** Written to disk soon after. */
  noteDelivered(name: string, number: number): void;
  /** Adds spans. Resolves when they are written. */
  add(spans: StoredSpans): Promise<void>;
  /**
   * Reads the first stored spans that end after `number`. Undefined when there are none, or when
   * `signal` aborts. Damaged ones are reported and skipped.
   */
  read(number: number, signal: AbortSignal): Promise<StoredSpans | undefined>;
  /** Removes spans with lower numbers. */
  discardBefore(number: number): void;
  /** False at the size limit, and while too much waits to be written. */
  hasRoom(): boolean;
  stats(): OutboxStats;
}

/**
 * What a restart needs besides the entries. A checkpoint is the correlator's state after the
 * entries before a cursor, which are then removed, and its position in the sequence of spans.
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
  readonly outbox: Outbox;
  /**
   * True once a part of the journal was found damaged: a restart may then not repeat the sequence of
   * spans.
   */
  isDamaged(): boolean;
  /** Reports an unusable record of the checkpoint. */
  noteDamaged(what: string): void;
}

export interface NewCheckpoint {
  readonly cursor: JournalCursor;
  /** Undelivered spans before it must be in the outbox. */
  readonly position: SequencePosition;
  /** Plain data, returned as `restoredOptions` after a restart. */
  readonly options: unknown;
  readonly records: Iterable<unknown>;
  readonly pause: () => Promise<void>;
}
