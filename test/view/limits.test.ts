import { describe, expect, it } from 'vitest';
import * as build from '../support/events.ts';
import { JOB, SESSION, taskId } from '../support/events.ts';
import type { RayEvent, TaskDefinition, TaskLifecycle } from '../../src/event/index.ts';
import { DEFAULT_VIEW_LIMITS } from '../../src/view/limits.ts';
import { OTHER_FUNCTIONS } from '../../src/view/attempt-book.ts';
import { createScheduler } from '../../src/runtime/index.ts';
import { selectTasks } from '../../src/view/select.ts';
import { TestModel } from './test-model.ts';

const session = SESSION;
const SETTLE_MS = 5_000;
const JOB_END_DELAY_MS = 15_000;

function definition(index: number, over: Partial<TaskDefinition> = {}): TaskDefinition {
  return build.definition(taskId(index), { name: 'f', functionName: 'f', parentTaskId: undefined, requiredResources: { CPU: 1 }, ...over });
}

function states(index: number, ...names: readonly string[]): TaskLifecycle {
  return build.states(
    taskId(index),
    names.map((name, at) => [name, (at + 1) / 1000] as const),
  );
}

/** Receives all events of an attempt, and waits until it is finished. */
function finish(model: TestModel, index: number, end = 'FINISHED', over: Omit<Partial<TaskLifecycle>, 'type'> = {}): void {
  model.observe(definition(index, over.taskId === undefined ? {} : { taskId: over.taskId }));
  model.observe({ ...states(index, 'RUNNING', end), ...over });
  model.wait(SETTLE_MS);
}

function endJob(model: TestModel, jobId = JOB): void {
  model.observe(build.jobStates({ FINISHED: 100 }, jobId));
  model.wait(JOB_END_DELAY_MS);
}

function jobStarted(jobId: string): RayEvent {
  return { type: 'job_lifecycle', eventId: '', session, jobId, transitions: [{ state: 'CREATED', timeNs: 1n }] };
}

function actorDefined(index: number, jobId = JOB): RayEvent {
  const actorId = index.toString(16).padStart(24, '0') + jobId;
  return { type: 'actor_definition', eventId: '', session, actorId, isDetached: true, requiredResources: {} };
}

function jobOf(model: TestModel, jobId = JOB) {
  const job = model.sessions.get(session)?.jobs.get(jobId);
  if (job === undefined) throw new Error('no such job');
  return job;
}

