import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FinishedAttempt, FinishedJob, Finished } from '../../src/correlate/index.ts';
import { createCorrelator, type LifecycleCorrelator, throughCheckpoint } from '../support/correlator.ts';
import { MAX_ENDED_RUNS, MAX_THREADS, Threads } from '../../src/correlate/callers/threads.ts';
import type { ProfileEntry, RayEvent, TaskProfile } from '../../src/event/index.ts';
import {
  actorId,
  actorStates,
  definition,
  driverOf,
  header,
  JOB,
  jobStates,
  machineId,
  secondNs,
  states,
  taskId,
} from '../support/events.ts';
import { growth, MAX_GROWTH } from '../support/steps.ts';

// Threads of a driver, a task or an actor submit calls under ids that Ray makes up: such an id is no attempt.

const WORKER = machineId(1);
const OTHER_WORKER = machineId(2);
/** Of a thread: its actor part names an actor that does not exist. */
const MADE_UP = madeUp(1);

function madeUp(number: number, jobId = JOB): string {
  return `${number.toString(16).padStart(16, '3')}${number.toString(16).padStart(24, '9')}${jobId}`;
}

function profile(id: string, over: Partial<TaskProfile>): RayEvent {
  return { ...header(), type: 'task_profile', taskId: id, attempt: 0, componentType: 'worker', workerId: WORKER, entries: [], ...over };
}

function submits(id: string, start: number, end: number, over: Partial<TaskProfile> = {}): RayEvent {
  return profile(id, { submitsStartNs: secondNs(start), submitsEndNs: secondNs(end), ...over });
}

const entry = (name: string, start: number, end: number): ProfileEntry => ({ name, startNs: secondNs(start), endNs: secondNs(end) });

/** A task in a worker, with its profile. */
function task(number: number, start: number, end: number, over: { readonly workerId?: string; readonly id?: string } = {}): RayEvent[] {
  const { workerId = WORKER, id = taskId(number) } = over;
  return [
    definition(id, { name: `task ${number}` }),
    states(id, { PENDING_ARGS_AVAIL: start - 0.5, SUBMITTED_TO_WORKER: start - 0.25, FINISHED: end + 0.5 }, { workerId }),
    states(id, { RUNNING: start }, { workerPid: number }),
    profile(id, { workerId, entries: [entry('task::work', start, end)] }),
  ];
}

/** A call that names an id as its caller. */
function call(number: number, parentTaskId: string, at: number): RayEvent[] {
  const id = taskId(number);
  return [definition(id, { name: 'call', parentTaskId }), states(id, { PENDING_ARGS_AVAIL: at, RUNNING: at + 1, FINISHED: at + 2 })];
}

function make(): LifecycleCorrelator {
  return createCorrelator();
}

function converted(events: readonly RayEvent[]): Finished[] {
  const correlator = make();
  for (const event of events) correlator.apply(event, 0);
  return [...correlator.closeAll(0)];
}

/** One group of events after the other, with a restart after each, and everything closed in the end. */
function live(groups: readonly (readonly RayEvent[])[], pauseMs: number): Finished[] {
  let correlator = make();
  const out: Finished[] = [];
  let nowMs = 100_000;
  for (const events of groups) {
    for (const event of events) correlator.apply(event, nowMs);
    correlator = throughCheckpoint(correlator, make());
    nowMs += pauseMs;
    out.push(...correlator.advance(nowMs));
  }
  out.push(...correlator.advance(nowMs + 10_000_000));
  expect(correlator.stats()).toMatchObject({ openAttempts: 0, openJobs: 0 });
  return out;
}

const attemptsIn = (lifecycles: readonly Finished[]): FinishedAttempt[] =>
  lifecycles.filter((one): one is FinishedAttempt => one.kind === 'attempt').sort((a, b) => (a.taskId < b.taskId ? -1 : 1));
