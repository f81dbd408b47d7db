import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CorrelateOptions, createCorrelator, type Finished, type FinishedAttempt } from '../../src/correlate/index.ts';
import type { RayEvent } from '../../src/event/index.ts';
import { createMapping } from '../../src/span/index.ts';
import { throughCheckpoint } from '../support/correlator.ts';
import {
  actorDefinition,
  actorId,
  actorStates,
  creationOf,
  definition,
  jobStates,
  many,
  START_NS,
  states,
  taskId,
} from '../support/events.ts';
import { Seeded } from '../support/seeded.ts';

// A job beyond the budget of its trace: its structure, each of its functions and the slowest attempts have spans.

const SETTLE_MS = 5_000;
const END_MS = 100_000_000;
const mapping = createMapping();

interface Ran {
  readonly finished: readonly Finished[];
  readonly spans: number;
  readonly bytes: number;
  readonly attempts: readonly FinishedAttempt[];
}

/** Each group of events comes a moment after the one before, and what is due is taken in between. */
function run(
  groups: readonly (readonly RayEvent[])[],
  options: Partial<CorrelateOptions> = {},
  restartAt: ReadonlySet<number> = new Set(),
): Ran {
  const create = () => createCorrelator({ mapping, ...options });
  let correlator = create();
  const finished: Finished[] = [];
  let spans = 0;
  let bytes = 0;
  const advance = (nowMs: number): void => {
    for (const { lifecycle, spans: sent = [] } of correlator.advance(nowMs)) {
      finished.push(lifecycle);
      spans += sent.length;
      bytes += mapping.map(lifecycle).bytes;
    }
  };
  for (const [index, events] of groups.entries()) {
    const nowMs = SETTLE_MS * 2 + index * 20;
    advance(nowMs);
    for (const event of events) correlator.apply(event, nowMs);
    if (restartAt.has(index)) correlator = throughCheckpoint(correlator, create());
  }
  advance(END_MS);
  return { finished, spans, bytes, attempts: finished.filter((one) => one.kind === 'attempt') };
}

function task(number: number, name: string, ranSeconds: number, waitedSeconds = 0.001): RayEvent[] {
  const at = number / 1_000;
  const id = taskId(number + 1);
  return [
    definition(id, { name }),
    states(id, { PENDING_ARGS_AVAIL: at, RUNNING: at + waitedSeconds, FINISHED: at + waitedSeconds + ranSeconds }),
  ];
}

const end = [jobStates({ FINISHED: 900_000 })];

function chunked(events: readonly RayEvent[], size: number): RayEvent[][] {
  return Array.from({ length: Math.ceil(events.length / size) }, (_, index) => events.slice(index * size, index * size + size));
}

function byName(attempts: readonly FinishedAttempt[]): Map<string, FinishedAttempt[]> {
  const groups = new Map<string, FinishedAttempt[]>();
  for (const attempt of attempts) groups.set(attempt.name, [...(groups.get(attempt.name) ?? []), attempt]);
  return groups;
}

function rolledUp({ finished }: Ran): number {
  return finished.reduce((sum, one) => sum + (one.kind === 'rollup' ? one.attempts : 0), 0);
}

describe('a job of 5,000 small tasks of one function', () => {
  const entry = (name: string, at: number) => ({ name, startNs: START_NS + BigInt(at * 1e6), endNs: START_NS + BigInt(at * 1e6) + 1_000n });
  const events = many(5_000, (number) => {
    const id = taskId(number + 1);
    const entries = ['task:deserialize_arguments', 'task:execute', 'task:store_outputs'].map((name) => entry(name, number));
    return [...task(number, 'small', 0.001, 2), { ...states(id, {}), type: 'task_profile', componentType: 'worker', entries } as RayEvent];
  });

  it('has a span for each attempt, and stays within the budget of its trace', () => {
    const ran = run([...chunked(events, 300), end]);
    expect(ran.attempts).toHaveLength(5_000);
    expect(ran.spans).toBeGreaterThan(5_100);
    expect(ran.spans).toBeLessThanOrEqual(10_000);
    expect(ran.bytes).toBeLessThanOrEqual(4_500_000);
  });
});

