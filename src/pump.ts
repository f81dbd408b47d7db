import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { Applied, Correlator, Output } from './correlate/index.ts';
import type { RayEvent } from './event/index.ts';
import type { ExportPipeline, IsSettled } from './export/index.ts';
import type { Sleep, TimeSlice, Scheduler } from './runtime/index.ts';
import type { Journal, JournalCursor, JournalEntry, JournalSlice } from './journal/index.ts';

/** Entries that are read from the journal at once. */
const READ_ENTRIES = 500;
/** Time passes for the correlator at least this often, in milliseconds. */
const TICK_MS = 250;
/** Wait after the journal could not be read. */
const RETRY_MS = 1000;
/** So long the pump waits for the backend to take everything that is finished, before a checkpoint; else it comes back to it later. */
const CHECKPOINT_PATIENCE_MS = 5_000;
const CHECKPOINT_RETRY_MS = 15_000;
/** Without a reason of its own an abort makes an error with its stack, many times a second. */
const WOKEN = 'woken';

export interface PumpOptions {
  readonly journal: Journal;
  readonly correlator: Correlator<ReadableSpan>;
  readonly pipeline: Pick<ExportPipeline, 'enqueue' | 'hasRoom' | 'waitForRoom' | 'waitForNone'>;
  /** Spans that a former process delivered. Default: none. */
  readonly isSettled?: IsSettled;
  /** What the correlator runs with from `onRebuilt` on: part of each checkpoint. */
  readonly correlateOptions?: unknown;
  /** Called when all that a former process left is worked through, or as much of it as the backend takes. */
  readonly onReady?: () => void;
  /** Called once when all that a former process left is worked through: from then on the correlator may be given other options. */
  readonly onRebuilt?: () => void;
  /** Called for each event after it was applied, with the result and with the time when it came, on the journal's clock. */
  readonly onApplied?: (event: RayEvent, applied: Applied, receivedAtMs: number) => void;
  /** Called for each finished lifecycle when its spans are enqueued, with the time on the journal's clock. */
  readonly onFinished: (output: Output<ReadableSpan>, atMs: number) => void;
  /** Hears of an exception in a stage, which is our own bug; what caused it is skipped. */
  readonly onBug: (stage: PumpStage, error: unknown) => void;
  readonly scheduler: Scheduler;
  readonly sleep: Sleep;
}

export type PumpStage = 'journal' | 'correlate' | 'advance' | 'span';

/** Moves events from the journal through the correlator and the span mapping into the export pipeline. */
export interface Pump {
  /** Runs until `signal` aborts, or until `finish` was asked for and all that was in the journal is through. */
  run(signal: AbortSignal): Promise<void>;
  finish(): void;
  /** Writes the state down when everything that was finished is delivered. To be called when `run` has ended. */
  checkpoint(): Promise<void>;
  /** Where it stands in the journal. */
  cursor(): JournalCursor;
  /** Finished lifecycles that are not enqueued, because the pump was aborted while it waited for room. */
  held(): readonly Output<ReadableSpan>[];
}

/**
 * The correlator's time is the receive time of the events while there are any, and the clock's only when the journal is empty: an
 * attempt whose last event waits in the journal must not be closed for its silence. So what comes out is a function of the journal,
 * and working through it again after a crash gives the same.
 */
