import type { AppendOutcome } from './journal.ts';
import { findFolderProblem, findProblem, type FolderIdentity, identify } from './folder-check.ts';
import type { OnJournalEvent } from './journal-event.ts';
import { KEYS, numberedKey } from './keys.ts';
import type { DiskJournalLimits } from './limits.ts';
import { RETRY_AFTER_MS } from './outcomes.ts';
import type { OutboxStore } from './outbox.ts';
import { isCorruption, reasonOf, removeReplaced } from './repair-store.ts';
import { type Level, openStore } from './store.ts';
import { encodeValue } from './stored-value.ts';
import { type EncodedBatch, type QueuedBatch, WriteQueue } from './write-queue.ts';

export interface StoreWriterOptions {
  readonly folder: string;
  readonly sync: 'always' | 'interval';
  readonly syncIntervalMs: number;
  readonly limits: DiskJournalLimits;
  /** Milliseconds on a clock that never steps back. */
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly onEvent: OnJournalEvent;
  readonly outbox: OutboxStore;
  /** Advances the watermark of the journal's clock and returns it. */
  readonly advanceWatermark: () => number;
  /** Gives a batch its place. Undefined when it was refused. */
  readonly encode: (batch: QueuedBatch) => EncodedBatch | undefined;
  /** Called with batches that are on disk. */
  readonly onWritten: (group: readonly EncodedBatch[]) => void;
  /** Called when queued batches were refused. Returns the cursor of the next batch. */
  readonly onRefused: () => number;
  /** Whether the pump has read every entry. */
  readonly isDrained: () => boolean;
}

/** A watermark to write, and the callers that wait for it. */
interface TimeToKeep {
  readonly watermarkMs: number;
  readonly waiting: readonly (() => void)[];
}

interface Unwritable {
  readonly reason: string;
  readonly sinceMs: number;
  readonly isDamaged: boolean;
}

/**
 * Performs all writes to the store except checkpoints, one at a time. Everything that waits is
 * written with one write and one sync. A failed write or a missing folder makes the journal
 * unwritable until the store was reopened and written.
 */
export class StoreWriter {
  readonly queue = new WriteQueue();
  readonly #options: StoreWriterOptions;
  readonly #stop = new AbortController();
  readonly #background: Promise<unknown>;
  #level: Level;
  #writing: Promise<void> | undefined;
  #timeToKeep: TimeToKeep | undefined;
  #keptTimeMs: number;
  #isUnsynced = false;
  /** When a post last arrived while another one waited. */
  #lastCompanyMs = Number.NEGATIVE_INFINITY;
  #lastGroupMs = Number.NEGATIVE_INFINITY;
  #unwritable: Unwritable | undefined;
  #recovering: Promise<void> | undefined;
  #identity: FolderIdentity;
  /**
   * True when files were lost since the last checkpoint, so that the state in memory must be
   * written again.
   */
  hasLostFiles = false;

  constructor(options: StoreWriterOptions, level: Level, keptTimeMs: number, identity: FolderIdentity) {
    this.#options = options;
    this.#level = level;
    this.#keptTimeMs = keptTimeMs;
    this.#identity = identity;
    this.#background = Promise.all([this.#runInBackground(), this.#watchFolder()]);
  }

  /** Changes with each recovery. */
  get level(): Level {
    return this.#level;
  }

  /** Why the journal is not writable; undefined when it is. */
  get problem(): string | undefined {
    return this.#unwritable === undefined ? undefined : describeProblem(this.#unwritable.reason);
  }

  refusal(): AppendOutcome | undefined {
    return this.#unwritable === undefined ? undefined : unavailable(this.#unwritable.reason);
  }

  /** Resolves when the store is open again; undefined while it is open. */
  get recovering(): Promise<void> | undefined {
    return this.#recovering;
  }

  /** Call before a post is queued. */
  noteArrival(): void {
    if (!this.queue.isEmpty || this.queue.isInProgress) this.#lastCompanyMs = this.#options.now();
  }

  /**
   * While posts keep arriving together, groups start some milliseconds apart, so that more posts
   * share a sync. A post that no other one joins is written at once.
   */
  async #gather(): Promise<void> {
    const { limits, now, sleep } = this.#options;
    const nowMs = now();
    const waitMs = this.#lastGroupMs + limits.groupMs - nowMs;
    if (waitMs > 0 && nowMs - this.#lastCompanyMs < limits.companyMs) await sleep(waitMs, this.#stop.signal);
    this.#lastGroupMs = now();
  }

