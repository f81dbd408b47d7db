import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FinishedAttempt, FinishedJob, Finished } from '../../src/correlate/index.ts';
import { createCorrelator, throughCheckpoint } from '../support/correlator.ts';
import type { RayEvent } from '../../src/event/index.ts';
import * as build from '../support/events.ts';
import { actorId as actorOf, driverOf, jobStates, states, taskId } from '../support/events.ts';
import { growth, MAX_GROWTH } from '../support/steps.ts';

// A call on another job's actor belongs to its caller's trace. Exactly one job lists it while it is open, and one counts it,
// whatever the order in which the calls are reported.

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 200);

function jobId(number: number): string {
  return `${number.toString(16).padStart(2, '0')}000000`;
}

function definition(id: string, parentTaskId: string): RayEvent {
  return build.definition(id, { taskType: 'ACTOR_TASK', parentTaskId });
}

function make() {
  return createCorrelator({ maxSpansPerTrace: 0, maxBytesPerTrace: 0 });
}

const isAttempt = (lifecycle: Finished): lifecycle is FinishedAttempt => lifecycle.kind === 'attempt' && lifecycle.placeholder !== true;
const isJob = (lifecycle: Finished): lifecycle is FinishedJob => lifecycle.kind === 'job';

function traces(all: readonly Finished[]): string[] {
  const jobOf = ({ taskId: id, trace }: FinishedAttempt): string => `${id} in ${trace.kind === 'job' ? trace.jobId : trace.kind}`;
  return all.filter(isAttempt).map(jobOf).sort();
}

it('a call between actors of two jobs has one span and one count, also when it is reported before its caller', () => {
  const [a, b, c] = [jobId(1), jobId(2), jobId(3)] as const;
  const x = taskId(1, actorOf(1, a));
  const y = taskId(2, actorOf(2, c));
  const correlator = make();
  const all: Finished[] = [];
  const feed = (nowMs: number, ...events: RayEvent[]): void => {
    all.push(...correlator.advance(nowMs));
    for (const event of events) correlator.apply(event, nowMs);
  };
  feed(0, jobStates({ CREATED: 1 }, a), jobStates({ CREATED: 1 }, b), jobStates({ CREATED: 1 }, c));
  feed(60_000, definition(y, x), states(y, { RUNNING: 61 }));
  feed(60_100, definition(x, driverOf(b)), states(x, { RUNNING: 60 }));
  expect(correlator.stats().openAttempts).toBe(2);
  feed(60_200, states(y, { FINISHED: 62 }), states(x, { FINISHED: 63 }));
  feed(60_300, jobStates({ FINISHED: 64 }, a), jobStates({ FINISHED: 65 }, b));
  feed(120_000, jobStates({ FINISHED: 66 }, c));
  feed(180_000);
  expect(traces(all)).toEqual([`${x} in ${b}`, `${y} in ${b}`]);
  expect(all.filter(isJob).map(({ jobId: id, attemptCount }) => `${id}: ${attemptCount}`)).toEqual([`${a}: 0`, `${b}: 2`, `${c}: 0`]);
  expect(correlator.stats().openAttempts).toBe(0);
});

/** Calls that call one another, each with the id of some actor or of a plain task, of any job. */
interface Call {
  readonly id: string;
  readonly parentId: string;
  readonly callingJob: string;
}

const JOBS = [1, 2, 3, 4].map(jobId);

const plan = fc
  .array(fc.record({ caller: fc.nat(), owner: fc.nat(3), isPlain: fc.boolean() }), { minLength: 1, maxLength: 14 })
  .map((drawn) => {
    const calls: Call[] = [];
    for (const [index, { caller, owner, isPlain }] of drawn.entries()) {
      const ownJob = jobId(owner + 1);
      const id = taskId(index, isPlain ? ownJob : actorOf(owner, ownJob));
      // Some calls come from drivers, the others from earlier calls.
      const parent = calls[caller % (index + 2)];
      const callingJob = parent?.callingJob ?? JOBS[caller % JOBS.length] ?? jobId(1);
      calls.push({ id, parentId: parent?.id ?? driverOf(callingJob), callingJob });
    }
    return calls;
  });

function eventsOf(calls: readonly Call[]): RayEvent[] {
  return [
    ...JOBS.flatMap((id) => [jobStates({ CREATED: 1 }, id), jobStates({ FINISHED: 100 }, id)]),
    ...calls.flatMap(({ id, parentId }, index) => [
      definition(id, parentId),
      states(id, { RUNNING: index + 2 }),
      states(id, { FINISHED: index + 50 }),
    ]),
  ];
}

