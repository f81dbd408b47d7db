import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import type { Correlator, Finished } from '../../src/correlate/index.ts';
import type { RayEvent } from '../../src/event/index.ts';
import { type CheckpointOutcome, createMemoryJournal, type Durable, type Journal } from '../../src/journal/index.ts';
import { createPump } from '../../src/pump.ts';
import { createTestOutbox } from '../support/outbox.ts';
import { createScheduler } from '../../src/runtime/index.ts';

// When the pump writes its state down: a journal on disk is stood for by one in memory that notes
// what is asked of it.

interface BenchOptions {
  readonly isDue?: boolean;
  readonly outcome?: CheckpointOutcome;
  /**
   * The backend takes everything at once; else it takes nothing until the pump has lost its
   * patience.
   */
  readonly isDelivered?: boolean;
  /** False: spans are in the outbox, or the backend fails. */
  readonly keepsUp?: boolean;
  readonly isDamaged?: boolean;
  /** A checkpoint takes until `finishSave`. */
  readonly isSlow?: boolean;
  readonly options?: unknown;
  readonly restoredOptions?: unknown;
}

/** A correlator in which every event ends one attempt, 400 ms after it was received. */
function createBench({
  isDue = true,
  outcome = { ok: true, bytes: 1 },
  isDelivered = true,
  keepsUp = true,
  isDamaged = false,
  isSlow = false,
  options,
  restoredOptions,
}: BenchOptions = {}) {
  const clock = { nowMs: 0 };
  const seen = {
    saves: [] as number[],
    keptTimes: [] as number[],
    waits: 0,
    sent: 0,
    hasRoom: true,
    steps: [] as string[],
    forgotten: 0,
    finishSave: () => {},
  };
  const durable: Durable = {
    restoredUntil: 0,
    restoredTimeMs: 0,
    restoredOptions,
    readCheckpoint: async function* () {},
    isCheckpointDue: () => isDue,
    saveCheckpoint: async ({ cursor, position, records }) => {
      seen.saves.push(cursor);
      for (const _ of records);
      if (isSlow) await new Promise<void>((resolve) => (seen.finishSave = resolve));
      seen.steps.push(`save ${position.spans} spans, ${position.outputs} outputs`);
      return outcome;
    },
    keepTime: async (ms) => void seen.keptTimes.push(ms),
    outbox: createTestOutbox(),
    isDamaged: () => isDamaged,
    noteDamaged: () => {},
  };
  const journal: Journal = { ...createMemoryJournal({ now: () => clock.nowMs }), durable };
  const endsMs: number[] = [];
  const correlator: Pick<Correlator<ReadableSpan>, 'apply' | 'advance' | 'hasDue' | 'checkpoint'> = {
    apply(_, nowMs) {
      endsMs.push(nowMs + 400);
      return 'applied';
    },
    advance: (nowMs) =>
      (endsMs[0] ?? Infinity) <= nowMs ? [{ lifecycle: { kind: 'attempt', name: String(endsMs.shift()) } as Finished, spans: [] }] : [],
    hasDue: (nowMs) => (endsMs[0] ?? Infinity) <= nowMs,
    checkpoint: function* () {},
  };
  const whenAborted = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve());
    });
  const pump = createPump({
    journal,
    correlator: correlator as Correlator<ReadableSpan>,
    pipeline: {
      enqueue: () => void (seen.sent += 1),
      nextNumber: () => 10 * seen.sent,
      keepsUp: () => keepsUp,
      store: async () => void seen.steps.push('store'),
      forgetPrevious: () => void (seen.forgotten += 1),
      hasRoom: () => seen.hasRoom,
      waitForRoom: whenAborted,
      waitForNone: async (signal) => {
        seen.waits += 1;
        if (!isDelivered) await whenAborted(signal);
      },
    },
    sequenceOptions: options,
    onFinished: () => {},
    onBug: (_, error) => {
      throw error;
    },
    scheduler: createScheduler(),
    // The patience for a checkpoint: it ends when the backend has taken everything, or at once.
    sleep: async (_, signal) => {
      if (isDelivered) await whenAborted(signal);
    },
  });
  const event: RayEvent = { type: 'job_lifecycle', eventId: '', session: 's', jobId: '01000000', transitions: [] };
  return {
    clock,
    seen,
    pump,
    receive: async (atMs: number): Promise<void> => {
      clock.nowMs = atMs;
      await journal.append([event], 1);
    },
    runToEnd: async (): Promise<void> => {
      pump.finish();
      await pump.run(new AbortController().signal);
    },
  };
}