  /** Writes everything that waits: batches, the outbox, a watermark. */
  write(): void {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Resolves when the watermark is on disk, so that a restart continues from it. */
  async keepTime(watermarkMs: number): Promise<void> {
    if (watermarkMs <= this.#keptTimeMs) return;
    await new Promise<void>((resolve) => {
      this.#keepLater({ watermarkMs, waiting: [resolve] });
      this.write();
    });
  }

  /**
   * Refuses all pending batches and reopens the store, because LevelDB's log may end in the middle
   * of a record.
   */
  fail(error: unknown): void {
    this.#refuseAll(reasonOf(error), isCorruption(error));
  }

  #refuseAll(reason: string, isDamaged: boolean): void {
    if (this.#unwritable === undefined) {
      this.#unwritable = { reason, sinceMs: this.#options.now(), isDamaged };
      this.#options.onEvent({ name: 'journal_unwritable', folder: this.#options.folder, reason });
    }
    this.queue.refuseAll(unavailable(this.#unwritable.reason));
    this.#options.outbox.endFlush();
    this.#options.onRefused();
    this.#startRecovery();
  }

  async #watchFolder(): Promise<void> {
    const { sleep, limits, folder } = this.#options;
    while (!this.#stop.signal.aborted) {
      await sleep(limits.watchMs, this.#stop.signal);
      const level = this.#level;
      if (this.#stop.signal.aborted || this.#unwritable !== undefined) continue;
      const problem = await findProblem(folder, this.#identity, () => tablesOf(level));
      // The result is meaningless if the store was closed in the meantime.
      if (problem === undefined || this.#stop.signal.aborted || level !== this.#level) continue;
      this.hasLostFiles ||= problem.kind === 'files';
      this.#refuseAll(problem.reason, problem.kind === 'files');
    }
  }

  #startRecovery(): void {
    this.#recovering ??= this.#recover().finally(() => {
      this.#recovering = undefined;
    });
  }

  /** Writes everything that waits, syncs, and closes the store. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#writing;
    await Promise.all([this.#background, this.#recovering]);
    if (this.#unwritable === undefined) await this.#keepTimeNow().catch(() => undefined);
    // Ends waits for a watermark that can no longer be written.
    for (const resolve of this.#timeToKeep?.waiting ?? []) resolve();
    await this.#options.outbox.compacted();
    await this.#level.close();
  }

  async #writeAll(): Promise<void> {
    const { outbox, onEvent, limits, sync } = this.#options;
    while (this.#unwritable === undefined && (!this.queue.isEmpty || outbox.hasUnwritten || this.#timeToKeep !== undefined)) {
      if (!this.queue.isEmpty) await this.#gather();
      if (this.#unwritable !== undefined) return;
      const group = this.queue.takeGroup(limits.maxGroupBytes).flatMap((batch) => this.#options.encode(batch) ?? []);
      const time = this.#timeToKeep;
      this.#timeToKeep = undefined;
      const stored = outbox.takeWrites();
      const puts = group.map(({ firstCursor, value }) => ({ type: 'put', key: numberedKey('batch', firstCursor), value }) as const);
      const times = time === undefined ? [] : [{ type: 'put', key: KEYS.time, value: encodeValue(time.watermarkMs) } as const];
      const synced = sync === 'always' && (group.length > 0 || time !== undefined);
      try {
        await this.#level.batch([...puts, ...stored.writes, ...times], { sync: synced });
      } catch (error) {
        stored.failed();
        if (time !== undefined) this.#keepLater(time);
        this.fail(error);
        return;
      }
      // A checkpoint failed in the meantime, so LevelDB's later writes are not reliable.
      if (this.#unwritable !== undefined) {
        stored.failed();
        if (time !== undefined) this.#keepLater(time);
        return;
      }
      this.#isUnsynced = !synced;
      stored.written();
      if (time !== undefined) this.#keptTimeMs = time.watermarkMs;
      for (const resolve of time?.waiting ?? []) resolve();
      if (group.length > 0) this.#options.onWritten(group);
      this.queue.done();
      onEvent({ name: 'journal_written', batches: postsOf(group), bytes: sumOf(puts), synced });
    }
  }

  #keepLater({ watermarkMs, waiting }: TimeToKeep): void {
    const { watermarkMs: otherMs, waiting: others } = this.#timeToKeep ?? { watermarkMs, waiting: [] };
    this.#timeToKeep = { watermarkMs: Math.max(watermarkMs, otherMs), waiting: [...others, ...waiting] };
  }

  async #recover(): Promise<void> {
    const { sleep, limits } = this.#options;
    while (!this.#stop.signal.aborted) {
      await sleep(limits.retryMs, this.#stop.signal);
      if ((await this.#mayReopen()) && (await this.#reopen())) break;
    }
  }

  /**
   * False while the folder is missing: as long as the store stays open, the pump can read accepted
   * entries from the removed files.
   */
  async #mayReopen(): Promise<boolean> {
    const { folder, now, isDrained, limits } = this.#options;
    const problem = await findFolderProblem(folder, this.#identity);
    const { sinceMs, isDamaged } = this.#unwritable ?? { sinceMs: 0, isDamaged: false };
    if (problem !== undefined) {
      this.#unwritable = { reason: problem.reason, sinceMs, isDamaged };
      return false;
    }
    return !this.hasLostFiles || isDrained() || now() - sinceMs >= limits.drainMs;
  }

  async #reopen(): Promise<boolean> {
    const { folder, onEvent, now } = this.#options;
    await this.#options.outbox.compacted();
    await this.#level.close().catch(() => undefined);
    const opened = await openStore(folder, this.#unwritable?.isDamaged);
    if (!opened.ok) return false;
    for (const what of opened.damages) onEvent({ name: 'journal_damaged', what, entries: 0 });
    this.#level = opened.level;
    try {
      this.#identity = await identify(folder);
      // A failed batch may be stored nevertheless, and its sender will send it again.
      await this.#level.clear({ gte: numberedKey('batch', this.#options.onRefused()), lt: numberedKey('checkpoint') });
      await this.#keepTimeNow();
    } catch (error) {
      if (this.#unwritable !== undefined && isCorruption(error)) this.#unwritable = { ...this.#unwritable, isDamaged: true };
      return false;
    }
    const removed = await removeReplaced(folder);
    if (removed !== undefined) onEvent({ name: 'journal_damaged', what: removed, entries: 0 });
    const downMs = now() - (this.#unwritable?.sinceMs ?? 0);
    this.#unwritable = undefined;
    onEvent({ name: 'journal_writable', folder, downMs });
    this.write();
    return true;
  }

  /** Writes the watermark, and syncs everything written before. */
  async #keepTimeNow(): Promise<void> {
    const nowMs = this.#options.advanceWatermark();
    await this.#level.put(KEYS.time, encodeValue(nowMs), { sync: true });
    this.#keptTimeMs = nowMs;
    this.#isUnsynced = false;
  }

  async #runInBackground(): Promise<void> {
    const { sync, syncIntervalMs, sleep, limits, advanceWatermark } = this.#options;
    const pauseMs = sync === 'interval' ? syncIntervalMs : limits.keepTimeMs;
    while (!this.#stop.signal.aborted) {
      await sleep(pauseMs, this.#stop.signal);
      if (this.#stop.signal.aborted || this.#unwritable !== undefined) continue;
      const isTimeOld = advanceWatermark() - this.#keptTimeMs >= limits.keepTimeMs;
      if (isTimeOld || this.#isUnsynced) await this.#keepTimeNow().catch((error: unknown) => this.fail(error));
    }
  }
}

function postsOf(group: readonly EncodedBatch[]): number {
  return group.reduce((sum, { batch }) => sum + batch.posts.length, 0);
}

function sumOf(puts: readonly { readonly value: Buffer }[]): number {
  return puts.reduce((sum, { value }) => sum + value.length, 0);
}

function tablesOf(level: Level): string | null | undefined {
  // `getProperty` throws when the store was closed in the meantime.
  return level.status === 'open' ? level.getProperty('leveldb.sstables') : undefined;
}

function describeProblem(reason: string): string {
  return `the journal cannot be written: ${reason}`;
}

function unavailable(reason: string): AppendOutcome {
  return { ok: false, code: 'journal_unavailable', message: describeProblem(reason), retryAfterMs: RETRY_AFTER_MS };
}
