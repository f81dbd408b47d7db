import type { RayEvent } from '../event/index.ts';

/** One accepted event with the time at which its batch was received. */
export interface JournalEntry {
  readonly event: RayEvent;
  /** Milliseconds on the journal's clock; one value for a batch, never less than that of the batch before. */
  readonly receivedAtMs: number;
  /** The same moment in milliseconds since the epoch: the journal's clock stands still while no process runs. */
  readonly epochMs: number;
}

/** A read position: entries before it were consumed. Starts at 0 and grows by one an entry. */
export type JournalCursor = number;

/** Entries that stand one after another. */
export interface JournalSlice {
  /** Of the first one. Beyond the cursor that was asked for when what stood there is damaged. */
  readonly from: JournalCursor;
  readonly entries: readonly JournalEntry[];
}

export type AppendOutcome =
  | { readonly ok: true }
  /** The journal is at its limit, or can't be written just now: the sender must keep the batch. */
  | { readonly ok: false; readonly code: 'journal_full' | 'journal_unavailable'; readonly message: string; readonly retryAfterMs: number };

export interface JournalStats {
  /** Entries that were appended and not released. */
  readonly entries: number;
  /** Of the entries that the journal holds, read or not: in memory, or on disk. */
  readonly bytes: number;
  readonly limitBytes: number;
  /** Why nothing can be written to its disk, if nothing can. */
  readonly unwritable?: string | undefined;
  /** Everything before it was released: where a pump that starts begins to read. */
  readonly releasedCursor: JournalCursor;
  /** Where the next entry will stand. */
  readonly endCursor: JournalCursor;
  /** How long the oldest entry that was not released has waited, in milliseconds; 0 when there is none. */
  readonly oldestAgeMs: number;
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
  append(events: readonly RayEvent[], bytes: number): Promise<AppendOutcome>;
  /**
   * Up to `limit` entries from `cursor` on; empty when there are none. A disk that does not give them just now is asked again until `signal` aborts, and
   * then there are none; without a signal it rejects. Rejects with RangeError for a cursor that was released or is past the end.
   */
  read(cursor: JournalCursor, limit: number, signal?: AbortSignal): Promise<JournalSlice>;
  /** The pump needs the entries before `cursor` no more; never moves back. Throws RangeError for a cursor past the end. */
  release(cursor: JournalCursor): void;
  /** The present on the journal's clock: no entry that is appended from now on will be received at or before it. */
  seal(): number;
  /** The present on the journal's clock, to compare receive times with. */
  nowMs(): number;
  stats(): JournalStats;
  /** Resolves at the next append after `cursor`, or at once when there is something to read there; also when `signal` aborts or the journal closes. */
  waitForEntries(cursor: JournalCursor, signal: AbortSignal): Promise<void>;
  /** From now on every append is refused as `journal_unavailable`; what is there can still be read and released. Idempotent. */
  close(): Promise<void>;
  /** Of a journal that outlives the process. */
  readonly durable?: Durable;
}

/** Which spans of which exporter were delivered: `key` is trace id and span id, 48 hex digits. */
export type SpanKey = string;

export type CheckpointOutcome = { readonly ok: true; readonly bytes: number } | { readonly ok: false; readonly message: string };

/**
 * What a restart needs beside the entries. A checkpoint is the state of everything that was made of the entries before a cursor; those entries are then
 * given back. What was delivered since the checkpoint is remembered, because the entries after it are worked through again.
 */
export interface Durable {
  /** Entries before it were there when the journal was opened: to be worked through again after the checkpoint. */
  readonly restoredUntil: JournalCursor;
  /** Where the journal's clock stood when it was opened. */
  readonly restoredTimeMs: number;
  /** Under which the entries since the checkpoint were worked through; undefined in a new journal. */
  readonly restoredOptions: unknown;
  /** The records of the last checkpoint, in portions. Waits for a disk that fails; fewer of them when `signal` aborts meanwhile. */
  readCheckpoint(signal: AbortSignal): AsyncIterable<readonly unknown[]>;
  /** It is time for a checkpoint: enough entries were read since the last one, or nothing else is to do. */
  isCheckpointDue(): boolean;
  /** Takes the place of the last one, whole or not at all, and gives back the entries before `cursor`. Calls `pause` between two portions. */
  saveCheckpoint(checkpoint: NewCheckpoint): Promise<CheckpointOutcome>;
  /** The time of `seal` is kept: a restart goes on from there, and not from the last entry. */
  keepTime(sealedMs: number): Promise<void>;
  /** `keys` are those of spans as bytes, 24 for each. Remembered from now on, on disk soon after. */
  noteDelivered(exporter: string, keys: Buffer): void;
  /** False once a checkpoint made what former processes delivered needless: then there is no key to ask for. */
  remembersDelivered(): boolean;
  /** By a former process, since the checkpoint. */
  wasDelivered(exporter: string, key: SpanKey): boolean;
  /** A record of the checkpoint could not be used. */
  noteDamaged(what: string): void;
}

export interface NewCheckpoint {
  readonly cursor: JournalCursor;
  /** Plain data: what `restoredOptions` will be. */
  readonly options: unknown;
  readonly records: Iterable<unknown>;
  readonly pause: () => Promise<void>;
}