describe('a checkpoint', () => {
  it('is written whenever it is due', async () => {
    const { seen, receive, runToEnd } = createBench();
    await receive(1_000);
    await runToEnd();
    expect(seen.saves).toEqual([1, 1]);
    await receive(2_000);
    await runToEnd();
    expect(seen.saves).toEqual([1, 1, 2, 2]);
  });

  it('that the disk refuses is retried after 15 seconds, not earlier', async () => {
    const { seen, receive, runToEnd } = createBench({ outcome: { ok: false, message: 'disk full' } });
    for (const [atMs, saves] of [
      [1_000, 1],
      [15_999, 1],
      [16_000, 2],
      [30_999, 2],
      [31_000, 3],
    ] as const) {
      await receive(atMs);
      await runToEnd();
      expect([atMs, seen.saves.length]).toEqual([atMs, saves]);
    }
  });

  it('gives a backend that works a moment, then stores what is not delivered, then saves the position after it', async () => {
    const { clock, seen, receive, runToEnd } = createBench({ isDelivered: false });
    await receive(1_000);
    clock.nowMs = 1_400;
    await runToEnd();
    expect([seen.waits, seen.steps.slice(-2)]).toEqual([2, ['store', 'save 10 spans, 1 outputs']]);
  });

  it('does not stop the pump while it is synced, and no other one begins meanwhile', async () => {
    const { seen, pump, receive, runToEnd } = createBench({ isSlow: true });
    await receive(1_000);
    await runToEnd();
    await receive(2_000);
    await runToEnd();
    expect([pump.cursor(), seen.saves]).toEqual([2, [1]]);
    seen.finishSave();
    await receive(3_000);
    await runToEnd();
    expect([pump.cursor(), seen.saves]).toEqual([3, [1, 3]]);
    seen.finishSave();
  });

  it('does not wait for a backend that fails or lags', async () => {
    const { seen, receive, runToEnd } = createBench({ isDelivered: false, keepsUp: false });
    await receive(1_000);
    await runToEnd();
    expect([seen.waits, seen.saves]).toEqual([0, [1, 1]]);
  });

  it('is written at startup when the settings differ from those of the last checkpoint, and only then', async () => {
    const settings = { settleMs: 5_000 };
    for (const [restoredOptions, saves] of [
      [{ settleMs: 5_000 }, []],
      [{ settleMs: 6_000 }, [0]],
      [undefined, [0]],
    ] as const) {
      const { seen, runToEnd } = createBench({ isDue: false, options: settings, restoredOptions });
      await runToEnd();
      await runToEnd();
      expect(seen.saves).toEqual(saves);
    }
  });

  it('is not written while the pump holds spans that it could not enqueue', async () => {
    const { clock, seen, pump, receive, runToEnd } = createBench({ isDue: false });
    await runToEnd();
    await receive(1_000);
    clock.nowMs = 1_400;
    seen.hasRoom = false;
    const abort = new AbortController();
    const running = pump.run(abort.signal);
    while (pump.held().length === 0) await new Promise(setImmediate);
    abort.abort();
    await running;
    await pump.checkpoint();
    expect([seen.saves, pump.held().length, seen.sent]).toEqual([[], 1, 0]);
    seen.hasRoom = true;
    await runToEnd();
    await pump.checkpoint();
    expect([seen.saves, pump.held().length, seen.sent]).toEqual([[1], 0, 1]);
  });
});

describe('what previous processes delivered', () => {
  it('counts until the replay ends', async () => {
    const { seen, receive, runToEnd } = createBench({ isDue: false });
    await receive(1_000);
    await runToEnd();
    await receive(2_000);
    await runToEnd();
    expect(seen.forgotten).toBe(1);
  });

  it('counts no further once a part of the journal is damaged', async () => {
    const { seen, runToEnd } = createBench({ isDue: false, isDamaged: true });
    await runToEnd();
    expect(seen.forgotten).toBe(2);
  });
});

describe('the time of the journal', () => {
  it('is stored when something ends at it, and only then', async () => {
    const { clock, seen, receive, runToEnd } = createBench({ isDue: false });
    await receive(1_000);
    await runToEnd();
    clock.nowMs = 1_399;
    await runToEnd();
    expect([seen.keptTimes, seen.sent]).toEqual([[], 0]);
    clock.nowMs = 1_400;
    await runToEnd();
    clock.nowMs = 1_500;
    await runToEnd();
    expect([seen.keptTimes, seen.sent]).toEqual([[1_400], 1]);
  });
});
