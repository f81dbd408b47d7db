import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import type { Correlator, Finished } from '../../src/correlate/index.ts';
import type { RayEvent } from '../../src/event/index.ts';
import { type Sleep, createScheduler } from '../../src/runtime/index.ts';
import { createMemoryJournal, type Journal } from '../../src/journal/index.ts';
import { createPump, type PumpOptions } from '../../src/pump.ts';

/** Stands for spans: only their names matter here. */
const spanNamed = (name: string): ReadableSpan => ({ name }) as ReadableSpan;

interface Bench {
  readonly journal: Journal;
  /** What the correlator was asked, in order: `apply a @100`, `advance 200`. */
  readonly calls: string[];
  readonly enqueued: string[];
  readonly bugs: string[];
  readonly pump: ReturnType<typeof createPump>;
  readonly clock: { nowMs: number };
  room: number;
  append(receivedAtMs: number, ...names: string[]): Promise<unknown>;
  roomChanged(): void;
}

/** Time that does not pass by itself. */
const sleepForEver: Sleep = (_, signal) =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });

/**
 * A correlator in which every event is finished by the next passing of time; an event named `bug:x`
 * throws in x.
 */
function createBench(overrides: Partial<PumpOptions> = {}): Bench {
  const clock = { nowMs: 0 };
  const journal = overrides.journal ?? createMemoryJournal({ now: () => clock.nowMs });
  const calls: string[] = [];
  const finished: Finished[] = [];
  const waiting = new Set<() => void>();
  const bench = {
    journal,
    calls,
    enqueued: [] as string[],
    bugs: [] as string[],
    clock,
    room: Number.POSITIVE_INFINITY,
    append: (receivedAtMs: number, ...names: string[]) => {
      clock.nowMs = receivedAtMs;
      return journal.append(names.map(eventNamed), 1);
    },
    roomChanged: () => {
      for (const look of waiting) look();
    },
  };
  const correlator: Pick<Correlator<ReadableSpan>, 'apply' | 'advance' | 'hasDue'> = {
    apply(event, nowMs) {
      calls.push(`apply ${event.eventId} @${nowMs}`);
      if (event.eventId === 'bug:correlate') throw new Error('bug in correlate');
      finished.push({ kind: 'attempt', name: event.eventId } as Finished);
      return 'applied';
    },
    advance(nowMs, limit) {
      calls.push(`advance ${nowMs}`);
      const next = finished.splice(0, limit);
      if (nameOf(next[0]) === 'bug:advance') throw new Error('bug in advance');
      return next.map((lifecycle) => ({ lifecycle, spans: [spanNamed(nameOf(lifecycle))] }));
    },
    hasDue: () => finished.length > 0,
  };
  const pump = createPump({
    journal,
    correlator: correlator as Correlator<ReadableSpan>,
    pipeline: {
      enqueue: (spans) => {
        if (spans[0]?.name === 'bug:span') throw new Error('bug in span');
        bench.enqueued.push(...spans.map(({ name }) => name));
      },
      hasRoom: () => bench.enqueued.length < bench.room,
      waitForNone: async () => {},
      nextNumber: () => 0,
      keepsUp: () => true,
      store: async () => {},
      forgetPrevious: () => {},
      waitForRoom: (signal) =>
        new Promise((resolve) => {
          const look = (): void => {
            if (!signal.aborted && bench.enqueued.length >= bench.room) return;
            waiting.delete(look);
            resolve();
          };
          waiting.add(look);
          signal.addEventListener('abort', look);
        }),
    },
    onFinished: () => {},
    onBug: (stage, error) => bench.bugs.push(`${stage}: ${String(error)}`),
    scheduler: createScheduler(),
    sleep: sleepForEver,
    ...overrides,
  });
  return Object.assign(bench, { pump });
}

function nameOf(lifecycle: Finished | undefined): string {
  return lifecycle?.kind === 'attempt' ? lifecycle.name : '';
}

function eventNamed(name: string): RayEvent {
  return { type: 'job_lifecycle', eventId: name, session: 's', jobId: '01000000', transitions: [] };
}