const jobIn = (lifecycles: readonly Finished[]): FinishedJob | undefined =>
  lifecycles.find((one): one is FinishedJob => one.kind === 'job' && one.jobId === JOB);

/** What of a trace depends on threads. */
function shape(lifecycles: readonly Finished[]) {
  return {
    attempts: attemptsIn(lifecycles).map(({ name, taskId: id, parent, placeholder, links }) => ({ name, id, parent, placeholder, links })),
    counts: jobIn(lifecycles)?.tasks,
    attemptCount: jobIn(lifecycles)?.attemptCount,
    entries: jobIn(lifecycles)?.profile.map(({ name, taskId: id }) => `${name} of ${id}`),
  };
}

/** The same from all at once in any order, and from one group after the other, slow and fast. */
function everyWay(groups: readonly (readonly RayEvent[])[]): ReturnType<typeof shape> {
  const events = groups.flat();
  const expected = shape(converted(events));
  fc.assert(
    fc.property(fc.shuffledSubarray(events, { minLength: events.length }), (shuffled) => {
      expect(shape(converted(shuffled))).toEqual(expected);
    }),
    { numRuns: 25 },
  );
  for (const pauseMs of [0, 1_000, 6_000, 20_000]) expect(shape(live(groups, pauseMs))).toEqual(expected);
  return expected;
}

const parentOf = (result: ReturnType<typeof shape>, number: number): unknown =>
  result.attempts.find(({ id }) => id === taskId(number))?.parent;
const underTask = (number: number): unknown => ({ kind: 'task', taskId: taskId(number), attempt: 0 });
const UNDER_JOB = { kind: 'job', id: JOB };

const begin = [jobStates({ CREATED: 0 }), actorStates(actorId(7), { ALIVE: 1 })];
const end = [jobStates({ FINISHED: 100 })];

describe('an id with nothing but submit_task entries', () => {
  it('is no attempt: it has no span, and no count and no gauge knows it', () => {
    const groups = [begin, task(1, 5, 20), [submits(MADE_UP, 6, 7), submits(MADE_UP, 8, 9)], end];
    expect(everyWay(groups)).toMatchObject({
      attempts: [{ name: 'task 1' }],
      counts: { finished: 1, failed: 0, unfinished: 0 },
      attemptCount: 1,
    });
    const correlator = make();
    for (const event of groups.flat()) correlator.apply(event, 0);
    expect(correlator.openAttempts()).toBe(1);
  });

  it('is no attempt either where it could be the id of a task or of a creation', () => {
    const ids = [taskId(9), `${'f'.repeat(16)}${actorId(7)}`, `${'0'.repeat(15)}1${actorId(7)}`];
    expect(everyWay([begin, ids.map((id) => submits(id, 6, 7)), end])).toMatchObject({ attempts: [], attemptCount: 0 });
  });

  it('becomes an attempt with a definition, states, or an entry of its own execution, before or after them', () => {
    for (const proof of [
      [definition(MADE_UP, { name: 'proven' })],
      [states(MADE_UP, { RUNNING: 5 })],
      [profile(MADE_UP, { entries: [entry('task:execute', 5, 6)] })],
    ]) {
      const result = everyWay([begin, [submits(MADE_UP, 6, 7)], proof, end]);
      expect(result.attempts.map(({ id }) => id)).toEqual([MADE_UP]);
      expect(result.attemptCount).toBe(1);
    }
  });

  it('makes no job of its own', () => {
    expect(converted([submits(MADE_UP, 6, 7)])).toEqual([]);
  });
});