function shuffled<Item>(items: readonly Item[], keys: readonly number[]): Item[] {
  const keyed = items.map((item, index) => ({ item, key: keys[index % keys.length] as number, index }));
  return keyed.sort((one, other) => one.key - other.key || one.index - other.index).map(({ item }) => item);
}

describe('calls across jobs, in any order', () => {
  const keys = fc.array(fc.nat(1_000_000), { minLength: 60, maxLength: 60 });

  it('are attempts of the job whose driver began them, each with one span and one count', () => {
    fc.assert(
      fc.property(plan, keys, fc.nat(60), fc.nat(49), (calls, order, pauseMs, restartAt) => {
        let correlator = make();
        const all: Finished[] = [];
        for (const [index, event] of shuffled(eventsOf(calls), order).entries()) {
          all.push(...correlator.advance(60_000 + index * pauseMs));
          correlator.apply(event, 60_000 + index * pauseMs);
          if (index === restartAt) correlator = throughCheckpoint(correlator, make());
          expect(correlator.stats().openAttempts).toBeGreaterThanOrEqual(0);
        }
        for (const nowMs of [80_000, 200_000]) all.push(...correlator.advance(nowMs));
        expect(traces(all)).toEqual(calls.map(({ id, callingJob }) => `${id} in ${callingJob}`).sort());
        const count = (id: string): number => calls.filter(({ callingJob }) => callingJob === id).length;
        const counted = all.filter(isJob).map(({ jobId: id, attemptCount, tasks }) => ({ id, attemptCount, finished: tasks.finished }));
        expect(counted.sort((one, other) => (one.id < other.id ? -1 : 1))).toEqual(
          JOBS.map((id) => ({ id, attemptCount: count(id), finished: count(id) })),
        );
        expect(correlator.stats()).toMatchObject({ openAttempts: 0, openJobs: 0 });
      }),
      { numRuns: RUNS },
    );
  });

  it('have one span each, and none is open in the end, however long the pauses between the events are', () => {
    const pauses = fc.array(fc.oneof(fc.nat(300), fc.nat(30_000)), { minLength: 60, maxLength: 60 });
    fc.assert(
      fc.property(plan, keys, pauses, (calls, order, waits) => {
        const correlator = make();
        const all: Finished[] = [];
        let nowMs = 0;
        for (const [index, event] of shuffled(eventsOf(calls), order).entries()) {
          nowMs += waits[index % waits.length] as number;
          all.push(...correlator.advance(nowMs));
          correlator.apply(event, nowMs);
          expect(correlator.stats().openAttempts).toBeGreaterThanOrEqual(0);
        }
        for (const laterMs of [20_000, 60_000, 4_000_000]) all.push(...correlator.advance(nowMs + laterMs));
        const spans = all.filter((lifecycle) => lifecycle.kind === 'attempt').map(({ taskId: id }) => id);
        expect(spans.sort()).toEqual([...new Set(spans)]);
        expect(spans).toEqual(expect.arrayContaining(calls.map(({ id }) => id)));
        expect(all.filter(isJob)).toHaveLength(JOBS.length);
        expect(correlator.stats().openAttempts).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('the work grows with the number of calls', () => {
  const [a, b] = [jobId(1), jobId(2)] as const;
  const run = (events: readonly RayEvent[]) => (): void => {
    const correlator = make();
    for (const event of events) correlator.apply(event, 60_000);
    for (const id of [a, b]) correlator.apply(jobStates({ FINISHED: 10_000 }, id), 60_000);
    correlator.advance(90_000);
    expect(correlator.stats().openAttempts).toBe(0);
  };
  const ids = (count: number, ownerOf: (index: number) => string): string[] =>
    Array.from({ length: count }, (_, index) => taskId(index, actorOf(1, ownerOf(index))));

  it("when a job calls another job's actor", () => {
    const calls = (count: number) =>
      ids(count, () => a).flatMap((id) => [definition(id, driverOf(b)), states(id, { SUBMITTED_TO_WORKER: 5 })]);
    expect(growth(300, (count) => run(calls(count)))).toBeLessThan(MAX_GROWTH);
  });

  it('when calls are reported before their callers, from job to job and back', () => {
    const chain = (count: number) =>
      ids(count, (index) => (index % 2 === 0 ? a : b))
        .flatMap((id, index, all) => [states(id, { RUNNING: index + 2 }), definition(id, all[index - 1] ?? driverOf(b))])
        .toReversed();
    expect(growth(100, (count) => run(chain(count)))).toBeLessThan(MAX_GROWTH);
  });
});
