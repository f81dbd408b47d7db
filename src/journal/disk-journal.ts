import type { RayEvent } from '../event/index.ts';
import { Batches } from './batches.ts';
import { CheckpointStore } from './checkpoints.ts';
import { createWaiters } from '../runtime/index.ts';
import { identify } from './folder-check.ts';
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
import { KEYS, rangeOf } from './keys.ts';
import { DEFAULT_DISK_JOURNAL_LIMITS, type DiskJournalLimits } from './limits.ts';
import { assertReachable, JOURNAL_CLOSED, RETRY_AFTER_MS } from './outcomes.ts';
import { OutboxStore } from './outbox.ts';
import { Space } from './space.ts';
import { isCorruption, reasonOf, remedyOf, removeReplaced } from './repair-store.ts';
import { type Level, openStore, type OpenProblem } from './store.ts';
import { StoreWriter } from './store-writer.ts';
import { decodeValue, encodeBatch, type StoredBatch } from './stored-value.ts';
import { Tail } from './tail.ts';
import { type EncodedBatch, type QueuedBatch, settleAll } from './write-queue.ts';

/** When idle, a checkpoint is due once it frees this share of its own size. */
const IDLE_CHECKPOINT_SHARE = 1 / 8;
/** The same under load: writing the state then costs about a fifth of reading those events. */
const LOAD_CHECKPOINT_SHARE = 0.6;

export interface DiskJournalOptions {
  /** Created if missing. Only one process may use it. */
  readonly folder: string;
  /**
   * `always`: an append resolves after a sync, so a batch that was answered 200 survives a power
   * failure. `interval`: syncs every `syncIntervalMs`. A batch then survives the end of the
   * process, but a power failure loses the batches since the last sync.
   */
  readonly sync: 'always' | 'interval';
  readonly syncIntervalMs: number;
  /** Overrides of the default limits. */
  readonly limits?: Partial<DiskJournalLimits>;
  /** Milliseconds on a clock that never steps back. */
  readonly now: () => number;
  /** Milliseconds since the epoch. The clock of a new journal starts here. */
  readonly epochMs: () => number;
  /** Resolves early when `signal` aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly onEvent?: OnJournalEvent;
}

export type OpenedJournal =
  | { readonly ok: true; readonly journal: Journal & { readonly durable: Durable } }
  | { readonly ok: false; readonly code: OpenProblem; readonly message: string };

/** A journal that outlives the process, in a LevelDB in one folder. */
export async function openDiskJournal(options: DiskJournalOptions): Promise<OpenedJournal> {
  try {
    return await openAndLoad(options, false);
  } catch (error) {
    if (!isCorruption(error)) return unreadable(options.folder, error);
  }
  return await openAndLoad(options, true).catch((error: unknown) => unreadable(options.folder, error));
}

async function openAndLoad(options: DiskJournalOptions, needsRepair: boolean): Promise<OpenedJournal> {
  const opened = await openStore(options.folder, needsRepair);
  if (!opened.ok) return opened;
  let isDamaged = false;
  const onEvent: OnJournalEvent = (event) => {
    isDamaged ||= event.name === 'journal_damaged';
    options.onEvent?.(event);
  };
  for (const what of opened.damages) onEvent({ name: 'journal_damaged', what, entries: 0 });
  try {
    const journal = await DiskJournal.load(options, opened.level, onEvent, () => isDamaged);
    const removed = await removeReplaced(options.folder);
    if (removed !== undefined) onEvent({ name: 'journal_damaged', what: removed, entries: 0 });
    return { ok: true, journal };
  } catch (error) {
    await opened.level.close();
    throw error;
  }
}

function unreadable(folder: string, error: unknown): OpenedJournal {
  const message = `the journal in ${folder} cannot be read: ${reasonOf(error)}${remedyOf(error)}`;
  return { ok: false, code: 'journal_unusable', message };
}

class DiskJournal implements Journal, Durable {
  readonly durable: Durable = this;
  readonly #options: DiskJournalOptions;
  readonly #limits: DiskJournalLimits;
  readonly #onEvent: OnJournalEvent;
  readonly #batches: Batches;
  readonly #checkpoints: CheckpointStore;
  readonly #tail = new Tail();
  readonly #waiters = createWaiters();
  readonly #space: Space;
  readonly outbox: OutboxStore;
  readonly isDamaged: () => boolean;
  #clock: JournalClock;
  #writer: StoreWriter | undefined;
  #isClosed = false;
  /** The pump has processed the entries before it. */
  #releasedCursor: JournalCursor = 0;
  /** Entries before it are on disk. */
  #endCursor: JournalCursor = 0;
  #endBytes = 0;
  /** End cursor and bytes, including batches that are being written. */
  #queuedCursor: JournalCursor = 0;
  #queuedBytes = 0;
  #lastAppendMs = 0;
  #oldestMs: number | undefined;
  #loaded: StoredBatch | undefined;
  restoredUntil: JournalCursor = 0;
  restoredTimeMs = 0;
  restoredOptions: unknown;

