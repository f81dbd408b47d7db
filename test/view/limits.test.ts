import { describe, expect, it } from 'vitest';
import type { FinishedAttempt, FinishedJob } from '../../src/correlate/index.ts';
import * as build from '../support/events.ts';
import { JOB, SESSION, taskId } from '../support/events.ts';
import type { RayEvent, TaskDefinition, TaskLifecycle } from '../../src/event/index.ts';
import { DEFAULT_VIEW_LIMITS } from '../../src/view/limits.ts';
import { OTHER_FUNCTIONS } from '../../src/view/attempt-book.ts';
import { createScheduler } from '../../src/runtime/index.ts';
import { ViewModel } from '../../src/view/model.ts';
import { selectTasks } from '../../src/view/select.ts';

const session = SESSION;

function definition(index: number, over: Partial<TaskDefinition> = {}): TaskDefinition {
  return build.definition(taskId(index), { name: 'f', functionName: 'f', parentTaskId: undefined, requiredResources: { CPU: 1 }, ...over });
}

function states(index: number, ...names: readonly string[]): TaskLifecycle {
  return build.states(
    taskId(index),
    names.map((name, at) => [name, (at + 1) / 1000] as const),
  );
}

function finishedAttempt(
  index: number,
  outcome: FinishedAttempt['outcome'] = 'finished',
  over: Partial<FinishedAttempt> = {},
): FinishedAttempt {
  return {
    kind: 'attempt',
    session,
    trace: { kind: 'job', session, jobId: JOB },
    links: [],
    taskId: taskId(index),
    attempt: 0,
    jobId: JOB,
    name: 'f',
    definitionFrom: 'own',
    definition: definition(index),
    states: [],
    profile: [],
    outcome,
    startNs: 1_000_000n,
    endNs: 2_000_000n,
    ...over,
  };
}

function finishedJob(jobId: string): FinishedJob {
  return {
    kind: 'job',
    session,
    trace: { kind: 'job', session, jobId },
    links: [],
    jobId,
    name: jobId,
    states: [],
    tasks: { finished: 0, failed: 0, cancelled: 0, unfinished: 0 },
    tasksSoFar: { finished: 0, failed: 0, cancelled: 0, unfinished: 0 },
    openActors: [],
    attemptCount: 0,
    actorCount: 0,
    rolledUpAttemptCount: 0,
    compactAttemptCount: 0,
    profile: [],
    isInternal: false,
    verdict: { outcome: 'succeeded', reason: 'driver_ended', message: '' },
    startNs: 0n,
    endNs: 1n,
  };
}

function jobStarted(jobId: string): RayEvent {
  return { type: 'job_lifecycle', eventId: '', session, jobId, transitions: [{ state: 'CREATED', timeNs: 1n }] };
}

function actorDefined(index: number, jobId = JOB): RayEvent {
  const actorId = index.toString(16).padStart(24, '0') + jobId;
  return { type: 'actor_definition', eventId: '', session, actorId, isDetached: true, requiredResources: {} };
}

function jobOf(model: ViewModel, jobId = JOB) {
  const job = model.sessions.get(session)?.jobs.get(jobId);
  if (job === undefined) throw new Error('no such job');
  return job;
}