describe('a call of a thread', () => {
  it('hangs under the task that ran in the worker of the thread when it was submitted', () => {
    const groups = [
      begin,
      [...task(1, 5, 20).slice(0, 3), submits(MADE_UP, 6, 7)],
      call(3, MADE_UP, 6),
      task(1, 5, 20).slice(3),
      task(2, 30, 40),
      [submits(MADE_UP, 31, 32), ...call(4, MADE_UP, 31)],
      end,
    ];
    const result = everyWay(groups);
    expect([parentOf(result, 3), parentOf(result, 4)]).toEqual([underTask(1), underTask(2)]);
    expect(result.attempts.filter(({ placeholder }) => placeholder === true)).toEqual([]);
    expect(result.attempts.find(({ id }) => id === taskId(3))?.links).toMatchObject([{ relation: 'parent_task', span: underTask(1) }]);
  });

  it('of the driver hangs under the job', () => {
    const driver = { componentType: 'driver', workerId: machineId(9) };
    const result = everyWay([begin, [submits(MADE_UP, 6, 7, driver), ...call(3, MADE_UP, 6)], end]);
    expect(result.attempts).toMatchObject([{ parent: UNDER_JOB, links: [{ relation: 'parent_task', span: UNDER_JOB }] }]);
  });

  it.each<[string, RayEvent[], string]>([
    ['nothing ran in its worker', [], MADE_UP],
    ['what ran there had ended', task(1, 2, 4), MADE_UP],
    ['what ran there began later', task(1, 8, 20), MADE_UP],
    ['two attempts ran there', [...task(1, 2, 20), ...task(2, 3, 20)], MADE_UP],
    ['only another worker ran something', task(1, 2, 20, { workerId: OTHER_WORKER }), MADE_UP],
  ])('hangs under the job where %s', (_, running, threadId) => {
    const result = everyWay([begin, [...running, submits(threadId, 6, 7)], call(3, threadId, 6), end]);
    expect(parentOf(result, 3)).toEqual(UNDER_JOB);
    expect(result.attempts.filter(({ placeholder }) => placeholder === true)).toEqual([]);
  });

  it('hangs under the job where no profile shows the thread, but the session reports its actors', () => {
    const result = everyWay([begin, call(3, MADE_UP, 6), end]);
    expect(result.attempts).toMatchObject([{ id: taskId(3), parent: UNDER_JOB }]);
  });

  it('hangs under the job where what ran in its worker belongs to the trace of another job', () => {
    const caller = '02000000';
    const foreign = `${'0'.repeat(15)}5${actorId(7)}`;
    const running = [
      definition(foreign, { parentTaskId: driverOf(caller), taskType: 'ACTOR_TASK' }),
      states(foreign, { RUNNING: 2, FINISHED: 30 }, { workerId: WORKER }),
    ];
    const result = everyWay([begin, [...running, submits(MADE_UP, 6, 7)], call(3, MADE_UP, 6), end]);
    expect(parentOf(result, 3)).toEqual(UNDER_JOB);
  });
});

describe('a caller without any event', () => {
  const placeholders = (result: ReturnType<typeof shape>): unknown[] =>
    result.attempts.filter(({ placeholder }) => placeholder === true).map(({ id }) => id);

  it.each([
    ['a task', taskId(9)],
    ['a creation', `${'f'.repeat(16)}${actorId(7)}`],
    ['a call of an actor that events name', `${'0'.repeat(15)}1${actorId(7)}`],
  ])('still gets a placeholder where it is %s, also one that submitted calls', (_, callerId) => {
    for (const known of [[], [submits(callerId, 6, 7)]]) {
      const result = everyWay([begin, [...known, ...call(3, callerId, 6)], end]);
      expect(placeholders(result)).toEqual([callerId]);
      expect(parentOf(result, 3)).toEqual({ kind: 'task', taskId: callerId, attempt: 0 });
      expect(result.attemptCount).toBe(1);
    }
  });

  it('gets a placeholder where a session reports no actors, and no profile of the caller came', () => {
    expect(placeholders(everyWay([[jobStates({ CREATED: 0 })], call(3, MADE_UP, 6), end]))).toEqual([MADE_UP]);
  });
});

