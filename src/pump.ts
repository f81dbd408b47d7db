import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { Correlator, Lifecycle } from './correlate/index.ts';
import type { ExportPipeline, Sleep } from './export/index.ts';
import type { Journal, JournalCursor, JournalEntry } from './journal/index.ts';
import type { Turn, Turns } from './receiver/index.ts';

/** Entries that are read from the journal at once. */
const READ_ENTRIES = 500;
/** Time passes for the correlator at least this often, in milliseconds. */
const TICK_MS = 250;
/** Wait after the journal could not be read. */
const READ_RETRY_MS = 1000;

export interface PumpOptions {
  readonly journal: Journal;
  readonly correlator: Correlator;
  readonly pipeline: Pick<ExportPipeline, 'enqueue' | 'hasRoom' | 'waitForRoom'>;
  /** The spans of a finished lifecycle that are to be exported. */
  readonly spansOf: (lifecycle: Lifecycle) => readonly ReadableSpan[];
  /** Hears of each finished lifecycle, with the spans that were enqueued for it. */
  readonly onFinished: (lifecycle: Lifecycle, spans: readonly ReadableSpan[]) => void;
  /** Hears of an exception in a stage, which is our own bug; what caused it is skipped. */
  readonly onBug: (stage: PumpStage, error: unknown) => void;
  readonly turns: Turns;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly sleep: Sleep;
}

export type PumpStage = 'journal' | 'correlate' | 'advance' | 'span';

/** Moves events from the journal through the correlator and the span mapping into the export pipeline. */
export interface Pump {
  /** Runs until `signal` aborts, or until `finish` was asked for and all that was in the journal is through. */
  run(signal: AbortSignal): Promise<void>;
  finish(): void;
  /** Finished lifecycles that are not enqueued, because the pump was aborted while it waited for room. */
  held(): readonly Lifecycle[];
}

/**
 * The correlator's time is the receive time of the events while there are any, and the clock's only when the journal is empty: an
 * attempt whose last event waits in the journal must not be closed for its silence.
 */
export function createPump(options: PumpOptions): Pump {
  const { journal, correlator, pipeline, turns } = options;
  let cursor: JournalCursor = journal.stats().releasedCursor;
  let timeMs = 0;
  let held: readonly Lifecycle[] = [];
  let heldFrom = 0;
  let isFinishing = false;
  let awake = new AbortController();

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const entries = await readEntries(signal);
      const isThrough = entries.length === 0 ? await moveTo(options.now(), signal) : await applyAll(entries, signal);
      if (isThrough && entries.length === 0) {
        if (isFinishing) return;
        await pause(signal);
      }
    }
  }

  async function readEntries(signal: AbortSignal): Promise<readonly JournalEntry[]> {
    while (!signal.aborted) {
      try {
        return await journal.read(cursor, READ_ENTRIES);
      } catch (error) {
        options.onBug('journal', error);
        await options.sleep(READ_RETRY_MS, signal);
      }
    }
    return [];
  }

  /** False when it was aborted before the last entry. */
  async function applyAll(entries: readonly JournalEntry[], signal: AbortSignal): Promise<boolean> {
    let turn = await turns.take();
    for (const entry of entries) {
      if (turn.isOver()) turn = await turns.take();
      if (entry.receivedAtMs > timeMs && !(await moveTo(entry.receivedAtMs, signal, turn))) break;
      guarded('correlate', () => correlator.apply(entry.event, timeMs));
      cursor += 1;
    }
    await journal.release(cursor).catch((error: unknown) => options.onBug('journal', error));
    return !signal.aborted;
  }

  /** Lets time pass for the correlator, and sends on what is finished by then. False when it was aborted meanwhile. */
  async function moveTo(ms: number, signal: AbortSignal, ownTurn?: Turn): Promise<boolean> {
    timeMs = Math.max(timeMs, ms);
    let turn = ownTurn ?? (await turns.take());
    while (true) {
      if (heldFrom >= held.length) {
        held = finishedNext();
        heldFrom = 0;
      }
      const lifecycle = held[heldFrom];
      if (lifecycle === undefined && !correlator.hasDue(timeMs)) return true;
      if (!pipeline.hasRoom()) await pipeline.waitForRoom(signal);
      if (signal.aborted) return false;
      if (turn.isOver()) turn = await turns.take();
      if (lifecycle === undefined) continue;
      heldFrom += 1;
      sendOn(lifecycle);
    }
  }

  /** One at a time, so that an exception in one loses no other. */
  function finishedNext(): readonly Lifecycle[] {
    return guarded('advance', () => correlator.advance(timeMs, 1)) ?? [];
  }

  function sendOn(lifecycle: Lifecycle): void {
    guarded('span', () => {
      const spans = options.spansOf(lifecycle);
      pipeline.enqueue(spans);
      options.onFinished(lifecycle, spans);
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

  async function pause(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    awake = new AbortController();
    const wakeUp = (): void => awake.abort();
    signal.addEventListener('abort', wakeUp);
    await Promise.race([journal.waitForEntries(cursor, awake.signal), options.sleep(TICK_MS, awake.signal)]);
    wakeUp();
    signal.removeEventListener('abort', wakeUp);
  }

  return {
    run,
    finish() {
      isFinishing = true;
      awake.abort();
    },
    held: () => held.slice(heldFrom),
  };
}
