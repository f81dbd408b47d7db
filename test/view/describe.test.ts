import { describe, expect, it } from 'vitest';
import type { RayEvent, TaskLifecycle } from '../../src/event/index.ts';
import { describeJob, describeJobInFull, describeSession } from '../../src/view/describe.ts';
import { Rate } from '../../src/view/durations.ts';
import type { ViewLimits } from '../../src/view/limits.ts';
import type { JobView } from '../../src/view/records.ts';
import { TestModel } from './test-model.ts';

const session = 's';
const jobId = '01000000';

function taskIdOf(index: number): string {
  return index.toString(16).padStart(16, '0') + 'f'.repeat(24) + jobId;
}

function defined(index: number): RayEvent {
  return {
    type: 'task_definition',
    eventId: '',
    session,
    taskId: taskIdOf(index),
    attempt: 0,
    taskType: 'NORMAL_TASK',
    name: 'f',
    functionName: 'f',
    language: 'PYTHON',
    requiredResources: { CPU: 1 },
  };
}

function states(index: number, times: Readonly<Record<string, number>>, over: Partial<TaskLifecycle> = {}): RayEvent {
  const transitions = Object.entries(times).map(([state, ms]) => ({ state, timeNs: BigInt(ms) * 1_000_000n }));
  return { type: 'task_lifecycle', eventId: '', session, taskId: taskIdOf(index), attempt: 0, transitions, ...over };
}

function seen(events: readonly RayEvent[], limits: Partial<ViewLimits> = {}): { readonly model: TestModel; readonly job: JobView } {
  const model = new TestModel(limits);
  for (const event of events) model.observe(event, 1_000_000);
  const job = model.sessions.get(session)?.jobs.get(jobId);
  if (job === undefined) throw new Error('no such job');
  return { model, job };
}

const options = { nowMs: 1_000_000, since: 0, traceUrl: undefined };

describe('the answer about a job', () => {
  it('attempts without a row count as attempts and as tasks', () => {
    const { job } = seen([defined(0), defined(1), defined(2)], { maxOpenAttempts: 1 });
    expect(describeJob(job, options)).toMatchObject({ attempts: 3, taskCount: 3, untracked: 2, tasks: { unknown: 1 } });
  });

  it('the longest wait of the attempts that wait for the same thing is shown', () => {
    const pending = [5, 3, 9].flatMap((ms, index) => [defined(index), states(index, { PENDING_NODE_ASSIGNMENT: ms })]);
    const { waiting } = describeJobInFull(seen(pending).job, options);
    expect(waiting.map(({ attempts, sinceMs }) => [attempts, sinceMs])).toEqual([[3, 3]]);
  });

  it('failed attempts that are still open count with those that are closed', () => {
    const error = { errorType: 'WORKER_DIED', message: 'gone' };
    const events = [0, 1, 2].flatMap((index) => [defined(index), states(index, { FAILED: 10 + index }, { error })]);
    const { failures } = describeJobInFull(seen(events).job, options);
    expect(failures.map(({ errorType, attempts, endMs }) => [errorType, attempts, endMs])).toEqual([['WORKER_DIED', 3, 12]]);
  });

  it('actors that are not alive come before living ones', () => {
    const actor = (index: number, state: string): RayEvent => ({
      type: 'actor_lifecycle',
      eventId: '',
      session,
      actorId: `${index.toString(16).padStart(24, '0')}${jobId}`,
      transitions: [{ state, timeNs: 1n }],
    });
    const { job } = seen([actor(0, 'ALIVE'), actor(1, 'RESTARTING'), actor(2, 'ALIVE'), actor(3, 'PENDING_CREATION')]);
    const { actors } = describeJobInFull(job, options);
    expect(actors.map(({ state }) => state)).toEqual(['RESTARTING', 'PENDING_CREATION', 'ALIVE', 'ALIVE']);
  });

  it('each ended attempt counts once, whether its end was received or inferred', () => {
    const ended = [0, 1].flatMap((index) => [defined(index), states(index, { RUNNING: 1, FINISHED: 2 })]);
    const { job, model } = seen([...ended, defined(2), states(2, { RUNNING: 1 })]);
    model.observe(
      { type: 'job_lifecycle', eventId: '', session, jobId, transitions: [{ state: 'FINISHED', timeNs: 9_000_000n }] },
      1_000_000,
    );
    expect(job.ended.perSecond(1_001_000, 1)).toBe(2);
    model.pass(1_015_000);
    expect(model.attempts.open).toBe(0);
    expect(job.ended.perSecond(1_016_000, 1)).toBe(1);
  });
});

describe('the answer about a session', () => {
  it('the nodes that are alive are counted', () => {
    const node = (nodeId: string, state: string): RayEvent => ({
      type: 'node_lifecycle',
      eventId: '',
      session,
      nodeId,
      transitions: [{ state, timeNs: 1n }],
    });
    const model = new TestModel();
    for (const event of [node('n1', 'ALIVE'), node('n2', 'DEAD'), node('n3', 'ALIVE')]) model.observe(event, 0);
    const found = model.sessions.get(session);
    expect(found === undefined ? undefined : describeSession(found)).toMatchObject({ nodes: 3, nodesAlive: 2 });
  });
});

describe('a rate', () => {
  it('a rate covers the last complete seconds, without the current one', () => {
    const rate = new Rate(10);
    for (const ms of [1_000, 1_500, 2_000, 3_000, 4_000, 4_999]) rate.add(ms);
    expect([1, 2, 3, 4].map((seconds) => rate.perSecond(4_999, seconds))).toEqual([1, 1, 4 / 3, 1]);
    expect(rate.perSecond(5_000, 1)).toBe(2);
    expect(rate.perSecond(60_000, 9)).toBe(0);
  });
});
