import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { Applied, Correlator, Output } from './correlate/index.ts';
import type { RayEvent } from './event/index.ts';
import type { ExportPipeline } from './export/index.ts';
import { childSignal, type Scheduler, type Sleep, type TimeSlice } from './runtime/index.ts';
import type { Journal, JournalCursor, JournalEntry, JournalSlice } from './journal/index.ts';

/** Entries per read of the journal. */
const READ_ENTRIES = 500;
/** Maximum time between two updates of the correlator's time, in milliseconds. */
const TICK_MS = 250;
/** Wait after a failed read of the journal. */
const RETRY_MS = 1000;
/**
 * Maximum wait before a checkpoint for a backend that works: what it receives in time need not be
 * stored.
 */
const MAX_DRAIN_WAIT_MS = 500;
const CHECKPOINT_RETRY_MS = 15_000;
/**
 * Abort reason. Without one, `abort` would create an error with a stack trace, many times a second.
 */
const WOKEN = 'woken';

export interface PumpOptions {
  readonly journal: Journal;
  readonly correlator: Correlator<ReadableSpan>;
  readonly pipeline: Pick<
    ExportPipeline,
    'enqueue' | 'nextNumber' | 'hasRoom' | 'waitForRoom' | 'keepsUp' | 'waitForNone' | 'store' | 'forgetPrevious'
  >;
  /** The options after `onRebuilt`, saved in each checkpoint. */
  readonly sequenceOptions?: unknown;
  /**
   * Called when the entries of the previous process are replayed, or when the backend accepts no
   * more of them.
   */
  readonly onReady?: () => void;
  /**
   * Called once when the entries of the previous process are replayed, with the number of finished
   * entities. Correlator and mapping may receive new options from then on.
   */
  readonly onRebuilt?: (outputs: number) => void;
  /**
   * Called after each event was applied, with the result and the receive time on the journal's
   * clock.
   */
  readonly onApplied?: (event: RayEvent, applied: Applied, receivedAtMs: number) => void;
  /**
   * Called for each finished entity when its spans are enqueued, with the entity's number in the
   * sequence.
   */
  readonly onFinished: (output: Output<ReadableSpan>, number: number) => void;
  /** Called for an exception in a stage, which is a bug in the bridge. The pump skips its cause. */
  readonly onBug: (stage: PumpStage, error: unknown) => void;
  readonly scheduler: Scheduler;
  readonly sleep: Sleep;
}

export type PumpStage = 'journal' | 'correlate' | 'advance' | 'span';

/**
 * Moves events from the journal through the correlator and the span mapping to the export pipeline.
 */
export interface Pump {
  /** Runs until `signal` aborts, or until the journal is empty after a call of `finish`. */
  run(signal: AbortSignal): Promise<void>;
  finish(): void;
  /**
   * Writes a checkpoint, with undelivered spans in the outbox. Resolves when it is on disk. Call after
   * `run` has ended.
   */
  checkpoint(): Promise<void>;
  /** Position in the journal. */
  cursor(): JournalCursor;
  /**
   * Finished entities that are not enqueued, because the pump was aborted while the export queue
   * was full.
   */
  held(): readonly Output<ReadableSpan>[];
}

/**
 * The correlator's time is the receive time of the current event, or wall-clock time when the
 * journal is drained. An attempt whose last event waits in the journal must not time out. The
 * result is therefore a function of the journal, and a replay after a crash gives the same spans.
 */