  constructor(options: DiskJournalOptions, level: Level, onEvent: OnJournalEvent, isDamaged: () => boolean) {
    const currentLevel = (): Level => this.#writer?.level ?? level;
    this.#options = options;
    this.#limits = { ...DEFAULT_DISK_JOURNAL_LIMITS, ...options.limits };
    this.#onEvent = onEvent;
    this.#batches = new Batches(currentLevel, this.#limits, onEvent);
    this.#checkpoints = new CheckpointStore({ level: currentLevel, limits: this.#limits, sleep: options.sleep, onEvent });
    this.#clock = createJournalClock(options.now, 0);
    this.#space = new Space(options.folder, this.#limits, options.now);
    this.isDamaged = isDamaged;
    this.outbox = new OutboxStore({
      level: currentLevel,
      untilOpen: async () => this.#writer?.recovering,
      limits: this.#limits,
      space: this.#space,
      sleep: options.sleep,
      onEvent,
      onChange: () => this.#open.write(),
    });
  }

  static async load(options: DiskJournalOptions, level: Level, onEvent: OnJournalEvent, isDamaged: () => boolean): Promise<DiskJournal> {
    const journal = new DiskJournal(options, level, onEvent, isDamaged);
    await journal.#load(level);
    return journal;
  }

  async #load(level: Level): Promise<void> {
    const checkpoint = await this.#checkpoints.load();
    const end = await this.#batches.end();
    const cursor = checkpoint?.cursor ?? 0;
    this.restoredOptions = checkpoint?.options;
    this.#releasedCursor = cursor;
    this.#endCursor = Math.max(end?.endCursor ?? 0, cursor);
    this.#endBytes = end?.endBytes ?? checkpoint?.bytesBefore ?? 0;
    this.#queuedCursor = this.#endCursor;
    this.#queuedBytes = this.#endBytes;
    this.restoredUntil = this.#endCursor;
    const isLost = this.#checkpoints.isLost || (checkpoint === undefined && ((await this.#batches.start()) ?? 0) > 0);
    await this.outbox.load(level, isLost ? undefined : (checkpoint?.position ?? { spans: 0, outputs: 0 }));
    await level.clear(rangeOf('deliveredIds'));
    const startMs = latest(checkpoint?.timeMs, end?.lastReceivedAtMs, await storedTime(level)) ?? this.#options.epochMs();
    this.#clock = createJournalClock(this.#options.now, startMs);
    this.#lastAppendMs = startMs;
    this.restoredTimeMs = startMs;
    await this.#space.measure(this.#heldBytes, this.outbox.bytes);
    const writerOptions = {
      ...this.#options,
      limits: this.#limits,
      onEvent: this.#onEvent,
      outbox: this.outbox,
      advanceWatermark: () => this.advanceWatermark(),
      encode: (batch: QueuedBatch) => this.#encode(batch),
      onWritten: (group: readonly EncodedBatch[]) => this.#written(group),
      onRefused: () => this.#dropQueued(),
      isDrained: () => this.#releasedCursor === this.#endCursor,
    };
    this.#writer = new StoreWriter(writerOptions, level, startMs, await identify(this.#options.folder));
  }

