import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createScheduler } from '../../src/runtime/index.ts';
import { findCriticalPath, type PathInput, type PathStep } from '../../src/view/critical-path.ts';
import { describeCriticalPath } from '../../src/view/describe-tree.ts';
import { Pace } from '../../src/view/pace.ts';
import { type AttemptFacts, DRIVER, makeJob } from './attempt-fixture.ts';

/** End of the id of a task that is not a call on an actor. */
const OF_NO_ACTOR = `${'f'.repeat(24)}01000000`;

/** Gives the tasks ids like Ray's, which reveal calls on actors. An id of 48 digits stays. */
function asTask({ id, parent, ...facts }: AttemptFacts): AttemptFacts {
  const taskIdOf = (name: string): string => (name.length === 48 ? name : `${name}${OF_NO_ACTOR}`);
  return { ...facts, id: taskIdOf(id), ...(parent === undefined ? {} : { parent: taskIdOf(parent) }) };
}

function nameOf(taskId: string): string {
  return taskId.length === 48 ? taskId : taskId.slice(0, -OF_NO_ACTOR.length);
}

function pathOf(facts: readonly AttemptFacts[], over: Partial<PathInput> = {}): Promise<readonly PathStep[]> {
  const input = { tasks: makeJob(facts.map(asTask)).tasks, startMs: 0, endMs: 100, isOver: true, maxTasks: 1_000, ...over };
  return findCriticalPath(input, new Pace(createScheduler())).then(({ steps }) => steps);
}

/** The steps as text: task, phase, from, to. */
async function stepsOf(facts: readonly AttemptFacts[], over: Partial<PathInput> = {}): Promise<readonly string[]> {
  const steps = await pathOf(facts, over);
  return steps.map(({ attempt, phase, startMs, endMs, isHandedOn }) => {
    const who = attempt === undefined ? DRIVER : `${nameOf(attempt.taskId)}${attempt.number === 0 ? '' : `#${attempt.number}`}`;
    return `${who} ${phase} ${startMs}-${endMs}${isHandedOn ? ' handed on' : ''}`;
  });
}

