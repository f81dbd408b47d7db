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
  readonly entries: number;
  readonly bytes: number;
  readonly limitBytes: number;
  /** receivedAtMs of the oldest entry that was not released, if there is one. */
  readonly oldestReceivedAtMs?: number;
}

/**
 * The durable inbox between receiver and pump. Everything that was appended is read once, in order, by the pump, and
 * stays until the pump releases it.
 */
export interface Journal {
  /** All or nothing; resolves when the batch is as durable as this journal makes it. `bytes` is its size on the wire, decoded. */
  append(entries: readonly JournalEntry[], bytes: number): Promise<AppendOutcome>;
  /** Up to `limit` entries from `cursor` on; empty when there are none. */
  read(cursor: JournalCursor, limit: number): Promise<readonly JournalEntry[]>;
  /** Gives back the storage of all entries before `cursor`. */
  release(cursor: JournalCursor): Promise<void>;
  stats(): JournalStats;
  /** Resolves at the next append after `cursor`, or at once when there is something to read there; also when `signal` aborts. */
  waitForEntries(cursor: JournalCursor, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