describe('a job far beyond the budget of its trace', () => {
  const seeded = new Seeded(7);
  const next = (): number => seeded.below(1_000_000) / 1_000_000;
  const durations = Array.from({ length: 30_000 }, () => next() ** 4 * 20);
  const waits = Array.from({ length: 30_000 }, () => next() ** 3 * 30);
  const names = ['extract', 'transform', 'load'];
  const events = durations.flatMap((seconds, number) => task(number, names[number % 3] ?? '', seconds, waits[number]));
  const ran = run([...chunked(events, 600), end]);

  it('stays within it, and counts everything', () => {
    expect(ran.spans).toBeLessThanOrEqual(10_000);
    expect(ran.bytes).toBeLessThanOrEqual(4_500_000);
    expect(ran.attempts.length + rolledUp(ran)).toBe(30_000);
    expect(ran.attempts.length).toBeGreaterThan(4_500);
    expect(ran.finished.find((one) => one.kind === 'job')).toMatchObject({ attemptCount: 30_000, rolledUpAttemptCount: rolledUp(ran) });
  });

  it('gives equal functions about equal shares', () => {
    const counts = [...byName(ran.attempts).values()].map(({ length }) => length);
    expect(counts).toHaveLength(3);
    expect(Math.max(...counts)).toBeLessThan(1.3 * Math.min(...counts));
  });

  it.each([
    ['ran', durations],
    ['took with their wait', durations.map((seconds, number) => seconds + (waits[number] ?? 0))],
  ])('has a span for the ten attempts of each function that %s longest', (_, lengths) => {
    for (const [index, name] of names.entries()) {
      const slowest = lengths
        .map((seconds, number) => ({ seconds, id: taskId(number + 1), number }))
        .filter(({ number }) => number % 3 === index)
        .sort((a, b) => b.seconds - a.seconds)
        .slice(0, 10);
      const sent = new Set(ran.attempts.filter((attempt) => attempt.name === name).map((attempt) => attempt.taskId));
      for (const { id } of slowest) expect(sent).toContain(id);
    }
  });

  it('has spans of each function over all of its time, with gaps that grow no faster than the job', () => {
    for (const attempts of byName(ran.attempts).values()) {
      const numbers = attempts.map((attempt) => Number.parseInt(attempt.taskId.slice(0, 16), 16)).sort((a, b) => a - b);
      for (const [index, number] of numbers.slice(1).entries()) expect(number - (numbers[index] ?? 0)).toBeLessThan(0.05 * number + 10);
      expect(numbers.at(-1)).toBeGreaterThan(28_500);
    }
  });

  it('does not depend on restarts', () => {
    const again = run([...chunked(events, 600), end], {}, new Set([3, 30, 31, 70, 99]));
    expect(again.finished.map(textOf)).toEqual(ran.finished.map(textOf));
  });
});

