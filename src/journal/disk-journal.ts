import type { RayEvent } from '../event/index.ts';
import { Batches } from './batches.ts';
import {
  commitCheckpoint,
  loadCheckpoint,
  readPortions,
  removeOtherPortions,
  type StoredCheckpoint,
  writePortions,
} from './checkpoints.ts';
import { Delivered } from './delivered.ts';
import { createEntryWaits } from './entry-waits.ts';
import { createJournalClock, type JournalClock } from './journal-clock.ts';
import type {
  AppendOutcome,
  CheckpointOutcome,
  Durable,
  Journal,
  JournalCursor,
  JournalSlice,
  JournalStats,
  NewCheckpoint,
} from './journal.ts';
import type { OnJournalEvent } from './journal-event.ts';
import { KEYS, numberedKey } from './keys.ts';
import { DEFAULT_DISK_JOURNAL_LIMITS, type DiskJournalLimits } from './limits.ts';
import { assertReachable, closedOutcome, RETRY_AFTER_MS } from './outcomes.ts';
import { Space } from './space.ts';
import { type Level, openStore, type OpenProblem, reasonOf } from './store.ts';
import { decodeValue, encodeBatch, encodeValue, type StoredBatch } from './stored-value.ts';
import { Tail } from './tail.ts';
import { WriteQueue } from './write-queue.ts';

export interface DiskJournalOptions {
  /** Made when there is none. One process at a time can have it. */
  readonly folder: string;
  /**
   * `always`: an append is synced to the disk before it resolves; what was answered 200 outlives a power failure. `interval`: synced every
   * `syncIntervalMs`; it outlives the end of the process, and a power failure or a crash of the system takes what came since.
   */
  readonly sync: 'always' | 'interval';
  readonly syncIntervalMs: number;
  /** What is left out takes its default. */
  readonly limits?: Partial<DiskJournalLimits>;
  /** Milliseconds on a clock that never steps back. */
  readonly now: () => number;
  /** Milliseconds since the epoch, where the clock of a new journal starts. */
  readonly epochMs: () => number;
  /** Resolves early when `signal` aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly onEvent?: OnJournalEvent;
}

/** A time that is to be written, and who waits for that. */
interface TimeToKeep {
  readonly sealedMs: number;
  readonly waiting: readonly (() => void)[];
}

export type OpenedJournal =
  | { readonly ok: true; readonly journal: Journal & { readonly durable: Durable } }
  | { readonly ok: false; readonly code: OpenProblem; readonly message: string };

/** A journal that outlives the process, in a LevelDB in one folder. */
export async function openDiskJournal(options: DiskJournalOptions): Promise<OpenedJournal> {
  const opened = await openStore(options.folder);
  if (!opened.ok) return opened;
  const onEvent = options.onEvent ?? (() => undefined);
  for (const what of opened.damages) onEvent({ name: 'journal_damaged', what, entries: 0 });
  try {
    const journal = new DiskJournal(options, opened.level, onEvent);
    await journal.load();
    return { ok: true, journal };
  } catch (error) {
    await opened.level.close();
    return { ok: false, code: 'journal_unusable', message: `the journal in ${options.folder} cannot be read: ${reasonOf(error)}` };
  }
}

class DiskJournal implements Journal, Durable {
  readonly durable: Durable = this;
  readonly #options: DiskJournalOptions;
  readonly #limits: DiskJournalLimits;
  readonly #onEvent: OnJournalEvent;
  readonly #batches: Batches;
  readonly #delivered = new Delivered();
  readonly #queue = new WriteQueue();
  readonly #tail = new Tail();
  readonly #waits = createEntryWaits();
  readonly #stop = new AbortController();
  #level: Level;
  #clock: JournalClock;
  readonly #space: Space;
  #isClosed = false;
  #checkpoint: StoredCheckpoint | undefined;
  /** Entries before it are worked through. */
  #releasedCursor: JournalCursor = 0;
  /** Entries before it are on disk. */
  #endCursor: JournalCursor = 0;
  #endBytes = 0;
  /** As they will be when all that is queued is on disk. */
  #queuedCursor: JournalCursor = 0;
  #queuedBytes = 0;
  #lastAppendMs = 0;
  #oldestMs: number | undefined;
  #loaded: StoredBatch | undefined;
  #writing: Promise<void> | undefined;
  #timeToKeep: TimeToKeep | undefined;
  #keptTimeMs = 0;
  #isUnsynced = false;
  #unwritable: { readonly reason: string; readonly sinceMs: number } | undefined;
  #recovering: Promise<void> | undefined;
  #background: Promise<void> | undefined;
  restoredUntil: JournalCursor = 0;
  restoredOptions: unknown;