  async append(events: readonly RayEvent[], bytes: number): Promise<AppendOutcome> {
    if (this.#isClosed) return JOURNAL_CLOSED;
    if (events.length === 0) return { ok: true };
    const writer = this.#open;
    const refusal = writer.refusal() ?? this.#fullness(0);
    if (refusal !== undefined) return refusal;
    return await new Promise((settle) => {
      writer.noteArrival();
      if (!writer.queue.join(events, bytes, settle)) {
        const receivedAtMs = this.#clock.stamp();
        const epochMs = this.#options.epochMs();
        writer.queue.push({ posts: [events], receivedAtMs, epochMs, count: events.length, bytes, settles: [settle] });
      }
      writer.write();
    });
  }

  async read(cursor: JournalCursor, limit: number, signal?: AbortSignal): Promise<JournalSlice> {
    assertReachable(cursor, this.#releasedCursor, this.#endCursor);
    if (cursor === this.#endCursor) return { from: cursor, entries: [] };
    const slice = this.#tail.holds(cursor) ? this.#tail.slice(cursor, limit) : await this.#readStored(cursor, limit, signal);
    this.#oldestMs = slice.entries[0]?.receivedAtMs;
    return slice;
  }

  release(cursor: JournalCursor): void {
    if (cursor > this.#endCursor) throw new RangeError(`cursor ${cursor} is past the end of the journal, ${this.#endCursor}`);
    this.#releasedCursor = Math.max(this.#releasedCursor, cursor);
    this.#tail.release(this.#releasedCursor);
  }

  advanceWatermark(): number {
    return this.#clock.advanceWatermark(this.#writer?.queue.oldestReceivedAtMs);
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  stats(): JournalStats {
    const entries = this.#endCursor - this.#releasedCursor;
    const oldestMs = this.#tail.oldest?.entries[0]?.receivedAtMs ?? this.#oldestMs;
    return {
      entries,
      bytes: this.#heldBytes,
      limitBytes: this.#space.limitBytes,
      releasedCursor: this.#releasedCursor,
      endCursor: this.#endCursor,
      unwritable: this.#writer?.problem,
      oldestAgeMs: entries === 0 || oldestMs === undefined ? 0 : Math.max(0, this.#clock.nowMs() - oldestMs),
    };
  }

  async waitForEntries(cursor: JournalCursor, signal: AbortSignal): Promise<void> {
    await this.#waiters.until(() => this.#endCursor > cursor || this.#isClosed, signal);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#waiters.changed();
    await this.#open.close();
  }

  readCheckpoint(signal: AbortSignal): AsyncIterable<readonly unknown[]> {
    return this.#checkpoints.read(signal);
  }

  isCheckpointDue(): boolean {
    if (this.#open.hasLostFiles && this.#open.problem === undefined) return true;
    const processedBytes = this.#processedBytes;
    const { checkpointBytes, idleCheckpointBytes, idleMs } = this.#limits;
    const enough = Math.max(checkpointBytes, (this.#checkpoints.current?.bytes ?? 0) * LOAD_CHECKPOINT_SHARE);
    if (processedBytes >= Math.min(enough, this.#space.limitBytes / 4)) return true;
    const isIdle = this.#releasedCursor === this.#endCursor && this.#clock.nowMs() - this.#lastAppendMs >= idleMs;
    // A large state is not written again for a few events.
    const worthIt = Math.max(idleCheckpointBytes, (this.#checkpoints.current?.bytes ?? 0) * IDLE_CHECKPOINT_SHARE);
    return isIdle && processedBytes >= worthIt;
  }

  async saveCheckpoint(checkpoint: NewCheckpoint): Promise<CheckpointOutcome> {
    if (this.#isClosed || this.#open.refusal() !== undefined) return { ok: false, message: 'the journal cannot be written' };
    const startedMs = this.#options.now();
    const { cursor } = checkpoint;
    try {
      // The outbox must hold every undelivered span before the checkpoint is valid.
      if (!(await this.outbox.flush())) return { ok: false, message: 'the outbox cannot be written' };
      const bytesBefore = cursor === this.#endCursor ? this.#endBytes : ((await this.#batches.bytesBefore(cursor)) ?? this.#endBytes);
      const written = await this.#checkpoints.save(checkpoint, { bytesBefore, timeMs: this.#clock.nowMs() });
      await this.#batches.removeBefore(cursor, this.#endCursor);
      this.#open.hasLostFiles = false;
      const durationMs = this.#options.now() - startedMs;
      this.#onEvent({ name: 'journal_checkpoint', ...written, durationMs });
      return { ok: true, bytes: written.bytes };
    } catch (error) {
      this.#open.fail(error);
      return { ok: false, message: reasonOf(error) };
    }
  }

  async keepTime(watermarkMs: number): Promise<void> {
    await this.#open.keepTime(watermarkMs);
  }

  noteDamaged(what: string): void {
    this.#onEvent({ name: 'journal_damaged', what, entries: 0 });
  }

  get #open(): StoreWriter {
    if (this.#writer === undefined) throw new Error('the journal was used before it was loaded');
    return this.#writer;
  }

  /**
   * Bytes without the checkpoint and the outbox: other limits bound the open state, and waiting would not make it
   * smaller.
   */
  get #heldBytes(): number {
    return this.#endBytes - (this.#checkpoints.current?.bytesBefore ?? 0);
  }

  /** Approximate bytes of the processed batches since the checkpoint. */
  get #processedBytes(): number {
    const { cursor = 0, bytesBefore = 0 } = this.#checkpoints.current ?? {};
    if (this.#endCursor === cursor) return 0;
    return ((this.#releasedCursor - cursor) / (this.#endCursor - cursor)) * (this.#endBytes - bytesBefore);
  }

  /** The refusal when the journal has no room for `valueBytes` more. */
  #fullness(valueBytes: number): AppendOutcome | undefined {
    const isEmpty = this.#queuedCursor === this.#releasedCursor;
    const message = this.#space.refusal(this.#heldBytes + this.#queuedBytes - this.#endBytes, valueBytes, isEmpty);
    return message === undefined ? undefined : { ok: false, code: 'journal_full', message, retryAfterMs: RETRY_AFTER_MS };
  }

  async #readStored(cursor: JournalCursor, limit: number, signal: AbortSignal | undefined): Promise<JournalSlice> {
    const loaded = this.#loaded;
    const isIn = loaded !== undefined && loaded.firstCursor <= cursor && cursor < loaded.firstCursor + loaded.entries.length;
    const batch = isIn ? loaded : await this.#loadBatch(cursor, signal);
    if (signal?.aborted === true) return { from: cursor, entries: [] };
    this.#loaded = batch;
    if (batch === undefined) return { from: this.#endCursor, entries: [] };
    const from = Math.max(cursor, batch.firstCursor);
    return { from, entries: batch.entries.slice(from - batch.firstCursor, from - batch.firstCursor + limit) };
  }

  /** Waits while the store is being reopened, and retries failed reads. */
  async #loadBatch(cursor: JournalCursor, signal: AbortSignal | undefined): Promise<StoredBatch | undefined> {
    for (;;) {
      await this.#open.recovering;
      if (signal?.aborted === true) return undefined;
      try {
        return await this.#batches.at(cursor, this.#endCursor);
      } catch (error) {
        if (this.#open.recovering !== undefined) continue;
        if (signal === undefined) throw error;
        this.#onEvent({ name: 'journal_read_failed', what: `the batch of entry ${cursor}`, reason: reasonOf(error) });
        await this.#options.sleep(this.#limits.retryMs, signal);
      }
    }
  }

  /** Undefined when the journal has no room for the batch, which is then refused. */
  #encode(batch: QueuedBatch): EncodedBatch | undefined {
    const { posts, receivedAtMs, epochMs } = batch;
    const [first = []] = posts;
    const events = posts.length === 1 ? first : posts.flat();
    const firstCursor = this.#queuedCursor;
    const header = { receivedAtMs, count: events.length, bytesBefore: this.#queuedBytes };
    const value = encodeBatch(firstCursor, header, events, epochMs);
    const full = this.#fullness(value.length);
    if (full !== undefined) {
      settleAll(batch, full);
      return undefined;
    }
    this.#queuedCursor += events.length;
    this.#queuedBytes += value.length;
    return { batch, firstCursor, events, value };
  }

  #written(group: readonly EncodedBatch[]): void {
    for (const { batch, firstCursor, events, value } of group) {
      const { receivedAtMs, epochMs, bytes } = batch;
      // A pump that lags reads from disk, so later batches need not be in memory.
      const follows = this.#tail.isEmpty ? this.#releasedCursor === firstCursor : this.#tail.endCursor === firstCursor;
      if (follows && this.#tail.bytes + bytes <= this.#limits.maxTailBytes)
        this.#tail.push({ firstCursor, entries: events.map((event) => ({ event, receivedAtMs, epochMs })), bytes });
      this.#endCursor = firstCursor + events.length;
      this.#endBytes += value.length;
      this.#lastAppendMs = receivedAtMs;
      settleAll(batch, { ok: true });
    }
    this.#waiters.changed();
  }

  #dropQueued(): JournalCursor {
    this.#queuedCursor = this.#endCursor;
    this.#queuedBytes = this.#endBytes;
    return this.#endCursor;
  }
}

async function storedTime(level: Level): Promise<number | undefined> {
  const value = await level.get(KEYS.time);
  const content = value === undefined ? undefined : decodeValue(value)?.content;
  return typeof content === 'number' ? content : undefined;
}

function latest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((ms) => ms !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
