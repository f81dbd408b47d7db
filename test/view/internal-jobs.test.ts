import { describe, expect, it } from 'vitest';
import type { RayEvent } from '../../src/event/index.ts';
import type { ViewModel } from '../../src/view/model.ts';
import type { JobsAnswer } from '../../src/view/index.ts';
import { feed, read, startViewBridge } from './view-bridge.ts';
import { createFedModel, type FedModel, recordedPosts } from './view-fixture.ts';

const JOB = '01000000';
const header = { eventId: '', session: 's' } as const;
const driverTask = `${'f'.repeat(40)}${JOB}`;
const driver: RayEvent = {
  ...header,
  type: 'task_lifecycle',
  taskId: driverTask,
  attempt: 0,
  transitions: [{ state: 'RUNNING', timeNs: 1_000_000n }],
} as unknown as RayEvent;
const otherJob: RayEvent = { ...header, type: 'job_lifecycle', jobId: '02000000', transitions: [{ state: 'CREATED', timeNs: 1n }] };
const definition = { ...header, type: 'job_definition', jobId: JOB, entrypoint: 'python train.py' } as unknown as RayEvent;
const task = {
  ...header,
  type: 'task_lifecycle',
  taskId: `${'a'.repeat(16)}${'f'.repeat(24)}${JOB}`,
  attempt: 0,
  transitions: [{ state: 'RUNNING', timeNs: 2_000_000n }],
} as unknown as RayEvent;

function supervisor(name = '_ray_internal_job_actor_raysubmit_1'): RayEvent {
  return {
    ...header,
    type: 'actor_definition',
    actorId: `${'b'.repeat(24)}${JOB}`,
    className: 'JobSupervisor',
    name,
    isDetached: true,
    requiredResources: {},
  } as unknown as RayEvent;
}

function fedWith(...events: readonly RayEvent[]): FedModel {
  const fed = createFedModel();
  for (const event of events) fed.take(event, 1000);
  return fed;
}

function isInternal(model: ViewModel): boolean | undefined {
  return model.sessions.get('s')?.jobs.get(JOB)?.isInternal;
}

describe("Ray's own jobs", () => {
  it.each([
    ['the driver of the job agent, which makes a supervisor for each submitted job', [driver, supervisor()], true],
    ['a driver without a definition and without tasks, where Ray sends definitions', [driver, otherJob], true],
    ['a driver without a definition, where Ray sends none', [driver], false],
    ['a job whose definition came', [driver, otherJob, definition], false],
    ['a job whose definition was lost, but which has tasks', [driver, otherJob, task], false],
    ['a job with an actor whose name a user gave', [driver, supervisor('my_ray_internal_job_actor_x')], false],
  ])('the events of a job show whether Ray started it: %s', (_, events, expected) => {
    for (const order of [events, events.toReversed()]) {
      const fed = fedWith(...order);
      expect(isInternal(fed.model)).toBe(expected);
      expect(isInternal(fed.restarted().model), 'after a restart').toBe(expected);
      fed.closeAll(2000);
      expect(fed.jobs.find(({ jobId }) => jobId === JOB)?.isInternal, "the job's span").toBe(expected);
      expect(isInternal(fed.model), 'when it ended').toBe(expected);
    }
  });

  it.each([
    ['job-submit-ray-2.60.0.ndjson', '01000000', 3],
    ['mix-ray-2.50.1.ndjson', '02000000', 3],
    ['mix-ray-2.53.0.ndjson', '02000000', 3],
    ['mix-ray-2.58.1.ndjson', '02000000', 3],
  ])('the only one of Ray’s own jobs is the driver of the job agent: %s', (name, jobId, jobs) => {
    const fed = createFedModel();
    for (const { events, receivedAtMs } of recordedPosts(name)) for (const event of events) fed.take(event, receivedAtMs);
    const rows = [...fed.model.sessions.values()].flatMap((session) => [...session.jobs.values()]);
    expect(rows).toHaveLength(jobs);
    expect(rows.filter((row) => row.isInternal).map(({ id }) => id)).toEqual([jobId]);
  });

  it("Ray's own jobs come after all jobs of users", async () => {
    const fixture = await startViewBridge();
    await feed(fixture, 'job-submit-ray-2.60.0.ndjson');
    const { jobs } = (await read(fixture.bridge.app, '/api/v1/jobs')).body as unknown as JobsAnswer;
    expect(jobs.map(({ job, state, isInternal: is }) => [job, state, is])).toEqual([
      ['03000000', 'finished', false],
      ['02000000', 'finished', false],
      ['01000000', 'running', true],
    ]);
  });
});
