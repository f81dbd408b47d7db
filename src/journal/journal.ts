import type { RayEvent } from '../event/index.ts';

/** One accepted event with the time at which its batch was received. */
export interface JournalEntry {
  readonly event: RayEvent;
  /** Milliseconds since the epoch, on the bridge's clock; one value for a batch. */
  readonly receivedAtMs: number;
}

/** A read position: entries before it were consumed. Starts at 0 and grows by one an entry. */
export type JournalCursor = number;

export type AppendOutcome =
  | { readonly ok: true }
  /** The journal is at its limit, or can't be written just now: the sender must keep the batch. */
  | { readonly ok: false; readonly code: 'journal_full' | 'journal_unavailable'; readonly message: string; readonly retryAfterMs: number };

export interface JournalStats {
  /** Entries that were appended and not released. */
  readonly entries: number;
  readonly bytes: number;
  readonly limitBytes: number;
  /** Everything before it was released: where a pump that starts begins to read. */
  readonly releasedCursor: JournalCursor;
  /** Where the next entry will stand. */
  readonly endCursor: JournalCursor;
  /** receivedAtMs of the oldest entry that was not released, if there is one. */
  readonly oldestReceivedAtMs?: number;
}

/**
 * The inbox between receiver and pump. Everything that was appended is read, in order, by the one pump, and stays until the
 * pump releases it.
 */
export interface Journal {
  /**
   * All or nothing; resolves when the batch is as durable as this journal makes it. `bytes` is its size on the wire, decoded.
   * Refused when the batch would take the journal past its limit; but an empty journal takes a batch of any size, because
   * a sender that repeats a batch for ever must get it through in the end.
   */
  append(entries: readonly JournalEntry[], bytes: number): Promise<AppendOutcome>;
  /** Up to `limit` entries from `cursor` on; empty when there are none. Rejects with RangeError for a cursor that was released or is past the end. */
  read(cursor: JournalCursor, limit: number): Promise<readonly JournalEntry[]>;
  /** Gives back the storage of all entries before `cursor`; never moves back. Rejects with RangeError for a cursor past the end. */
  release(cursor: JournalCursor): Promise<void>;
  stats(): JournalStats;
  /** Resolves at the next append after `cursor`, or at once when there is something to read there; also when `signal` aborts or the journal closes. */
  waitForEntries(cursor: JournalCursor, signal: AbortSignal): Promise<void>;
  /** From now on every append is refused as `journal_unavailable`; what is there can still be read and released. Idempotent. */
  close(): Promise<void>;
}