  constructor(options: DiskJournalOptions, level: Level, onEvent: OnJournalEvent) {
    this.#options = options;
    this.#limits = { ...DEFAULT_DISK_JOURNAL_LIMITS, ...options.limits };
    this.#level = level;
    this.#onEvent = onEvent;
    this.#batches = new Batches(() => this.#level, this.#limits, onEvent);
    this.#clock = createJournalClock(options.now, 0);
    this.#space = new Space(options.folder, this.#limits, options.now);
  }

  async load(): Promise<void> {
    const checkpoint = await loadCheckpoint(this.#level);
    if (checkpoint === 'damaged') this.noteDamaged('the record of the checkpoint');
    this.#checkpoint = typeof checkpoint === 'string' ? undefined : checkpoint;
    this.restoredOptions = this.#checkpoint?.options;
    const end = await this.#batches.end();
    const cursor = this.#checkpoint?.cursor ?? (await this.#batches.firstCursor());
    this.#releasedCursor = cursor;
    this.#endCursor = Math.max(end?.endCursor ?? 0, cursor);
    this.#endBytes = end?.endBytes ?? this.#checkpoint?.bytesBefore ?? 0;
    this.#queuedCursor = this.#endCursor;
    this.#queuedBytes = this.#endBytes;
    this.restoredUntil = this.#endCursor;
    await this.#delivered.load(this.#level, () => this.noteDamaged('a record of what was delivered'));
    const time = await this.#level.get(KEYS.time);
    const kept = time === undefined ? undefined : decodeValue(time)?.content;
    const times = [this.#checkpoint?.timeMs, end?.lastReceivedAtMs, typeof kept === 'number' ? kept : undefined];
    const known = times.filter((ms) => ms !== undefined);
    const startMs = known.length === 0 ? this.#options.epochMs() : Math.max(...known);
    this.#clock = createJournalClock(this.#options.now, startMs);
    this.#lastAppendMs = startMs;
    this.#keptTimeMs = startMs;
    await this.#space.measure(this.#heldBytes);
    this.#background = this.#runInBackground();
  }

  async append(events: readonly RayEvent[], bytes: number): Promise<AppendOutcome> {
    if (this.#isClosed) return closedOutcome;
    if (events.length === 0) return { ok: true };
    if (this.#unwritable !== undefined) return unavailable(this.#unwritable.reason);
    const alreadyFull = this.#fullness(0);
    if (alreadyFull !== undefined) return alreadyFull;
    const receivedAtMs = this.#clock.stamp();
    const value = encodeBatch({ receivedAtMs, count: events.length, bytesBefore: this.#queuedBytes }, events);
    const full = this.#fullness(value.length);
    if (full !== undefined) return full;
    return await new Promise((settle) => {
      this.#queue.push({ firstCursor: this.#queuedCursor, events, receivedAtMs, value, bytes, settle });
      this.#queuedCursor += events.length;
      this.#queuedBytes += value.length;
      this.#write();
    });
  }

  async read(cursor: JournalCursor, limit: number): Promise<JournalSlice> {
    assertReachable(cursor, this.#releasedCursor, this.#endCursor);
    if (cursor === this.#endCursor) return { from: cursor, entries: [] };
    const slice = this.#tail.holds(cursor) ? this.#tail.slice(cursor, limit) : await this.#readStored(cursor, limit);
    this.#oldestMs = slice.entries[0]?.receivedAtMs;
    return slice;
  }

  release(cursor: JournalCursor): void {
    if (cursor > this.#endCursor) throw new RangeError(`cursor ${cursor} is past the end of the journal, ${this.#endCursor}`);
    this.#releasedCursor = Math.max(this.#releasedCursor, cursor);
    this.#tail.release(this.#releasedCursor);
  }

  seal(): number {
    return this.#clock.seal(this.#queue.oldestReceivedAtMs);
  }

  stats(): JournalStats {
    const entries = this.#endCursor - this.#releasedCursor;
    const oldestMs = this.#oldestMs ?? this.#tail.oldest?.entries[0]?.receivedAtMs;
    return {
      entries,
      bytes: this.#heldBytes,
      limitBytes: this.#space.limitBytes,
      releasedCursor: this.#releasedCursor,
      endCursor: this.#endCursor,
      oldestAgeMs: entries === 0 || oldestMs === undefined ? 0 : Math.max(0, this.#clock.nowMs() - oldestMs),
    };
  }

  async waitForEntries(cursor: JournalCursor, signal: AbortSignal): Promise<void> {
    await this.#waits.until(() => this.#endCursor > cursor || this.#isClosed, signal);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#waits.changed();
    this.#stop.abort();
    await this.#writing;
    await Promise.all([this.#background, this.#recovering]);
    if (this.#unwritable === undefined) await this.#keepNow().catch(() => undefined);
    await this.#level.close();
  }

  readCheckpoint(): AsyncIterable<readonly unknown[]> {
    const checkpoint = this.#checkpoint;
    if (checkpoint === undefined) return none();
    return readPortions(this.#level, checkpoint, (what) => this.noteDamaged(what));
  }

  isCheckpointDue(): boolean {
    const workedThrough = this.#workedThroughBytes;
    const { checkpointBytes, idleCheckpointBytes, idleMs } = this.#limits;
    if (workedThrough >= Math.min(Math.max(checkpointBytes, this.#checkpoint?.bytes ?? 0), this.#space.limitBytes / 4)) return true;
    const isIdle = this.#releasedCursor === this.#endCursor && this.#clock.nowMs() - this.#lastAppendMs >= idleMs;
    return isIdle && workedThrough + this.#delivered.bytes >= idleCheckpointBytes;
  }

  async saveCheckpoint(checkpoint: NewCheckpoint): Promise<CheckpointOutcome> {
    if (this.#isClosed || this.#unwritable !== undefined) return { ok: false, message: 'the journal cannot be written' };
    const startedMs = this.#options.now();
    const { cursor, options } = checkpoint;
    const level = this.#level;
    try {
      const generation = (this.#checkpoint?.generation ?? 0) + 1;
      const deliveredEnd = this.#delivered.end;
      const written = await writePortions(level, generation, checkpoint, this.#limits.portionRecords);
      const bytesBefore = cursor === this.#endCursor ? this.#endBytes : ((await this.#batches.bytesBefore(cursor)) ?? this.#endBytes);
      const timeMs = this.#clock.nowMs();
      const stored = { generation, portions: written.portions, bytes: written.bytes, cursor, bytesBefore, timeMs, options };
      await commitCheckpoint(level, stored);
      this.#checkpoint = stored;
      await this.#batches.removeBefore(cursor, this.#endCursor);
      await removeOtherPortions(level, generation);
      await this.#delivered.removeTo(level, deliveredEnd);
      const durationMs = this.#options.now() - startedMs;
      this.#onEvent({ name: 'journal_checkpoint', bytes: written.bytes, records: written.records, durationMs });
      return { ok: true, bytes: written.bytes };
    } catch (error) {
      this.#fail(error);
      return { ok: false, message: reasonOf(error) };
    }
  }

  async keepTime(sealedMs: number): Promise<void> {
    if (sealedMs <= this.#keptTimeMs) return;
    await new Promise<void>((resolve) => {
      this.#keepLater({ sealedMs, waiting: [resolve] });
      this.#write();
    });
  }

  noteDelivered(exporter: string, keys: readonly string[]): void {
    this.#delivered.note(exporter, keys);
    this.#write();
  }

  wasDelivered(exporter: string, key: string): boolean {
    return this.#delivered.was(exporter, key);
  }

  noteDamaged(what: string): void {
    this.#onEvent({ name: 'journal_damaged', what, entries: 0 });
  }

  get #heldBytes(): number {
    const batches = this.#endBytes - (this.#checkpoint?.bytesBefore ?? 0);
    return batches + (this.#checkpoint?.bytes ?? 0) + this.#delivered.bytes;
  }

  /** Of the batches since the checkpoint, about. */
  get #workedThroughBytes(): number {
    const from = this.#checkpoint?.cursor ?? 0;
    if (this.#endCursor === from) return 0;
    const share = (this.#releasedCursor - from) / (this.#endCursor - from);
    return share * (this.#endBytes - (this.#checkpoint?.bytesBefore ?? 0));
  }

  /** `valueBytes` more: why they cannot be held, if they cannot. */
  #fullness(valueBytes: number): AppendOutcome | undefined {
    const isEmpty = this.#endCursor === this.#releasedCursor && this.#queue.isEmpty;
    const message = this.#space.refusal(this.#heldBytes + this.#queue.bytes, valueBytes, isEmpty);
    return message === undefined ? undefined : { ok: false, code: 'journal_full', message, retryAfterMs: RETRY_AFTER_MS };
  }

  async #readStored(cursor: JournalCursor, limit: number): Promise<JournalSlice> {
    const loaded = this.#loaded;
    const isIn = loaded !== undefined && loaded.firstCursor <= cursor && cursor < loaded.firstCursor + loaded.entries.length;
    const batch = isIn ? loaded : await this.#load(cursor);
    this.#loaded = batch;
    if (batch === undefined) return { from: this.#endCursor, entries: [] };
    const from = Math.max(cursor, batch.firstCursor);
    return { from, entries: batch.entries.slice(from - batch.firstCursor, from - batch.firstCursor + limit) };
  }

  /** Waits while the store is opened anew. */
  async #load(cursor: JournalCursor): Promise<StoredBatch | undefined> {
    for (;;) {
      await this.#recovering;
      try {
        return await this.#batches.at(cursor, this.#endCursor);
      } catch (error) {
        if (this.#recovering === undefined) throw error;
      }
    }
  }

  #write(): void {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeAll(): Promise<void> {
    while (this.#unwritable === undefined && (!this.#queue.isEmpty || this.#delivered.hasUnwritten || this.#timeToKeep !== undefined)) {
      const group = this.#queue.takeGroup(this.#limits.maxGroupBytes);
      const time = this.#timeToKeep;
      this.#timeToKeep = undefined;
      const delivered = this.#delivered.unwritten();
      const puts = group.map(({ firstCursor, value }) => ({ type: 'put', key: numberedKey('batch', firstCursor), value }) as const);
      const times = time === undefined ? [] : [{ type: 'put', key: KEYS.time, value: encodeValue(time.sealedMs) } as const];
      const synced = this.#options.sync === 'always' && (group.length > 0 || time !== undefined);
      try {
        await this.#level.batch([...puts, ...delivered, ...times], { sync: synced });
      } catch (error) {
        if (time !== undefined) this.#keepLater(time);
        this.#fail(error);
        return;
      }
      this.#isUnsynced = !synced;
      this.#delivered.written(delivered);
      if (time !== undefined) this.#keptTimeMs = time.sealedMs;
      for (const resolve of time?.waiting ?? []) resolve();
      if (group.length > 0) this.#written(group);
      this.#onEvent({ name: 'journal_written', batches: group.length, bytes: sumOf(puts), synced });
    }
  }

  #keepLater({ sealedMs, waiting }: TimeToKeep): void {
    const { sealedMs: otherMs, waiting: others } = this.#timeToKeep ?? { sealedMs, waiting: [] };
    this.#timeToKeep = { sealedMs: Math.max(sealedMs, otherMs), waiting: [...others, ...waiting] };
  }

  #written(group: ReturnType<WriteQueue['takeGroup']>): void {
    for (const { firstCursor, events, receivedAtMs, value, bytes, settle } of group) {
      // A pump that lags reads from the disk: what it has not reached need not be in memory.
      const follows = this.#tail.isEmpty ? this.#releasedCursor === firstCursor : this.#tail.endCursor === firstCursor;
      if (follows && this.#tail.bytes + bytes <= this.#limits.maxTailBytes)
        this.#tail.push({ firstCursor, entries: events.map((event) => ({ event, receivedAtMs })), bytes });
      this.#endCursor = firstCursor + events.length;
      this.#endBytes += value.length;
      this.#lastAppendMs = receivedAtMs;
      settle({ ok: true });
    }
    this.#queue.done();
    this.#waits.changed();
  }

  /** Nothing of what was under way counts; the store is opened anew, because the engine's log may end in the middle of a record. */
  #fail(error: unknown): void {
    if (this.#unwritable === undefined) {
      const reason = reasonOf(error);
      this.#unwritable = { reason, sinceMs: this.#options.now() };
      this.#onEvent({ name: 'journal_unwritable', folder: this.#options.folder, reason });
    }
    this.#queue.refuseAll(unavailable(this.#unwritable.reason));
    this.#queuedCursor = this.#endCursor;
    this.#queuedBytes = this.#endBytes;
    this.#recovering ??= this.#recover().finally(() => {
      this.#recovering = undefined;
    });
  }

  async #recover(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#options.sleep(this.#limits.retryMs, this.#stop.signal);
      if (await this.#reopen()) break;
    }
  }

  async #reopen(): Promise<boolean> {
    await this.#level.close().catch(() => undefined);
    const opened = await openStore(this.#options.folder);
    if (!opened.ok) return false;
    this.#level = opened.level;
    try {
      // What failed may be there all the same, and its sender will send it again.
      await this.#level.clear({ gte: numberedKey('batch', this.#endCursor), lt: numberedKey('checkpoint', 0) });
      await this.#keepNow();
    } catch {
      return false;
    }
    const downMs = this.#options.now() - (this.#unwritable?.sinceMs ?? 0);
    this.#unwritable = undefined;
    this.#onEvent({ name: 'journal_writable', folder: this.#options.folder, downMs });
    this.#write();
    return true;
  }

  /** Also syncs everything that was written before. */
  async #keepNow(): Promise<void> {
    const nowMs = this.#clock.seal(this.#queue.oldestReceivedAtMs);
    await this.#level.put(KEYS.time, encodeValue(nowMs), { sync: true });
    this.#keptTimeMs = nowMs;
    this.#isUnsynced = false;
  }

  async #runInBackground(): Promise<void> {
    const { sync, syncIntervalMs, sleep } = this.#options;
    const pauseMs = sync === 'interval' ? syncIntervalMs : this.#limits.keepTimeMs;
    while (!this.#stop.signal.aborted) {
      await sleep(pauseMs, this.#stop.signal);
      if (this.#stop.signal.aborted || this.#unwritable !== undefined) continue;
      const isTimeOld = this.#clock.nowMs() - this.#keptTimeMs >= this.#limits.keepTimeMs;
      if (isTimeOld || this.#isUnsynced) await this.#keepNow().catch((error: unknown) => this.#fail(error));
    }
  }
}

async function* none(): AsyncIterable<readonly unknown[]> {
  // Nothing was kept.
}

function sumOf(puts: readonly { readonly value: Buffer }[]): number {
  return puts.reduce((sum, { value }) => sum + value.length, 0);
}

function unavailable(reason: string): AppendOutcome {
  return {
    ok: false,
    code: 'journal_unavailable',
    message: `the journal cannot be written: ${reason}`,
    retryAfterMs: RETRY_AFTER_MS,
  };
}
