import { expect, it } from 'vitest';
import type { RayEvent } from '../../src/event/index.ts';
import {
  actorDefinition,
  actorId,
  actorStates,
  creationOf,
  definition,
  JOB,
  jobStates,
  SESSION,
  START_NS,
  states,
  taskId,
} from '../support/events.ts';
import { createFedModel } from './view-fixture.ts';

const START_MS = Number(START_NS / 1_000_000n);
const [DETACHED, CHILD] = [actorId(1), actorId(2)];
const RUN = taskId(1, DETACHED);
const LONG = taskId(2);

function actorDefined(id: string, isDetached: boolean): RayEvent {
  return actorDefinition(id, { isDetached, className: 'Orch' });
}

it('calls on detached actors stay open after the end of their job, and are counted when they end', () => {
  const fed = createFedModel();
  const take = (second: number, ...events: readonly RayEvent[]): void => {
    for (const event of events) fed.take(event, START_MS + second * 1000);
  };
  const job = () => fed.model.sessions.get(SESSION)?.jobs.get(JOB);
  take(
    4,
    jobStates({ CREATED: 0 }),
    actorDefined(DETACHED, true),
    definition(RUN, { name: 'run' }),
    states(RUN, { RUNNING: 1 }),
    definition(taskId(9), { name: 'ordinary' }),
    states(taskId(9), { RUNNING: 1, FINISHED: 2 }),
    actorDefined(CHILD, false),
    definition(creationOf(CHILD), { name: 'Child.__init__', parentTaskId: RUN }),
    states(creationOf(CHILD), { RUNNING: 2, FINISHED: 2.5 }),
    actorStates(CHILD, { ALIVE: 2.5 }),
    jobStates({ FINISHED: 3 }),
  );
  fed.pass(START_MS + 20_000);
  expect(fed.jobs).toHaveLength(1);
  expect(job()).toMatchObject({ state: 'finished', closedMs: START_MS + 19_000, tasks: { running: 1, finished: 2, unfinished: 0 } });
  expect(job()?.actors.get(CHILD)?.isClosed).toBe(false);
  take(21, definition(LONG, { name: 'long', parentTaskId: RUN }), states(LONG, { PENDING_NODE_ASSIGNMENT: 20 }));
  expect(job()?.tasks).toMatchObject({ running: 1, pending_node: 1, finished: 2 });
  take(31, states(LONG, { RUNNING: 30 }));
  take(41, states(LONG, { FINISHED: 40 }), states(RUN, { FAILED: 40 }), actorStates(CHILD, { DEAD: 40 }));
  fed.pass(START_MS + 60_000);
  expect(job()).toMatchObject({ state: 'finished', tasks: { running: 0, pending_node: 0, finished: 3, failed: 1, unfinished: 0 } });
  expect(job()?.actors.get(CHILD)?.isClosed).toBe(true);
  expect(fed.correlator.stats()).toMatchObject({ openAttempts: 0, openJobs: 0 });
  expect(fed.jobs).toHaveLength(1);
});