describe('the critical path', () => {
  it('the path of a job without tasks is its driver', async () => {
    expect(await stepsOf([])).toEqual(['driver running 0-100']);
  });

  it('the path goes through the task that ended last, then what that task waited for, then its submission', async () => {
    const facts: AttemptFacts[] = [
      { id: 'first', start: 5, running: 6, end: 20 },
      { id: 'short', start: 30, running: 31, end: 60 },
      { id: 'long', start: 30, node: 31, worker: 40, running: 42, end: 90 },
      { id: 'leaf', parent: 'long', start: 50, running: 52, end: 80 },
      { id: 'other leaf', parent: 'long', start: 50, running: 51, end: 70 },
    ];
    expect(await stepsOf(facts)).toEqual([
      'driver running 0-5',
      'first arguments 5-6',
      'first running 6-20',
      'driver running 20-30',
      'long arguments 30-31',
      'long node 31-40',
      'long worker 40-42',
      'long running 42-50',
      'leaf arguments 50-52',
      'leaf running 52-80',
      'long running 80-90',
      'driver running 90-100',
    ]);
  });

  it('the path leaves out tasks that were open when the next was submitted, and tasks without a reported end', async () => {
    const facts: AttemptFacts[] = [
      { id: 'aside', start: 1, running: 2, end: 40 },
      { id: 'b', start: 30, running: 30, end: 90 },
      { id: 'never', start: 3, end: 100, stage: 'unfinished' },
      { id: 'open', start: 3, running: 4 },
      { id: 'after', start: 80, running: 81, end: 120 },
    ];
    expect(await stepsOf(facts)).toEqual(['driver running 0-30', 'b running 30-90', 'driver running 90-100']);
  });

  it('a task that outlived its caller counts as awaited by the caller’s caller, and the path continues in its own caller', async () => {
    const facts: AttemptFacts[] = [
      { id: 'p', start: 10, running: 12, end: 30 },
      { id: 'c', parent: 'p', start: 25, running: 27, end: 95 },
    ];
    expect(await stepsOf(facts)).toEqual([
      'driver running 0-10',
      'p arguments 10-12',
      'p running 12-25',
      'c arguments 25-27',
      'c running 27-95',
      'driver running 95-100',
    ]);
  });

  it('a wait for arguments leads to the task of the same caller that ended last before they were available', async () => {
    const facts: AttemptFacts[] = [
      { id: 'map 1', start: 1, running: 2, end: 50 },
      { id: 'map 2', start: 1, node: 2, worker: 30, running: 31, end: 70 },
      { id: 'reduce', start: 2, node: 72, worker: 73, running: 74, end: 98 },
    ];
    expect(await stepsOf(facts)).toEqual([
      'driver running 0-1',
      'map 2 arguments 1-2',
      'map 2 node 2-30',
      'map 2 worker 30-31',
      'map 2 running 31-70',
      'reduce arguments 70-72 handed on',
      'reduce node 72-73',
      'reduce worker 73-74',
      'reduce running 74-98',
      'driver running 98-100',
    ]);
  });

  it('the path of a running job ends now: at what waits, and at what that waits for', async () => {
    const facts: AttemptFacts[] = [
      { id: 'map 1', start: 1, running: 2 },
      { id: 'map 2', start: 2, node: 3, stage: 'pending_node' },
      { id: 'reduce', start: 4, stage: 'pending_args' },
    ];
    expect(await stepsOf(facts, { isOver: false })).toEqual(['driver running 0-2', 'map 2 arguments 2-3', 'map 2 node 3-100']);
    expect(await stepsOf(facts.slice(0, 1), { isOver: false })).toEqual([
      'driver running 0-1',
      'map 1 arguments 1-2',
      'map 1 running 2-100',
    ]);
  });

  it('a call on an actor waits for its actor and never for a node, as in the list of waiting tasks', async () => {
    const actor = '3156d7acf71ef9f84fd0312e01000000';
    const [creation, call, pending, task] = [
      `${'f'.repeat(16)}${actor}`,
      `${'1'.repeat(16)}${actor}`,
      `${'2'.repeat(16)}${actor}`,
      `${'3'.repeat(16)}${'f'.repeat(24)}01000000`,
    ];
    const over: AttemptFacts[] = [
      { id: task, start: 1, node: 2, worker: 3, running: 4, end: 5 },
      { id: creation, start: 10, node: 11, worker: 30, running: 31, end: 39 },
      { id: call, start: 39, node: 41, worker: 50, running: 60, end: 90 },
    ];
    expect(await stepsOf(over)).toEqual([
      'driver running 0-1',
      `${task} arguments 1-2`,
      `${task} node 2-3`,
      `${task} worker 3-4`,
      `${task} running 4-5`,
      'driver running 5-10',
      `${creation} arguments 10-11`,
      `${creation} node 11-30`,
      `${creation} worker 30-31`,
      `${creation} running 31-39`,
      `${call} arguments 39-41`,
      `${call} worker 41-60`,
      `${call} running 60-90`,
      'driver running 90-100',
    ]);
    expect(await stepsOf([{ id: pending, start: 41, node: 42, stage: 'pending_node' }], { isOver: false })).toEqual([
      'driver running 0-41',
      `${pending} arguments 41-42`,
      `${pending} worker 42-100`,
    ]);
    expect(await stepsOf([{ id: call, start: 41, node: 42, worker: 50, end: 90 }])).toEqual([
      'driver running 0-41',
      `${call} arguments 41-42`,
      `${call} worker 42-50`,
      `${call} unknown 50-90`,
      'driver running 90-100',
    ]);
  });

  it('the path contains the earlier attempts of a task and the time between them', async () => {
    const facts: AttemptFacts[] = [
      { id: 'flaky', start: 10, running: 11, end: 20, stage: 'failed' },
      { id: 'flaky', number: 1, start: 30, running: 41, end: 50 },
    ];
    expect(await stepsOf(facts, { endMs: 50 })).toEqual([
      'driver running 0-10',
      'flaky arguments 10-11',
      'flaky running 11-20',
      'flaky retry 20-30',
      'flaky#1 retry 30-41',
      'flaky#1 running 41-50',
    ]);
  });

  it('time without a reported RUNNING is unknown', async () => {
    expect(await stepsOf([{ id: 'a', start: 10, node: 12, worker: 15, end: 100 }])).toEqual([
      'driver running 0-10',
      'a arguments 10-12',
      'a node 12-15',
      'a unknown 15-100',
    ]);
  });

  it('tasks beyond the limit are left out and counted', async () => {
    const { tasks } = makeJob(
      Array.from({ length: 10 }, (_, index) => ({ id: `t${index}`, start: index, running: index, end: index + 1 })),
    );
    const path = await findCriticalPath({ tasks, startMs: 0, endMs: 100, isOver: true, maxTasks: 4 }, new Pace(createScheduler()));
    expect(path.tasksLeftOut).toBe(6);
    expect(new Set(path.steps.map(({ attempt }) => attempt?.taskId)).size).toBe(5);
  });

  it('the answer sums the path up by function and lists its last 500 steps', async () => {
    const chain = Array.from({ length: 400 }, (_, index) => ({
      id: `t${index}`,
      start: index * 2,
      running: index * 2,
      end: index * 2 + 1,
    }));
    const { job, tasks } = makeJob(chain);
    const path = await findCriticalPath({ tasks, startMs: 0, endMs: 800, isOver: true, maxTasks: 1_000 }, new Pace(createScheduler()));
    const { shares, steps, stepsLeftOut } = describeCriticalPath(job, path);
    expect(shares).toMatchObject([
      { function: 'f', tasks: 400, runningMs: 400, totalMs: 400 },
      { tasks: 0, runningMs: 400, totalMs: 400 },
    ]);
    expect([steps.length, stepsLeftOut, steps.at(-1)?.endMs]).toEqual([500, 300, 800]);
  });

  const anyTask = fc.record({
    parent: fc.nat(20),
    times: fc.array(fc.oneof(fc.integer({ min: -10, max: 120 }), fc.constant(Number.NaN)), { minLength: 5, maxLength: 5 }),
    isOpen: fc.boolean(),
    number: fc.nat(2),
  });

  it.each([true, false])('each moment is in exactly one step for any times and callers (job ended: %s)', async (isOver) => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyTask, { maxLength: 20 }), async (made) => {
        const facts = made.map(({ parent, times: [start = 0, node = 0, worker = 0, running = 0, end = 0], isOpen, number }, index) => ({
          id: `t${number > 0 ? Math.max(0, index - 1) : index}`,
          number,
          parent: `t${parent}`,
          start,
          node,
          worker,
          running,
          ...(isOpen ? {} : { end }),
        }));
        const steps = await pathOf(facts, { isOver });
        expect(steps[0]?.startMs).toBe(0);
        expect(steps.at(-1)?.endMs).toBe(100);
        for (const [index, { startMs, endMs }] of steps.entries()) {
          expect(endMs).toBeGreaterThan(startMs);
          if (index > 0) expect(startMs).toBe(steps[index - 1]?.endMs);
        }
      }),
      { numRuns: 500 },
    );
  });
});