async function runToEnd({ pump }: Bench): Promise<void> {
  pump.finish();
  await pump.run(new AbortController().signal);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

describe('the pump', () => {
  it('advances time with the events, and with the clock only when the journal is empty', async () => {
    const bench = createBench();
    await bench.append(100, 'a', 'b');
    await bench.append(200, 'c');
    bench.clock.nowMs = 1000;
    await runToEnd(bench);
    const inOrder = bench.calls.filter((call, index) => call !== bench.calls[index - 1]);
    expect(inOrder).toEqual(['advance 100', 'apply a @100', 'apply b @100', 'advance 200', 'apply c @200', 'advance 1000']);
    expect(bench.enqueued).toEqual(['a', 'b', 'c']);
  });

  it('never moves time backwards', async () => {
    const bench = createBench();
    await bench.append(300, 'a');
    await bench.append(200, 'b');
    await runToEnd(bench);
    expect(new Set(bench.calls)).toEqual(new Set(['advance 300', 'apply a @300', 'apply b @300']));
  });

  it('releases the entries that it has read', async () => {
    const bench = createBench();
    await bench.append(100, ...Array.from({ length: 1200 }, (_, index) => `e${index}`));
    await runToEnd(bench);
    expect(bench.journal.stats()).toMatchObject({ entries: 0, bytes: 0, releasedCursor: 1200 });
    expect(bench.enqueued).toHaveLength(1200);
  });

  it('reads entries that are appended while it runs, and ends at an abort', async () => {
    const bench = createBench();
    const abort = new AbortController();
    const running = bench.pump.run(abort.signal);
    await bench.append(2000, 'a');
    await until(() => bench.calls.includes('apply a @2000'));
    await bench.append(3000, 'b');
    await until(() => bench.enqueued.includes('a') && bench.calls.includes('apply b @3000'));
    abort.abort();
    await running;
  });

  it('stops reading when the export queue is full, and continues when it has room', async () => {
    const bench = createBench();
    bench.room = 3;
    for (let index = 0; index < 10; index += 1) await bench.append(100 + index, `e${index}`);
    const running = runToEnd(bench);
    await until(() => bench.enqueued.length === 3);
    await until(() => bench.pump.held().length === 1);
    expect(bench.journal.stats().entries).toBeGreaterThan(0);
    expect(bench.calls.at(-1)).toBe('advance 104');
    bench.room = Number.POSITIVE_INFINITY;
    bench.roomChanged();
    await running;
    expect(bench.enqueued).toEqual(['e0', 'e1', 'e2', 'e3', 'e4', 'e5', 'e6', 'e7', 'e8', 'e9']);
  });

  it('keeps spans that it could not enqueue when aborted, and applies no event twice afterwards', async () => {
    const bench = createBench();
    bench.room = 1;
    for (const name of ['a', 'b', 'c']) await bench.append(100 + bench.calls.length + name.charCodeAt(0), name);
    const abort = new AbortController();
    const running = bench.pump.run(abort.signal);
    await until(() => bench.pump.held().length === 1);
    abort.abort();
    await running;
    expect(bench.pump.held().map(({ lifecycle }) => nameOf(lifecycle))).toEqual(['b']);
    bench.room = Number.POSITIVE_INFINITY;
    await runToEnd(bench);
    expect(bench.enqueued).toEqual(['a', 'b', 'c']);
    expect(bench.calls.filter((call) => call.startsWith('apply'))).toHaveLength(3);
  });

  it.each(['correlate', 'advance', 'span'])('skips and reports the cause of an exception in %s, and continues', async (stage) => {
    const bench = createBench();
    await bench.append(100, 'a', `bug:${stage}`, 'b');
    await runToEnd(bench);
    expect(bench.bugs).toEqual([`${stage}: Error: bug in ${stage}`]);
    expect(bench.enqueued[0]).toBe('a');
    await bench.append(300, 'c');
    await runToEnd(bench);
    expect(bench.enqueued).toEqual(['a', 'b', 'c']);
  });

  it('retries when the journal cannot be read', async () => {
    const memory = createMemoryJournal({ now: () => 0 });
    let failures = 2;
    const journal: Journal = {
      ...memory,
      read: async (cursor, limit) => {
        if (failures-- > 0) throw new Error('cannot read');
        return memory.read(cursor, limit);
      },
    };
    const slept: number[] = [];
    const bench = createBench({ journal, sleep: async (ms) => void slept.push(ms) });
    await bench.append(100, 'a');
    await runToEnd(bench);
    expect(bench.enqueued).toEqual(['a']);
    expect(bench.bugs).toEqual(['journal: Error: cannot read', 'journal: Error: cannot read']);
    expect(slept).toEqual([1000, 1000]);
  });

  it('advances time while no event arrives', async () => {
    const wakes: (() => void)[] = [];
    const bench = createBench({ sleep: () => new Promise((resolve) => wakes.push(resolve)) });
    const abort = new AbortController();
    const running = bench.pump.run(abort.signal);
    await until(() => wakes.length === 1);
    bench.clock.nowMs = 250;
    wakes[0]?.();
    await until(() => bench.calls.includes('advance 250'));
    abort.abort();
    for (const wake of wakes) wake();
    await running;
  });
});