describe('a span of user code', () => {
  const own = entry('load images', 6, 7);

  it('in a thread hangs under the job, and makes no attempt of the thread', () => {
    const result = everyWay([begin, [profile(MADE_UP, { entries: [own] }), submits(MADE_UP, 6, 7)], end]);
    expect(result).toMatchObject({ attempts: [], attemptCount: 0, entries: [`load images of ${MADE_UP}`] });
  });

  it("is all that is left of an attempt whose id can be a task's", () => {
    const lostCall = `${'0'.repeat(15)}1${actorId(7)}`;
    const lost = [profile(taskId(5), { entries: [own] }), profile(lostCall, { entries: [own] })];
    expect(everyWay([begin, lost, end])).toMatchObject({ attempts: [{ id: lostCall }, { id: taskId(5) }], attemptCount: 2, entries: [] });
  });

  it('belongs to its attempt when the actor of its id becomes known later', () => {
    const later = `${'0'.repeat(15)}1${actorId(8)}`;
    const result = everyWay([begin, [profile(later, { entries: [own] })], [actorStates(actorId(8), { ALIVE: 1 })], end]);
    expect(result).toMatchObject({ attempts: [{ id: later }], attemptCount: 1, entries: [] });
  });

  it('that comes when the job is closed is late', () => {
    const correlator = make();
    for (const event of [...begin, ...end]) correlator.apply(event, 0);
    correlator.advance(1_000_000);
    expect(correlator.apply(profile(MADE_UP, { entries: [own] }), 1_000_000)).toBe('late');
  });
});

describe('the threads of a session', () => {
  it(`are remembered up to ${MAX_THREADS}, the latest ones`, () => {
    let bytes = 0;
    const threads = new Threads((change) => {
      bytes += change;
    });
    for (let number = 0; number < MAX_THREADS + 5; number += 1) {
      threads.note({ ...(submits(madeUp(number), 1, 2) as TaskProfile), taskId: madeUp(number) });
    }
    expect(threads.size).toBe(MAX_THREADS);
    expect(bytes).toBeLessThan(5_000_000);
    expect([threads.get(madeUp(4)), threads.get(madeUp(5))?.id]).toEqual([undefined, madeUp(5)]);
  });

  it(`remember ${MAX_ENDED_RUNS} attempts that ended in their workers, and none of other workers`, () => {
    let bytes = 0;
    const threads = new Threads((change) => {
      bytes += change;
    });
    threads.note({ ...(submits(MADE_UP, 1, 2) as TaskProfile), taskId: MADE_UP });
    const run = (number: number) => {
      const transitions = [{ state: 'RUNNING', timeNs: secondNs(number) }];
      return { number: 0, task: { id: taskId(number) }, transitions, rareFields: { profile: [] } };
    };
    threads.noteRun(OTHER_WORKER, run(1));
    threads.endRun(OTHER_WORKER, run(1), secondNs(2));
    expect(threads.endedRuns).toBe(0);
    for (let number = 0; number < MAX_ENDED_RUNS + 5; number += 1) {
      threads.noteRun(WORKER, run(number));
      threads.endRun(WORKER, run(number), secondNs(number + 0.5));
    }
    expect(threads.endedRuns).toBe(MAX_ENDED_RUNS);
    expect(threads.runningAt(WORKER, secondNs(4))).toBeUndefined();
    expect(threads.runningAt(WORKER, secondNs(5))?.taskId).toBe(taskId(5));
    threads.forgetJob(JOB);
    expect([threads.size, threads.endedRuns, bytes]).toEqual([0, 0, 0]);
  });

  it('take linear work, however many calls a thread makes and attempts run in its worker', () => {
    const prepare = (size: number) => {
      const events = [...begin, submits(MADE_UP, 0, 1)];
      for (let number = 0; number < size; number += 1) {
        events.push(...task(2 * number, number, number + 0.5), ...call(2 * number + 1, MADE_UP, number + 0.25));
        events.push(submits(madeUp(number + 2), number, number + 0.5));
      }
      return () => converted([...events, ...end]);
    };
    expect(growth(100, prepare)).toBeLessThan(MAX_GROWTH);
  });
});