describe('limits of the view', () => {
  it('open attempts beyond the limit are counted by function until they are finished', () => {
    const model = new TestModel({ maxOpenAttempts: 2 });
    for (let index = 0; index < 5; index += 1) {
      model.observe(definition(index), 0);
      model.observe(states(index, 'PENDING_ARGS_AVAIL'), 0);
    }
    const job = jobOf(model);
    expect([job.open.size, job.untracked, job.functions.get('f')?.untracked]).toEqual([2, 3, 3]);
    for (let index = 0; index < 5; index += 1) model.observe(states(index, 'FINISHED'), 0);
    model.wait(SETTLE_MS);
    expect([job.open.size, job.untracked, job.functions.get('f')?.untracked]).toEqual([0, 0, 0]);
    expect(job.tasks.finished).toBe(5);
    expect(job.functions.get('f')?.stages.finished).toBe(5);
    model.observe(definition(9));
    expect(job.open.size).toBe(1);
  });

  it('an attempt that was counted without a row is not counted twice when room became available', () => {
    const model = new TestModel({ maxOpenAttempts: 1 });
    model.observe(definition(0), 0);
    model.observe(definition(1), 0);
    model.observe(states(0, 'FINISHED'), 0);
    model.wait(SETTLE_MS);
    const job = jobOf(model);
    expect([job.open.size, job.untracked]).toEqual([0, 1]);
    model.observe(states(1, 'RUNNING'));
    expect([job.open.size, job.untracked]).toEqual([1, 0]);
    model.observe(states(1, 'FINISHED'));
    model.wait(SETTLE_MS);
    expect([job.open.size, job.untracked]).toEqual([0, 0]);
  });

  it('beyond the row limit of a job, the oldest rows are dropped, failures last, and the counts stay', () => {
    const model = new TestModel({ maxFinishedAttemptsPerJob: 3 });
    finish(model, 0, 'FAILED');
    for (let index = 1; index < 9; index += 1) finish(model, index);
    const job = jobOf(model);
    expect([job.failures.size, job.others.size, job.withoutRow]).toEqual([1, 2, 6]);
    expect([...job.others].map(({ taskId: id }) => id)).toEqual([taskId(7), taskId(8)]);
    expect([job.tasks.finished, job.tasks.failed]).toEqual([8, 1]);
    for (let index = 10; index < 20; index += 1) finish(model, index, 'FAILED');
    expect([job.failures.size, job.others.size]).toEqual([3, 0]);
    expect(model.sessions.get(session)?.lastAttempts.size).toBe(3);
  });

  it('beyond the row limit of all jobs, the rows of the job that ended first are dropped first', () => {
    const model = new TestModel({ maxFinishedAttempts: 4 });
    model.observe(jobStarted(JOB));
    for (let index = 0; index < 3; index += 1) finish(model, index);
    endJob(model);
    const other = '02000000';
    for (let index = 0; index < 3; index += 1) finish(model, index, 'FINISHED', { taskId: taskId(index, other) });
    expect([jobOf(model).rows, jobOf(model, other).rows, model.attempts.rows]).toEqual([1, 3, 4]);
    for (let index = 3; index < 9; index += 1) finish(model, index, 'FINISHED', { taskId: taskId(index, other) });
    expect([jobOf(model).rows, jobOf(model, other).rows, model.attempts.rows]).toEqual([0, 4, 4]);
  });

  it('functions beyond the limit share a summary', () => {
    const model = new TestModel({ maxFunctionsPerJob: 2 });
    for (let index = 0; index < 5; index += 1) model.observe(definition(index, { functionName: `f${index}` }), 0);
    const { functions } = jobOf(model);
    expect([...functions.keys()]).toEqual(['f0', 'f1', OTHER_FUNCTIONS]);
    expect(functions.get(OTHER_FUNCTIONS)?.stages.unknown).toBe(3);
  });

  it('jobs beyond the limits are left out, ended ones by count and age', () => {
    const model = new TestModel({ maxOpenJobs: 3, maxFinishedJobs: 2, finishedJobAgeMs: 1000 });
    for (const id of ['01000000', '02000000', '03000000', '04000000']) model.observe(jobStarted(id), 0);
    const ids = (): readonly string[] => [...(model.sessions.get(session)?.jobs.keys() ?? [])];
    expect(ids()).toEqual(['01000000', '02000000', '03000000']);
    expect(model.leftOut.jobs).toBe(1);
    for (const id of ids()) model.observe(build.jobStates({ FINISHED: 100 }, id));
    model.wait(JOB_END_DELAY_MS);
    expect(ids()).toEqual(['02000000', '03000000']);
    model.observe(jobStarted('05000000'), 15_500);
    model.prune(16_000);
    expect(ids()).toHaveLength(3);
    model.prune(16_001);
    expect(ids()).toEqual(['05000000']);
    expect(model.openJobs).toBe(1);
  });

  it('sessions beyond the limit are left out unless an ended one makes room', () => {
    const model = new TestModel({ maxSessions: 2 });
    const inSession = (name: string): RayEvent => ({ ...jobStarted(JOB), session: name });
    for (const name of ['a', 'b', 'c']) model.observe(inSession(name), 0);
    expect([...model.sessions.keys()]).toEqual(['a', 'b']);
    expect(model.leftOut.sessions).toBe(1);
    model.observe({ type: 'node_definition', eventId: '', session: 'a', nodeId: 'n', labels: {} }, 1);
    model.observe(inSession('b'), 3_000_000);
    model.pass(3_600_001);
    expect([...model.sessions.values()].map(({ isClosed }) => isClosed)).toEqual([true, false]);
    model.observe(inSession('c'));
    expect([...model.sessions.keys()]).toEqual(['b', 'c']);
  });

  it('actors, their lives and nodes beyond the limits are left out and counted', () => {
    const model = new TestModel({ maxActorsPerJob: 2, maxIncarnationsPerActor: 2, maxNodesPerSession: 1 });
    const actorId = (index: number): string => index.toString(16).padStart(24, '0') + JOB;
    for (let index = 0; index < 3; index += 1)
      model.observe(
        { type: 'actor_definition', eventId: '', session, actorId: actorId(index), isDetached: false, requiredResources: {} },
        0,
      );
    const job = jobOf(model);
    expect([job.actors.size, job.actorsNotShown]).toEqual([2, 1]);
    const lives = Array.from({ length: 5 }, (_, index) => [
      { state: 'ALIVE', timeNs: BigInt(index * 2) },
      { state: 'RESTARTING', timeNs: BigInt(index * 2 + 1), restartReason: 'ACTOR_FAILURE' },
    ]).flat();
    model.observe({ type: 'actor_lifecycle', eventId: '', session, actorId: actorId(0), transitions: lives }, 0);
    const actor = job.actors.get(actorId(0));
    expect(actor?.incarnations().map(({ startMs }) => startMs)).toEqual([6e-6, 8e-6]);
    expect(actor?.incarnationsNotShown).toBe(3);
    expect(actor?.state).toBe('RESTARTING');
    for (const nodeId of ['n1', 'n2']) model.observe({ type: 'node_definition', eventId: '', session, nodeId, labels: {} }, 0);
    expect(model.sessions.get(session)?.nodes.size).toBe(1);
    expect(model.sessions.get(session)?.nodesNotShown).toBe(1);
  });

  it('beyond the node limit, a dead node makes room for a live one', () => {
    const model = new TestModel({ maxNodesPerSession: 2 });
    const is = (nodeId: string, state: string): void =>
      model.observe({ type: 'node_lifecycle', eventId: '', session, nodeId, transitions: [{ state, timeNs: 1n }] }, 0);
    is('n1', 'ALIVE');
    is('n2', 'DEAD');
    is('n3', 'ALIVE');
    is('n4', 'ALIVE');
    const { nodes, nodesNotShown } = model.sessions.get(session) ?? {};
    expect([[...(nodes?.keys() ?? [])], nodesNotShown]).toEqual([['n1', 'n3'], 2]);
  });

  it('nodes beyond the limits of one job or of all jobs share a series of use over time', () => {
    const model = new TestModel({ maxNodeSeriesPerJob: 2, maxNodeSeries: 4, maxFinishedJobs: 1 });
    const run = (index: number, jobId: string): void =>
      finish(model, index, 'FINISHED', { taskId: taskId(index, jobId), emitterNodeId: `n${index}`, workerPid: 5 });
    const nodesOf = (jobId: string): unknown =>
      jobOf(model, jobId)
        .nodeUse.series([])
        ?.nodes.map(({ node }) => node);
    const other = '02000000';
    for (const jobId of [JOB, other]) for (let index = 0; index < 5; index += 1) run(index, jobId);
    expect(nodesOf(JOB)).toEqual(['n0', 'n1', undefined]);
    expect(nodesOf(other)).toEqual(['n0', undefined]);
    expect(model.attempts.nodeSeries).toBe(5);
    for (const jobId of [JOB, other]) endJob(model, jobId);
    expect(model.attempts.nodeSeries).toBe(2);
    finish(model, 9, 'FINISHED', { taskId: taskId(9, other) });
    expect(jobOf(model, other).unplaced).toBe(1);
  });

  it('texts are cut between characters', () => {
    const model = new TestModel({ maxMessageLength: 10, maxNameLength: 8 });
    model.observe({ ...states(0, 'FAILED'), error: { errorType: 'T', message: '😀'.repeat(50) } }, 0);
    model.observe(definition(0, { name: 'n'.repeat(50), functionName: 'g'.repeat(50) }), 0);
    const [attempt] = jobOf(model).open;
    expect(attempt?.error?.message).toBe('😀😀😀😀…');
    expect(attempt?.name).toBe('nnnnnnn…');
    expect(attempt?.function.name).toBe('ggggggg…');
  });

  it('late events create nothing', () => {
    const model = new TestModel();
    const late: readonly RayEvent[] = [
      states(0, 'RUNNING'),
      definition(1),
      jobStarted(JOB),
      { ...states(0, 'RUNNING'), taskId: `${'f'.repeat(40)}${JOB}` },
      actorDefined(0),
    ];
    for (const event of late) model.observe(event, 0, 'late');
    expect(model.sessions.size).toBe(0);
    model.observe(jobStarted(JOB), 0);
    for (const event of late) model.observe(event, 0, 'late');
    expect([jobOf(model).open.size, jobOf(model).untracked]).toEqual([0, 0]);
  });

  it('a job with nothing but an actor is not shown, and makes room for a job that began', () => {
    const model = new TestModel({ maxOpenJobs: 2 });
    for (const job of ['0a000000', '0b000000']) model.observe(actorDefined(0, job), 0);
    expect(jobOf(model, '0a000000').hasContent).toBe(false);
    model.observe(jobStarted('0b000000'), 0);
    expect(jobOf(model, '0b000000').hasContent).toBe(true);
    model.observe(jobStarted(JOB), 0);
    expect([...(model.sessions.get(session)?.jobs.keys() ?? [])]).toEqual(['0b000000', JOB]);
    model.observe(jobStarted('02000000'), 0);
    expect([model.openJobs, model.leftOut.jobs]).toEqual([2, 1]);
  });

  it('an ended job is shown as ended again when its actor continues after its rows were dropped', () => {
    const model = new TestModel({ maxFinishedJobs: 1 });
    for (const jobId of ['01000000', '02000000', '03000000', '04000000']) {
      model.observe(build.jobDefinition({ jobId, jobName: `name of ${jobId}` }));
      for (const index of [1, 2, 3]) finish(model, index, index === 1 ? 'FAILED' : 'FINISHED', { taskId: taskId(index, jobId) });
      endJob(model, jobId);
    }
    expect([...(model.sessions.get(session)?.jobs.keys() ?? [])]).toEqual(['04000000']);
    for (const jobId of ['01000000', '03000000']) {
      model.observe(definition(9, { taskId: taskId(9, jobId) }));
      const again = jobOf(model, jobId);
      expect(again).toMatchObject({ name: `name of ${jobId}`, state: 'failed', attempts: 4, lastSeenMs: model.nowMs });
      expect(again.closedMs).toBeDefined();
      expect(again.tasks).toMatchObject({ finished: 2, failed: 1, unknown: 1 });
    }
  });

  it('the actors of a dropped job make room for those of another job', () => {
    const model = new TestModel({ maxActors: 2, maxFinishedJobs: 0 });
    for (const index of [0, 1, 2]) model.observe(actorDefined(index), 0);
    expect([jobOf(model).actors.size, jobOf(model).actorsNotShown]).toEqual([2, 1]);
    endJob(model);
    const other = '02000000';
    for (const index of [0, 1, 2]) model.observe(actorDefined(index, other), 0);
    expect([jobOf(model, other).actors.size, jobOf(model, other).actorsNotShown]).toEqual([2, 1]);
  });

  it('kinds of failures beyond the limit are left out, and known kinds are still counted', () => {
    const model = new TestModel({ maxFailureKindsPerJob: 2 });
    const fail = (index: number, errorType: string): void => {
      finish(model, index, 'FAILED', { error: { errorType, message: '' } });
    };
    for (const [index, errorType] of ['A', 'B', 'C', 'A', 'C', 'B', 'A'].entries()) fail(index, errorType);
    const kinds = [...jobOf(model).failureKinds.values()];
    expect(kinds.map(({ errorType, count }) => [errorType, count])).toEqual([
      ['A', 3],
      ['B', 2],
    ]);
  });

  it('an ended job stays while its events keep arriving', () => {
    const model = new TestModel({ finishedJobAgeMs: 100, maxFinishedJobs: 2 });
    for (const jobId of ['01000000', '02000000']) model.observe(build.jobStates({ FINISHED: 100 }, jobId), 0);
    model.wait(JOB_END_DELAY_MS);
    model.observe(actorDefined(0, '01000000'), 15_080);
    model.prune(15_150);
    expect([...(model.sessions.get(session)?.jobs.keys() ?? [])]).toEqual(['01000000']);
    model.prune(15_181);
    expect(model.sessions.get(session)?.jobs.size).toBe(0);
  });

  it('attempts that outlive their job are counted beside the ended ones', () => {
    const model = new TestModel();
    const call = taskId(0, `${'0'.repeat(24)}${JOB}`);
    const attempt = (number: number, ...names: readonly string[]): void => {
      model.observe(definition(0, { taskId: call, attempt: number }));
      model.observe({ ...states(0, ...names), taskId: call, attempt: number });
    };
    model.observe(actorDefined(0));
    attempt(0, 'RUNNING', 'FAILED');
    model.wait(SETTLE_MS);
    attempt(1, 'RUNNING');
    // The earlier attempt counts on the job's span, but no longer for the stage of the task.
    endJob(model);
    expect(jobOf(model).closedMs).toBeDefined();
    expect(jobOf(model).tasks).toMatchObject({ failed: 0, running: 1 });
    attempt(1, 'FINISHED');
    model.wait(SETTLE_MS);
    expect(jobOf(model).tasks).toMatchObject({ failed: 0, running: 0, finished: 1 });
  });

  it('a dropped job leaves nothing behind', () => {
    const model = new TestModel({ maxFinishedJobs: 0 });
    for (let index = 0; index < 10; index += 1) finish(model, index);
    model.observe(definition(20));
    endJob(model);
    expect(model.sessions.get(session)?.jobs.size).toBe(0);
    expect(model.sessions.get(session)?.lastAttempts.size).toBe(0);
    expect([model.attempts.open, model.attempts.rows, model.openJobs]).toEqual([0, 0, 0]);
  });

  it('every limit has a default', () => {
    expect(DEFAULT_VIEW_LIMITS.maxOpenAttempts).toBe(100_000);
  });
});

describe('the order of a tree', () => {
  it('the tree accepts a task that is its own ancestor, and a chain of any depth', async () => {
    const model = new TestModel();
    const parentOf = (index: number): string | undefined =>
      index === 1 ? taskId(2) : index === 2 ? taskId(1) : index > 10 ? taskId(index - 1) : undefined;
    for (let index = 0; index < 5_000; index += 1) {
      const parentTaskId = parentOf(index);
      model.observe(definition(index, parentTaskId === undefined ? {} : { parentTaskId }), 0);
      model.observe(states(index, 'RUNNING'), 0);
    }
    const tree = await selectTasks(jobOf(model), {}, 'tree', createScheduler());
    expect(tree).toHaveLength(5_000);
    expect(new Set(tree.map(({ attempt }) => attempt)).size).toBe(5_000);
    expect(tree.at(-1)?.depth).toBeLessThanOrEqual(1);
    expect(Math.max(...tree.map(({ depth }) => depth))).toBe(4_989);
  });
});