export function createPump(options: PumpOptions): Pump {
  const { journal, correlator, pipeline, scheduler } = options;
  const { durable } = journal;
  let cursor: JournalCursor = journal.stats().releasedCursor;
  let timeMs = 0;
  let held: readonly Output<ReadableSpan>[] = [];
  let heldFrom = 0;
  let isFinishing = false;
  let isRebuilding = true;
  let checkpointNotBeforeMs = 0;
  let awake = new AbortController();

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { from, entries } = await readEntries(signal);
      cursor = Math.max(cursor, from);
      const isThrough = entries.length === 0 ? await passTime(signal) : await applyAll(entries, signal);
      if (isThrough) await noteRebuilt(signal);
      if (isThrough && durable?.isCheckpointDue() === true) await checkpointWhenDelivered(signal);
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

  /** False when it was aborted before the last entry. */
  async function applyAll(entries: JournalSlice['entries'], signal: AbortSignal): Promise<boolean> {
    let slice = await scheduler.take('background');
    for (const entry of entries) {
      if (slice.hasEnded()) slice = await scheduler.take('background');
      if (entry.receivedAtMs > timeMs && !(await moveTo(entry.receivedAtMs, signal, slice))) break;
      const applied = applyGuarded(entry);
      if (applied !== undefined) options.onApplied?.(entry.event, applied, timeMs);
      cursor += 1;
    }
    journal.release(cursor);
    return !signal.aborted;
  }

  /** Nothing is to be read: the present counts. A time at which something ended is kept, because it must have ended then also after a crash. */
  async function passTime(signal: AbortSignal): Promise<boolean> {
    journal.release(cursor);
    // What came meanwhile counts at its own time.
    if (journal.stats().endCursor > cursor) return true;
    const presentMs = journal.seal();
    if (correlator.hasDue(presentMs)) await durable?.keepTime(presentMs);
    return await moveTo(presentMs, signal);
  }

  /** Lets time pass for the correlator, and sends on what is finished by then. False when it was aborted meanwhile. */
  async function moveTo(ms: number, signal: AbortSignal, ownTurn?: TimeSlice): Promise<boolean> {
    timeMs = Math.max(timeMs, ms);
    let slice = ownTurn ?? (await scheduler.take('background'));
    while (true) {
      if (heldFrom >= held.length) {
        held = finishedNext();
        heldFrom = 0;
      }
      const output = held[heldFrom];
      if (output === undefined && !correlator.hasDue(timeMs)) return true;
      if (!pipeline.hasRoom()) {
        // A backend that is away must not keep the bridge from being ready.
        options.onReady?.();
        await pipeline.waitForRoom(signal);
      }
      if (signal.aborted) return false;
      if (slice.hasEnded()) slice = await scheduler.take('background');
      if (output === undefined) continue;
      heldFrom += 1;
      sendOn(output);
    }
  }

  /** One at a time, so that an exception in one loses no other. */
  function finishedNext(): readonly Output<ReadableSpan>[] {
    return guarded('advance', () => correlator.advance(timeMs, 1)) ?? [];
  }

  function sendOn(output: Output<ReadableSpan>): void {
    guarded('span', () => {
      pipeline.enqueue(output.spans ?? [], durable?.remembersDelivered() === true ? options.isSettled : undefined);
      options.onFinished(output, timeMs);
    });
  }

  function guarded<Result>(stage: PumpStage, work: () => Result): Result | undefined {
    try {
      return work();
    } catch (error) {
      options.onBug(stage, error);
      return undefined;
    }
  }

  /** As `guarded`, without a closure for each event. */
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
    // What ended by itself before the former process did, ends as it did then.
    if (durable !== undefined && !(await moveTo(durable.restoredTimeMs, signal))) return;
    isRebuilding = false;
    options.onRebuilt?.();
    options.onReady?.();
    // What follows is worked through with the options of now: no restart may take it for the others.
    if (durable !== undefined && !isSame(durable.restoredOptions, options.correlateOptions)) await checkpointWhenDelivered(signal);
  }

  /** Spans that are not delivered are in no checkpoint: it waits for them, and for that nothing new may be finished. */
  async function checkpointWhenDelivered(signal: AbortSignal): Promise<void> {
    if (timeMs < checkpointNotBeforeMs) return;
    const patience = new AbortController();
    const giveUp = (): void => patience.abort();
    signal.addEventListener('abort', giveUp);
    const timeout = options.sleep(CHECKPOINT_PATIENCE_MS, patience.signal).then(giveUp);
    await pipeline.waitForNone(patience.signal);
    const isDelivered = !patience.signal.aborted;
    giveUp();
    await timeout;
    signal.removeEventListener('abort', giveUp);
    if (isDelivered) await checkpoint();
    else checkpointNotBeforeMs = timeMs + CHECKPOINT_RETRY_MS;
  }

  async function checkpoint(): Promise<void> {
    if (durable === undefined || isRebuilding || heldFrom < held.length) return;
    let slice = await scheduler.take('background');
    const saved = await durable.saveCheckpoint({
      cursor,
      options: options.correlateOptions,
      records: correlator.checkpoint(),
      pause: async () => {
        if (slice.hasEnded()) slice = await scheduler.take('background');
      },
    });
    if (!saved.ok) checkpointNotBeforeMs = timeMs + CHECKPOINT_RETRY_MS;
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

/** Plain data, in the order in which it was made. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
