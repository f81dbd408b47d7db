import { describe, expect, it } from 'vitest';
import type { Finished } from '../../src/correlate/index.ts';
import { createCorrelator, type LifecycleCorrelator, throughCheckpoint } from '../support/correlator.ts';
import type { ActorTransition, RayEvent, StateTransition } from '../../src/event/index.ts';
import { actorId, at, DRIVER, header, JOB, secondOf, START_NS, taskId } from '../support/events.ts';
import { createSpanMapper } from '../../src/span/index.ts';

// More states than are kept: the first and the last ones are shown, those between them are counted, and the end is the right one.

const ACTOR = actorId(4);
const START_S = Number(START_NS / 1_000_000_000n);

const jobStates = (...transitions: StateTransition[]): RayEvent => ({ ...header(), type: 'job_lifecycle', jobId: JOB, transitions });
const actorStates = (...transitions: ActorTransition[]): RayEvent => ({
  ...header(),
  type: 'actor_lifecycle',
  actorId: ACTOR,
  transitions,
});

/** One event for each restart, as Ray sends them. */
function restartLoop(restarts: number): RayEvent[] {
  const events = [jobStates(at('CREATED', 0)), actorStates(at('DEPENDENCIES_UNREADY', 1), at('PENDING_CREATION', 1.1), at('ALIVE', 2))];
  for (let life = 1; life <= restarts; life += 1) events.push(actorStates(at('RESTARTING', life * 10), at('ALIVE', life * 10 + 2)));
  const deathCause = { reason: 'WORKER_DIED', message: 'out of restarts' };
  events.push(actorStates({ ...at('DEAD', restarts * 10 + 5), deathCause }), jobStates(at('FINISHED', restarts * 10 + 20)));
  return events;
}

function make(): LifecycleCorrelator {
  return createCorrelator();
}

function lifecyclesOf(events: readonly RayEvent[], checkpointAfter?: number): readonly Finished[] {
  let correlator = make();
  for (const [index, event] of events.entries()) {
    correlator.apply(event, 0);
    if (index === checkpointAfter) correlator = throughCheckpoint(correlator, make());
  }
  return correlator.closeAll(0);
}

function spanOf(events: readonly RayEvent[], kind: Finished['kind']) {
  const lifecycle = lifecyclesOf(events).find((one) => one.kind === kind);
  const [span] = lifecycle === undefined ? [] : createSpanMapper()(lifecycle);
  if (span === undefined) throw new Error(`no span of a ${kind}`);
  return span;
}

describe('an actor that restarts 1,500 times and dies', () => {
  const events = restartLoop(1_500);

  it('ends when it died, with the cause, and says how often it was restarted and what is not shown', () => {
    const span = spanOf(events, 'actor');
    expect(span.endTime).toEqual([START_S + 15_005, 0]);
    expect(span.status.message).toBe('out of restarts');
    expect(span.attributes).toMatchObject({
      'error.type': 'WORKER_DIED',
      'ray.actor.incarnations': 1_501,
      'ray.actor.restarts': 1_500,
      'ray.states_left_out': 1_004,
    });
    expect(span.attributes).not.toHaveProperty('ray.end_inferred');
  });

  it('has the first and the last of its states as span events, and counts the others as dropped', () => {
    const { events: shown, droppedEventsCount } = spanOf(events, 'actor');
    expect([shown[0]?.name, shown.at(-1)?.name]).toEqual(['DEPENDENCIES_UNREADY', 'DEAD']);
    expect(shown.length + droppedEventsCount).toBe(3_004);
  });

  it('has its first and its last incarnations, under the numbers that they have among all', () => {
    const actor = lifecyclesOf(events).find(({ kind }) => kind === 'actor');
    const incarnations = actor?.kind === 'actor' ? actor.incarnations : [];
    const seconds = incarnations.map(({ number, startNs, endNs }) => [number, secondOf(startNs), secondOf(endNs)]);
    expect(seconds.length).toBe(999);
    for (const [number = 0, start, end] of seconds) {
      expect([start, end]).toEqual([number * 10 + 2, number === 1_500 ? 15_005 : number * 10 + 10]);
    }
    expect([seconds[0]?.[0], seconds[498]?.[0], seconds[499]?.[0], seconds[998]?.[0]]).toEqual([0, 498, 1_001, 1_500]);
  });

  it('is the same in any order, however often its states are repeated, and after a restart of the bridge', () => {
    const expected = lifecyclesOf(events);
    const odd = events.filter((_, index) => index % 2 === 1);
    expect(lifecyclesOf(events.toReversed())).toEqual(expected);
    expect(lifecyclesOf([...odd, ...events, ...events])).toEqual(expected);
    for (const checkpointAfter of [100, 1_200, 1_501]) expect(lifecyclesOf(events, checkpointAfter)).toEqual(expected);
  });

  it('counts what was left out', () => {
    const correlator = make();
    for (const event of events) correlator.apply(event, 0);
    expect(correlator.stats().leftOutStates).toBe(1_004);
  });
});

describe('too many states', () => {
  const nodeId = 'cd'.repeat(28);
  const workerId = 'ab'.repeat(28);
  const flapping = (first: string, last: string): StateTransition[] => [
    at(first, 1),
    ...Array.from({ length: 3_000 }, (_, index) => at(first, 2 + index)),
    at(last, 5_000),
  ];
  const ofTask = { type: 'task_lifecycle', attempt: 0 } as const;

  it.each<[string, Finished['kind'], (transitions: readonly StateTransition[]) => RayEvent, string, string, string]>([
    ['a job', 'job', (transitions) => ({ ...header(), type: 'job_lifecycle', jobId: JOB, transitions }), 'CREATED', 'FINISHED', ''],
    ['a driver', 'job', (transitions) => ({ ...header(), ...ofTask, taskId: DRIVER, transitions }), 'RUNNING', 'FINISHED', 'DRIVER_'],
    ['an attempt', 'attempt', (transitions) => ({ ...header(), ...ofTask, taskId: taskId(7), transitions }), 'RUNNING', 'FAILED', ''],
    ['a node', 'node', (transitions) => ({ ...header(), type: 'node_lifecycle', nodeId, transitions }), 'ALIVE', 'DEAD', ''],
    ['a worker', 'worker', (transitions) => ({ ...header(), type: 'worker_lifecycle', workerId, transitions }), 'ALIVE', 'DEAD', ''],
    [
      'a placement group',
      'placement_group',
      (transitions) => ({ ...header(), type: 'placement_group_lifecycle', placementGroupId: 'ef'.repeat(18), transitions }),
      'CREATED',
      'REMOVED',
      '',
    ],
    [
      'a submitted job',
      'submission_job',
      (transitions) => ({ ...header(), type: 'submission_job_lifecycle', submissionId: 'raysubmit_1', transitions }),
      'RUNNING',
      'SUCCEEDED',
      '',
    ],
  ])('of %s leave its beginning and its end as they are', (_, kind, event, first, last, prefix) => {
    const transitions = flapping(first, last);
    for (const events of [[event(transitions)], transitions.toReversed().map((one) => event([one]))]) {
      const span = spanOf(events, kind);
      expect([span.startTime, span.endTime]).toEqual([
        [START_S + 1, 0],
        [START_S + 5_000, 0],
      ]);
      expect(span.attributes['ray.states_left_out']).toBe(1_002);
      expect([span.events[0]?.name, span.events.at(-1)?.name]).toEqual([prefix + first, prefix + last]);
      expect(span.events.length + span.droppedEventsCount).toBe(3_002);
    }
  });
});