describe('limits of the view', () => {
  it('open attempts beyond the limit are counted by function until they are finished', () => {
    const model = new ViewModel({ maxOpenAttempts: 2 });
    for (let index = 0; index < 5; index += 1) {
      model.observe(definition(index), 0);
      model.observe(states(index, 'PENDING_ARGS_AVAIL'), 0);
    }
    const job = jobOf(model);
    expect([job.open.size, job.untracked, job.functions.get('f')?.untracked]).toEqual([2, 3, 3]);
    for (let index = 0; index < 5; index += 1) model.finished(finishedAttempt(index), 0);
    expect([job.open.size, job.untracked, job.functions.get('f')?.untracked]).toEqual([0, 0, 0]);
    expect(job.tasks.finished).toBe(5);
    expect(job.functions.get('f')?.stages.finished).toBe(5);
    model.observe(definition(9), 0);
    expect(job.open.size).toBe(1);
  });

  it('an attempt that was counted without a row is not counted twice when room became available', () => {
    const model = new ViewModel({ maxOpenAttempts: 1 });
    model.observe(definition(0), 0);
    model.observe(definition(1), 0);
    model.finished(finishedAttempt(0), 0);
    model.observe(states(1, 'RUNNING'), 0);
    const job = jobOf(model);
    expect([job.open.size, job.untracked]).toEqual([1, 1]);
    model.finished(finishedAttempt(1), 0);
    expect([job.open.size, job.untracked]).toEqual([0, 0]);
  });

  it('beyond the row limit of a job, the oldest rows are dropped, failures last, and the counts stay', () => {
    const model = new ViewModel({ maxFinishedAttemptsPerJob: 3 });
    model.finished(finishedAttempt(0, 'failed'), 0);
    for (let index = 1; index < 9; index += 1) model.finished(finishedAttempt(index), 0);
    const job = jobOf(model);
    expect([job.failures.size, job.others.size, job.withoutRow]).toEqual([1, 2, 6]);
    expect([...job.others].map(({ taskId: id }) => id)).toEqual([taskId(7), taskId(8)]);
    expect([job.tasks.finished, job.tasks.failed]).toEqual([8, 1]);
    for (let index = 10; index < 20; index += 1) model.finished(finishedAttempt(index, 'failed'), 0);
    expect([job.failures.size, job.others.size]).toEqual([3, 0]);
    expect(model.sessions.get(session)?.lastAttempts.size).toBe(3);
  });

  it('beyond the row limit of all jobs, the rows of the job that ended first are dropped first', () => {
    const model = new ViewModel({ maxFinishedAttempts: 4 });
    for (let index = 0; index < 3; index += 1) model.finished(finishedAttempt(index), 0);
    model.finished(finishedJob(JOB), 0);
    const other = '02000000';
    for (let index = 0; index < 3; index += 1)
      model.finished(
        finishedAttempt(index, 'finished', { taskId: taskId(index, other), jobId: other, trace: { kind: 'job', session, jobId: other } }),
        0,
      );
    expect([jobOf(model).rows, jobOf(model, other).rows, model.attempts.rows]).toEqual([1, 3, 4]);
    for (let index = 3; index < 9; index += 1)
      model.finished(
        finishedAttempt(index, 'finished', { taskId: taskId(index, other), jobId: other, trace: { kind: 'job', session, jobId: other } }),
        0,
      );
    expect([jobOf(model).rows, jobOf(model, other).rows, model.attempts.rows]).toEqual([0, 4, 4]);
  });

  it('functions beyond the limit share a summary', () => {
    const model = new ViewModel({ maxFunctionsPerJob: 2 });
    for (let index = 0; index < 5; index += 1) model.observe(definition(index, { functionName: `f${index}` }), 0);
    const { functions } = jobOf(model);
    expect([...functions.keys()]).toEqual(['f0', 'f1', OTHER_FUNCTIONS]);
    expect(functions.get(OTHER_FUNCTIONS)?.stages.unknown).toBe(3);
  });

  it('jobs beyond the limits are left out, ended ones by count and age', () => {
    const model = new ViewModel({ maxOpenJobs: 3, maxFinishedJobs: 2, finishedJobAgeMs: 1000 });
    for (const id of ['01000000', '02000000', '03000000', '04000000']) model.observe(jobStarted(id), 0);
    const ids = (): readonly string[] => [...(model.sessions.get(session)?.jobs.keys() ?? [])];
    expect(ids()).toEqual(['01000000', '02000000', '03000000']);
    expect(model.leftOut.jobs).toBe(1);
    for (const id of ids()) model.finished(finishedJob(id), 0);
    expect(ids()).toEqual(['02000000', '03000000']);
    model.observe(jobStarted('04000000'), 500);
    model.prune(1000);
    expect(ids()).toHaveLength(3);
    model.prune(1001);
    expect(ids()).toEqual(['04000000']);
    expect(model.openJobs).toBe(1);
  });

  it('sessions beyond the limit are left out unless an ended one makes room', () => {
    const model = new ViewModel({ maxSessions: 2 });
    const inSession = (name: string): RayEvent => ({ ...jobStarted(JOB), session: name });
    for (const name of ['a', 'b', 'c']) model.observe(inSession(name), 0);
    expect([...model.sessions.keys()]).toEqual(['a', 'b']);
    expect(model.leftOut.sessions).toBe(1);
    model.finished({ kind: 'session', session: 'a', trace: { kind: 'session', session: 'a' }, links: [], startNs: 0n, endNs: 0n }, 0);
    model.observe(inSession('c'), 0);
    expect([...model.sessions.keys()]).toEqual(['b', 'c']);
  });

  it('actors, their lives and nodes beyond the limits are left out and counted', () => {
    const model = new ViewModel({ maxActorsPerJob: 2, maxIncarnationsPerActor: 2, maxNodesPerSession: 1 });
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
    const model = new ViewModel({ maxNodesPerSession: 2 });
    const is = (nodeId: string, state: string): void =>
      model.observe({ type: 'node_lifecycle', eventId: '', session, nodeId, transitions: [{ state, timeNs: 1n }] }, 0);
    is('n1', 'ALIVE');
    is('n2', 'DEAD');
    is('n3', 'ALIVE');
    is('n4', 'ALIVE');
    const { nodes, nodesNotShown } = model.sessions.get(session) ?? {};
    expect([[...(nodes?.keys() ?? [])], nodesNotShown]).toEqual([['n1', 'n3'], 2]);
  });

  it('placement groups beyond the limit have no name, and a removed group makes room', () => {
    const model = new ViewModel({ maxPlacementGroupsPerSession: 1 });
    const is = (placementGroupId: string, state: string): void =>
      model.observe({ type: 'placement_group_lifecycle', eventId: '', session, placementGroupId, transitions: [{ state, timeNs: 1n }] }, 0);
    is('p1', 'PENDING');
    is('p2', 'PENDING');
    expect([...(model.sessions.get(session)?.placementGroups.keys() ?? [])]).toEqual(['p1']);
    is('p1', 'REMOVED');
    is('p2', 'CREATED');
    expect([...(model.sessions.get(session)?.placementGroups.keys() ?? [])]).toEqual(['p2']);
  });

  it('nodes beyond the limits of one job or of all jobs share a series of use over time', () => {
    const model = new ViewModel({ maxNodeSeriesPerJob: 2, maxNodeSeries: 4, maxFinishedJobs: 1 });
    const run = (index: number, jobId: string): void => {
      const ends = {
        startNs: 0n,
        endNs: 9_000_000n,
        states: [{ state: 'RUNNING', timeNs: 1_000_000n }],
        node: { nodeId: `n${index}`, labels: {} },
      };
      const trace = { kind: 'job', session, jobId } as const;
      model.finished(finishedAttempt(index, 'finished', { ...ends, taskId: taskId(index, jobId), jobId, trace }), 0);
    };
    const nodesOf = (jobId: string): unknown =>
      jobOf(model, jobId)
        .nodeUse.series([])
        ?.nodes.map(({ node }) => node);
    const other = '02000000';
    for (const jobId of [JOB, other]) for (let index = 0; index < 5; index += 1) run(index, jobId);
    expect(nodesOf(JOB)).toEqual(['n0', 'n1', undefined]);
    expect(nodesOf(other)).toEqual(['n0', undefined]);
    expect(model.attempts.nodeSeries).toBe(5);
    for (const jobId of [JOB, other]) model.finished(finishedJob(jobId), 0);
    expect(model.attempts.nodeSeries).toBe(2);
    model.finished(
      finishedAttempt(9, 'finished', { taskId: taskId(9, other), trace: { kind: 'job', session, jobId: other }, jobId: other }),
      0,
    );
    expect(jobOf(model, other).unplaced).toBe(1);
  });

  it('texts are cut between characters', () => {
    const model = new ViewModel({ maxMessageLength: 10, maxNameLength: 8 });
    model.observe({ ...states(0, 'FAILED'), error: { errorType: 'T', message: '😀'.repeat(50) } }, 0);
    model.observe(definition(0, { name: 'n'.repeat(50), functionName: 'g'.repeat(50) }), 0);
    const [attempt] = jobOf(model).open;
    expect(attempt?.error?.message).toBe('😀😀😀😀…');
    expect(attempt?.name).toBe('nnnnnnn…');
    expect(attempt?.function.name).toBe('ggggggg…');
  });

  it('late events create nothing', () => {
    const model = new ViewModel();
    const late: readonly RayEvent[] = [
      states(0, 'RUNNING'),
      definition(1),
      jobStarted(JOB),
      { ...states(0, 'RUNNING'), taskId: `${'f'.repeat(40)}${JOB}` },
      actorDefined(0),
    ];
    for (const event of late) model.observe(event, 0, 'late');
    expect(model.sessions.get(session)?.jobs.size).toBe(0);
    model.observe(jobStarted(JOB), 0);
    for (const event of late) model.observe(event, 0, 'late');
    expect([jobOf(model).open.size, jobOf(model).untracked]).toEqual([0, 0]);
  });

  it('a job with nothing but an actor is not shown, and makes room for a job that began', () => {
    const model = new ViewModel({ maxOpenJobs: 2 });
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
    const model = new ViewModel({ maxFinishedJobs: 1, maxForgottenJobs: 2 });
    const ended = (jobId: string): void => {
      model.observe(jobStarted(jobId), 0);
      model.finished(
        { ...finishedJob(jobId), name: `name of ${jobId}`, tasksSoFar: { finished: 3, failed: 1, cancelled: 0, unfinished: 0 } },
        0,
      );
    };
    for (const jobId of ['01000000', '02000000', '03000000', '04000000']) ended(jobId);
    expect([...(model.sessions.get(session)?.jobs.keys() ?? [])]).toEqual(['04000000']);
    model.observe(definition(0, { taskId: taskId(0, '03000000') }), 7);
    const again = jobOf(model, '03000000');
    expect(again).toMatchObject({ name: 'name of 03000000', state: 'finished', closedMs: 0, attempts: 1, lastSeenMs: 7 });
    expect(again.tasks).toMatchObject({ finished: 3, failed: 1, unknown: 1 });
    // The limit leaves two, without the oldest.
    model.observe(definition(0, { taskId: taskId(0, '01000000') }), 8);
    expect(jobOf(model, '01000000').closedMs).toBeUndefined();
  });

  it('dropped jobs up to the limit are shown as ended again, and no more', () => {
    const isFoundEnded = (jobId: string): boolean => {
      const model = new ViewModel({ maxFinishedJobs: 1, maxForgottenJobs: 2 });
      for (const ended of ['01000000', '02000000', '03000000', '04000000']) {
        model.observe(jobStarted(ended), 0);
        model.finished(finishedJob(ended), 0);
      }
      model.observe(definition(0, { taskId: taskId(0, jobId) }), 7);
      return jobOf(model, jobId).closedMs !== undefined;
    };
    expect(['01000000', '02000000', '03000000', '04000000'].map(isFoundEnded)).toEqual([false, true, true, true]);
  });

  it('the actors of a dropped job make room for those of another job', () => {
    const model = new ViewModel({ maxActors: 2, maxFinishedJobs: 0 });
    for (const index of [0, 1, 2]) model.observe(actorDefined(index), 0);
    expect([jobOf(model).actors.size, jobOf(model).actorsNotShown]).toEqual([2, 1]);
    model.finished(finishedJob(JOB), 0);
    const other = '02000000';
    for (const index of [0, 1, 2]) model.observe(actorDefined(index, other), 0);
    expect([jobOf(model, other).actors.size, jobOf(model, other).actorsNotShown]).toEqual([2, 1]);
  });

  it('kinds of failures beyond the limit are left out, and known kinds are still counted', () => {
    const model = new ViewModel({ maxFailureKindsPerJob: 2 });
    const fail = (index: number, errorType: string): void => {
      model.finished(finishedAttempt(index, 'failed', { error: { errorType, message: '' } }), 0);
    };
    for (const [index, errorType] of ['A', 'B', 'C', 'A', 'C', 'B', 'A'].entries()) fail(index, errorType);
    const kinds = [...jobOf(model).failureKinds.values()];
    expect(kinds.map(({ errorType, count }) => [errorType, count])).toEqual([
      ['A', 3],
      ['B', 2],
    ]);
  });

  it('an ended job stays while its events keep arriving', () => {
    const model = new ViewModel({ finishedJobAgeMs: 100, maxFinishedJobs: 2 });
    for (const jobId of ['01000000', '02000000']) {
      model.observe(jobStarted(jobId), 0);
      model.finished(finishedJob(jobId), 0);
    }
    model.observe(actorDefined(0, '01000000'), 80);
    model.prune(150);
    expect([...(model.sessions.get(session)?.jobs.keys() ?? [])]).toEqual(['01000000']);
    model.prune(181);
    expect(model.sessions.get(session)?.jobs.size).toBe(0);
  });

  it('attempts that outlive their job are counted beside the ended ones', () => {
    const model = new ViewModel();
    model.observe(definition(0), 0);
    model.observe(states(0, 'FAILED'), 0);
    model.finished(finishedAttempt(0, 'failed'), 0);
    model.observe(definition(0, { attempt: 1 }), 0);
    model.observe({ ...states(0, 'RUNNING'), attempt: 1 }, 0);
    // The earlier attempt counts on the job's span, but no longer for the stage of the task.
    model.finished({ ...finishedJob(JOB), tasks: { finished: 0, failed: 1, cancelled: 0, unfinished: 0 } }, 0);
    expect(jobOf(model).tasks).toMatchObject({ failed: 0, running: 1 });
    model.finished(finishedAttempt(0, 'finished', { attempt: 1 }), 0);
    expect(jobOf(model).tasks).toMatchObject({ failed: 0, running: 0, finished: 1 });
  });

  it('a dropped job leaves nothing behind', () => {
    const model = new ViewModel({ maxFinishedJobs: 0 });
    for (let index = 0; index < 10; index += 1) model.finished(finishedAttempt(index), 0);
    model.observe(definition(20), 0);
    model.finished(finishedJob(JOB), 0);
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
    const model = new ViewModel();
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