function textOf(lifecycle: unknown): string {
  return JSON.stringify(lifecycle, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
}

it('functions that come one after the other all have spans, however large the first ones are', () => {
  const groups = Array.from({ length: 24 }, (_, index) =>
    many(1_500, (number) => task(index * 1_500 + number, `stage ${index}`, (number % 97) / 10)),
  );
  const ran = run([...groups.flatMap((events) => chunked(events, 500)), end]);
  expect(ran.bytes).toBeLessThanOrEqual(4_500_000);
  const counts = byName(ran.attempts);
  expect(counts.size).toBe(24);
  for (const attempts of counts.values()) expect(attempts.length).toBeGreaterThanOrEqual(9);
});

it('actors with their incarnations have spans, although their calls and tasks fill the trace', () => {
  const actors = Array.from({ length: 40 }, (_, index) => actorId(index + 1));
  const calls = many(20_000, (number) => {
    const id = taskId(number + 1, actors[number % 40]);
    return [
      definition(id, { taskType: 'ACTOR_TASK', name: `A${number % 40}.call` }),
      states(id, { RUNNING: number / 1_000, FINISHED: number / 1_000 + 1 }),
    ];
  });
  const alive = actors.flatMap((id) => [
    actorDefinition(id, { className: 'A' }),
    actorStates(id, { ALIVE: 0.1 }),
    definition(creationOf(id), { taskType: 'ACTOR_CREATION_TASK', name: 'A.__init__' }),
    states(creationOf(id), { RUNNING: 0, FINISHED: 0.1 }),
  ]);
  const dead = actors.map((id) => actorStates(id, { DEAD: 800 }));
  const ran = run([alive, ...chunked(calls, 500), dead, end]);
  expect(ran.finished.filter(({ kind }) => kind === 'actor')).toHaveLength(40);
  expect(ran.spans).toBeLessThanOrEqual(10_000);
  expect(byName(ran.attempts).size).toBe(41);
});

describe('an attempt that is held back', () => {
  // Room for few: of `outer`, the later ones are rolled up unless they are slow. The last span before the slow one was sent shortly before.
  const options = { maxSpansPerTrace: 100, slowestPerFunction: 2 };
  const outer = (number: number, seconds: number): RayEvent[] => task(number, 'outer', seconds);
  const fill = chunked(
    many(408, (number) => outer(number, 1)),
    40,
  );
  const slow = taskId(5_001);
  const child = taskId(6_001);
  const below = (seconds: number, over = {}): RayEvent[] => [
    definition(child, { name: 'inner', parentTaskId: slow }),
    states(child, { RUNNING: 6, FINISHED: 6 + seconds, ...over }),
  ];
  const parentOfChild = ({ attempts }: Ran): unknown => attempts.find((attempt) => attempt.taskId === child)?.parent;

  it('is sent when its job ends, or before when a child of it is sent', () => {
    const ran = run([...fill, outer(5_000, 60), [], ...Array.from({ length: 300 }, () => []), below(1), end], options);
    expect(ran.attempts.map((attempt) => attempt.taskId)).toContain(slow);
    expect(parentOfChild(ran)).toEqual({ kind: 'task', taskId: slow, attempt: 0 });
    const all = ran.finished.flatMap((one) => (one.kind === 'attempt' ? [`${one.taskId}`] : []));
    expect(new Set(all).size).toBe(all.length);
  });

  it('is rolled up when slower ones displace it, and its child hangs under the job', () => {
    const slower = [outer(7_000, 90), outer(7_001, 91), outer(7_002, 92)];
    const ran = run([...fill, outer(5_000, 60), ...slower, ...Array.from({ length: 300 }, () => []), below(1), end], options);
    expect(ran.attempts.map((attempt) => attempt.taskId)).not.toContain(slow);
    expect(parentOfChild(ran)).toMatchObject({ kind: 'job' });
    expect(ran.attempts.length + rolledUp(ran)).toBe(413);
  });

  it('is not held back where the setting is 0', () => {
    const ran = run([...fill, outer(5_000, 60), end], { ...options, slowestPerFunction: 0 });
    expect(ran.attempts.map((attempt) => attempt.taskId)).not.toContain(slow);
  });
});

it('no more than 1,000 attempts of a trace are held back', () => {
  const options = { maxSpansPerTrace: 5_000, maxBytesPerTrace: 0, slowestPerFunction: 2_000 };
  const correlator = createCorrelator({ mapping, ...options });
  let mostHeld = 0;
  for (const [index, events] of chunked(
    many(9_000, (number) => task(number, `f${number % 30}`, number / 1_000)),
    800,
  ).entries()) {
    correlator.advance(SETTLE_MS * 2 + index * 20);
    for (const event of events) correlator.apply(event, SETTLE_MS * 2 + index * 20);
    mostHeld = Math.max(mostHeld, correlator.stats().heldBackAttempts);
  }
  correlator.advance(SETTLE_MS * 4);
  mostHeld = Math.max(mostHeld, correlator.stats().heldBackAttempts);
  expect(mostHeld).toBe(1_000);
  for (const event of end) correlator.apply(event, SETTLE_MS * 5);
  correlator.advance(END_MS);
  expect(correlator.stats()).toMatchObject({ heldBackAttempts: 0, openBytes: 0 });
});

it('any order of the same events, and a restart anywhere, give the same spans beyond the budget', () => {
  const events = [
    ...many(300, (number) => task(number, `f${number % 5}`, (number * 37) % 101)),
    ...many(60, (number) => {
      const id = taskId(9_000 + number);
      return [
        definition(id, { name: 'inner', parentTaskId: taskId(number * 5 + 1) }),
        states(id, { RUNNING: number, FINISHED: number + ((number * 13) % 29) }),
      ];
    }),
    ...end,
  ];
  const close = (ordered: readonly RayEvent[]): string[] => {
    const correlator = createCorrelator({ mapping, maxSpansPerTrace: 120, slowestPerFunction: 3 });
    for (const event of ordered) correlator.apply(event, 0);
    return correlator.closeAll(0).map(({ lifecycle }) => textOf(lifecycle));
  };
  const expected = close(events);
  const live = (restarts: ReadonlySet<number>) =>
    run(chunked(events, 11), { maxSpansPerTrace: 120, slowestPerFunction: 3 }, restarts).finished.map(textOf);
  const expectedLive = live(new Set());
  fc.assert(
    fc.property(
      fc.shuffledSubarray(events, { minLength: events.length }),
      fc.array(fc.nat(65), { maxLength: 20 }),
      (shuffled, restarts) => {
        expect(close(shuffled)).toEqual(expected);
        expect(live(new Set(restarts))).toEqual(expectedLive);
      },
    ),
    { numRuns: 6 },
  );
});