export function createPump(options: PumpOptions): Pump {
  const { journal, correlator, pipeline, scheduler } = options;
  const { durable } = journal;
  let cursor: JournalCursor = journal.stats().releasedCursor;
  let timeMs = 0;
  let outputs = durable?.outbox.restored.outputs ?? 0;
  let held: readonly Output<ReadableSpan>[] = [];
  let heldFrom = 0;
  let isFinishing = false;
  let isRebuilding = true;
  let checkpointNotBeforeMs = 0;
  /** The checkpoint that is being written. */
  let saving: Promise<void> | undefined;
  let awake = new AbortController();

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { from, entries } = await readEntries(signal);
      cursor = Math.max(cursor, from);
      // Without its damaged entries, the replay may give other spans than the previous process.
      if (isRebuilding && durable?.isDamaged() === true) pipeline.forgetPrevious();
      const isThrough = entries.length === 0 ? await advanceToPresent(signal) : await applyAll(entries, signal);
      if (isThrough) await noteRebuilt(signal);
      if (isThrough && saving === undefined && durable?.isCheckpointDue() === true) await checkpointSoon(signal);
      if (isThrough && entries.length === 0 && cursor === journal.stats().endCursor) {
        if (isFinishing) return;
        await pause(signal);
      }
    }
  }

  async function readEntries(signal: AbortSignal): Promise<JournalSlice> {
    while (!signal.aborted) {
      try {
        return await journal.read(cursor, READ_ENTRIES, signal);
      } catch (error) {
        options.onBug('journal', error);
        await options.sleep(RETRY_MS, signal);
      }
    }
    return { from: cursor, entries: [] };
  }

  /** Returns false when aborted before the last entry. */
  async function applyAll(entries: JournalSlice['entries'], signal: AbortSignal): Promise<boolean> {
    let slice = await scheduler.take('background');
    for (const entry of entries) {
      if (slice.hasEnded()) slice = await scheduler.take('background');
      if (entry.receivedAtMs > timeMs && !(await advanceTo(entry.receivedAtMs, signal, slice))) break;
      const applied = applyGuarded(entry);
      if (applied !== undefined) options.onApplied?.(entry.event, applied, timeMs);
      cursor += 1;
    }
    journal.release(cursor);
    return !signal.aborted;
  }

  /**
   * The journal is drained: advance to wall-clock time. A time at which something ends is stored,
   * so that a replay ends it then too.
   */
  async function advanceToPresent(signal: AbortSignal): Promise<boolean> {
    journal.release(cursor);
    // New events count at their own receive time.
    if (journal.stats().endCursor > cursor) return true;
    const presentMs = journal.advanceWatermark();
    if (correlator.hasDue(presentMs)) await durable?.keepTime(presentMs);
    return await advanceTo(presentMs, signal);
  }

  /**
   * Advances the correlator's time and enqueues the spans of everything that ends by then. Returns
   * false when aborted.
   */
  async function advanceTo(ms: number, signal: AbortSignal, currentSlice?: TimeSlice): Promise<boolean> {
    timeMs = Math.max(timeMs, ms);
    let slice = currentSlice ?? (await scheduler.take('background'));
    while (true) {
      if (heldFrom >= held.length) {
        held = nextFinished();
        heldFrom = 0;
      }
      const output = held[heldFrom];
      if (output === undefined && !correlator.hasDue(timeMs)) return true;
      if (!pipeline.hasRoom()) {
        // A backend that is down must not keep the bridge from being ready.
        options.onReady?.();
        await pipeline.waitForRoom(signal);
      }
      if (signal.aborted) return false;
      if (slice.hasEnded()) slice = await scheduler.take('background');
      if (output === undefined) continue;
      heldFrom += 1;
      enqueueSpans(output);
      outputs += 1;
    }
  }

  /** Returns one at a time, so that an exception in one loses no other. */
  function nextFinished(): readonly Output<ReadableSpan>[] {
    return guarded('advance', () => correlator.advance(timeMs, 1)) ?? [];
  }

  function enqueueSpans(output: Output<ReadableSpan>): void {
    guarded('span', () => {
      pipeline.enqueue(output.spans ?? []);
      options.onFinished(output, outputs);
    });
  }

  function guarded<Value>(stage: PumpStage, work: () => Value): Value | undefined {
    try {
      return work();
    } catch (error) {
      options.onBug(stage, error);
      return undefined;
    }
  }

  /** Like `guarded`, but without a closure per event. */
  function applyGuarded({ event, epochMs }: JournalEntry): Applied | undefined {
    try {
      return correlator.apply(event, timeMs, epochMs);
    } catch (error) {
      options.onBug('correlate', error);
      return undefined;
    }
  }

  async function noteRebuilt(signal: AbortSignal): Promise<void> {
    if (!isRebuilding || cursor < (durable?.restoredUntil ?? 0)) return;
    // Timeouts that the previous process applied are applied again.
    if (durable !== undefined && !(await advanceTo(durable.restoredTimeMs, signal))) return;
    isRebuilding = false;
    pipeline.forgetPrevious();
    options.onRebuilt?.(outputs);
    options.onReady?.();
    // Later events are processed with the current options. The checkpoint, once it is on disk, keeps
    // a restart from using the old ones.
    if (durable !== undefined && !isSame(durable.restoredOptions, options.sequenceOptions)) await checkpoint();
  }

  /** Writes a checkpoint. A backend that works gets a moment to receive the spans in memory. */
  async function checkpointSoon(signal: AbortSignal): Promise<void> {
    if (timeMs < checkpointNotBeforeMs) return;
    if (pipeline.keepsUp()) await waitForDelivery(signal);
    if (!signal.aborted) await startCheckpoint();
  }

  async function waitForDelivery(signal: AbortSignal): Promise<void> {
    const wait = childSignal(signal);
    const timeout = options.sleep(MAX_DRAIN_WAIT_MS, wait.signal).then(() => wait.abort());
    await pipeline.waitForNone(wait.signal);
    wait.abort();
    await timeout;
    wait.release();
  }

  async function checkpoint(): Promise<void> {
    await saving;
    await startCheckpoint();
    await saving;
  }

  /**
   * Begins a checkpoint, and resolves when it has taken the state. The pump continues while the
   * journal syncs it and frees the space of earlier entries, which can take seconds.
   */
  async function startCheckpoint(): Promise<void> {
    if (durable === undefined || isRebuilding || heldFrom < held.length) return;
    let slice = await scheduler.take('background');
    const giveWay = async (): Promise<void> => {
      if (slice.hasEnded()) slice = await scheduler.take('background');
    };
    await pipeline.store(giveWay);
    const position = { spans: pipeline.nextNumber(), outputs };
    await new Promise<void>((whenTaken) => {
      const records = thenCall(correlator.checkpoint(), whenTaken);
      saving = durable
        .saveCheckpoint({ cursor, position, options: options.sequenceOptions, records, pause: giveWay })
        .then((saved) => {
          if (!saved.ok) checkpointNotBeforeMs = timeMs + CHECKPOINT_RETRY_MS;
          return undefined;
        })
        .finally(() => {
          saving = undefined;
          whenTaken();
        });
    });
  }

  async function pause(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    awake = new AbortController();
    const wakeUp = (): void => awake.abort(WOKEN);
    signal.addEventListener('abort', wakeUp);
    await Promise.race([journal.waitForEntries(cursor, awake.signal), options.sleep(TICK_MS, awake.signal)]);
    wakeUp();
    signal.removeEventListener('abort', wakeUp);
  }

  return {
    run,
    finish() {
      isFinishing = true;
      awake.abort(WOKEN);
    },
    checkpoint,
    cursor: () => cursor,
    held: () => held.slice(heldFrom),
  };
}

/** Calls `whenTaken` when the last item was taken. */
function* thenCall<Item>(items: Iterable<Item>, whenTaken: () => void): Generator<Item> {
  yield* items;
  whenTaken();
}

/** Compares plain data; the order of keys matters. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
