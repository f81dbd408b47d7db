import { describe, expect, it } from 'vitest';
import type { CorrelateOptions } from '../../src/correlate/index.ts';
import type { ProfileEntry, RayEvent } from '../../src/event/index.ts';
import { createCorrelator, type LifecycleCorrelator as Correlator, throughCheckpoint } from '../support/correlator.ts';
import {
  actorId,
  actorStates,
  definition,
  header,
  JOB,
  jobStates,
  machineId,
  many,
  nodeStates,
  secondNs,
  states,
  taskId,
  workerStates,
} from '../support/events.ts';
import { growth, MAX_GROWTH } from '../support/steps.ts';

// Every walk of the correlator over something whose length comes from events: at four times the length it takes four times
// the steps. Chains of callers, and the attempts of one task, are in `linear.steps.test.ts`.

const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;

function make(options: Partial<CorrelateOptions> = {}): Correlator {
  return createCorrelator(options);
}

function applied(events: readonly RayEvent[], options: Partial<CorrelateOptions> = {}): Correlator {
  const correlator = make(options);
  for (const event of events) correlator.apply(event, 0);
  return correlator;
}

/** Time passes, one step after the other as the pump makes them. */
function pass(correlator: Correlator, untilMs: number): void {
  while (correlator.hasDue(untilMs)) correlator.advance(untilMs, 1);
}

function restored(correlator: Correlator): Correlator {
  const copy = throughCheckpoint(correlator, make());
  copy.openAttempts();
  return copy;
}

const run = (
  number: number,
  over: { readonly end?: number; readonly worker?: number; readonly node?: number; readonly job?: string } = {},
) => {
  const { end, worker = number % 50, node = number % 9, job = JOB } = over;
  const times = { RUNNING: number, ...(end === undefined ? {} : { FINISHED: end }) };
  const id = taskId(number, job);
  const { workerId, nodeId } = { workerId: machineId(worker), nodeId: machineId(node) };
  return [definition(id, { parentTaskId: `${'f'.repeat(40)}${job}` }), states(id, times, { workerId, workerPid: 5, nodeId })];
};

const call = (number: number, actor: string, over: { readonly end?: number } = {}): RayEvent[] => {
  const id = number.toString(16).padStart(16, '0') + actor;
  const end = over.end === undefined ? {} : { FINISHED: over.end };
  return [definition(id, { taskType: 'ACTOR_TASK', name: 'A.f' }), states(id, { RUNNING: number, ...end })];
};

const entry = (number: number): ProfileEntry => ({ name: `part ${number}`, startNs: secondNs(number), endNs: secondNs(number + 1) });

const profile = (id: string, numbers: readonly number[], over: object = {}): RayEvent => ({
  ...header(),
  type: 'task_profile',
  taskId: id,
  attempt: 0,
  componentType: 'worker',
  entries: numbers.map(entry),
  ...over,
});

/** A thread that submitted a call in a worker. */
const submission = (number: number, worker: number): RayEvent =>
  profile(taskId(number + 1_000_000), [], { workerId: machineId(worker), submitsStartNs: secondNs(1), submitsEndNs: secondNs(2) });

const session = (number: number): string => `session_${number}`;
const inSession = (number: number, events: readonly RayEvent[]): RayEvent[] =>
  events.map((event) => ({ ...event, session: session(number) }));

const deaths = (number: number): RayEvent[] => {
  const times = { ALIVE: number, DEAD: number + 1 };
  return [workerStates(machineId(number), times), nodeStates(machineId(number), times), actorStates(actorId(number), times)];
};

const point = (number: number): RayEvent => ({
  ...header(),
  type: 'cluster_point',
  source: 'platform',
  name: 'point',
  severity: 'INFO',
  message: '',
  attributes: {},
  ...(number % 2 === 0 ? { timeNs: secondNs(number) } : {}),
});

interface Walk {
  readonly eventsOf: (size: number) => RayEvent[];
  /** What is counted. Default: applying the events. */
  readonly work?: (events: readonly RayEvent[]) => unknown;
  /** What is done before, and not counted. */
  readonly given?: (events: readonly RayEvent[]) => Correlator;
  readonly after?: (correlator: Correlator, size: number) => unknown;
  readonly size?: number;
}

function stepsGrow({ eventsOf, given, work = applied, after, size = 150 }: Walk): number {
  return growth(size, (length) => {
    const events = eventsOf(length);
    if (after === undefined) return () => void work(events);
    const correlator = (given ?? applied)(events);
    return () => void after(correlator, length);
  });
}

const open = (size: number): RayEvent[] => [jobStates({ CREATED: 0 }), ...many(size, (number) => run(number))];
const closedAfter = (events: readonly RayEvent[]): Correlator => {
  const correlator = applied(events);
  pass(correlator, 60_000);
  return correlator;
};

const walks: Record<string, Walk> = {
  'events of one attempt, each with another state': {
    eventsOf: (size) => many(size, (number) => [states(taskId(1), { RUNNING: size - number })]),
  },
  'events of one attempt that report its states without times again and again': {
    eventsOf: (size) => many(size, () => [{ ...states(taskId(1), {}), untimed: [{ state: 'FAILED' }] }]),
  },
  'profile events of one attempt, each with another entry': {
    eventsOf: (size) => many(size, (number) => [states(taskId(1), { RUNNING: 1 }), profile(taskId(1), [number])]),
  },
  'profile events of one driver, each with another entry': {
    eventsOf: (size) => many(size, (number) => [profile(`${'f'.repeat(40)}${JOB}`, [number], { componentType: 'driver' })]),
  },
  'states of one node': { eventsOf: (size) => many(size, (number) => [nodeStates(machineId(1), { ALIVE: size - number })]) },
  'states of one job': { eventsOf: (size) => many(size, (number) => [jobStates({ CREATED: size - number })]) },
  // The states that are kept of one actor are few, so that each creation may look at all of them.
  'restarts of one actor': {
    eventsOf: (size) =>
      many(size, (number) => [
        actorStates(actorId(1), { ALIVE: 2 * number, RESTARTING: 2 * number + 1 }),
        ...(number > 10
          ? []
          : [states(`${'f'.repeat(16)}${actorId(1)}`, { RUNNING: 2 * number }, { attempt: number, workerId: machineId(number) })]),
      ]),
    after: (correlator) => pass(correlator, 2 * HOUR_MS),
  },
  'definitions of one name and one parent that all differ': {
    eventsOf: (size) => many(size, (number) => [definition(taskId(number), { callSite: `line ${number}` })]),
  },
  'definitions with ever other names': { eventsOf: (size) => many(size, (number) => [definition(taskId(number), { name: `f${number}` })]) },
  'attempts that end': {
    eventsOf: (size) => many(size, (number) => run(number, { end: number + 1 })),
    after: (correlator) => pass(correlator, 60_000),
  },
  'attempts that end with their job': {
    eventsOf: (size) => [...open(size), jobStates({ FINISHED: 9_000 })],
    after: (correlator) => pass(correlator, 60_000),
  },
  'calls that outlive their job': {
    eventsOf: (size) => [
      jobStates({ CREATED: 0 }),
      { ...header(), type: 'actor_definition', actorId: actorId(1), isDetached: true, requiredResources: {} },
      ...many(size, (number) => call(number, actorId(1))),
      jobStates({ FINISHED: 9_000 }),
    ],
    after: (correlator) => pass(correlator, 2 * HOUR_MS),
  },
  'detached actors of one job': {
    eventsOf: (size) => [
      jobStates({ CREATED: 0 }),
      ...many(size, (number) => [
        { ...header(), type: 'actor_definition', actorId: actorId(number), isDetached: true, requiredResources: {} },
        actorStates(actorId(number), { ALIVE: number }),
      ]),
      jobStates({ FINISHED: 9_000 }),
    ],
    after: (correlator) => pass(correlator, 2 * HOUR_MS),
  },
  'attempts of a node that dies': {
    eventsOf: (size) => [...many(size, (number) => run(number, { node: 1, worker: number })), nodeStates(machineId(1), { DEAD: 9_000 })],
    after: (correlator) => pass(correlator, 60_000),
  },
  'nodes that die, with what runs on them': {
    eventsOf: (size) =>
      many(size, (number) => [...run(number, { node: number, worker: number }), nodeStates(machineId(number), { DEAD: number + 9 })]),
    after: (correlator) => pass(correlator, 60_000),
  },
  'workers that die, with what runs on them': {
    eventsOf: (size) => many(size, (number) => [...run(number, { worker: number }), workerStates(machineId(number), { DEAD: number + 9 })]),
    after: (correlator) => pass(correlator, 60_000),
  },
  'calls of an actor that dies': {
    eventsOf: (size) => [...many(size, (number) => call(number, actorId(1))), actorStates(actorId(1), { DEAD: 9_000 })],
    after: (correlator) => pass(correlator, 60_000),
  },
  'calls of an actor that reports ALIVE again and again': {
    eventsOf: (size) => [
      ...many(size, (number) => call(number, actorId(1))),
      ...many(size, (number) => [actorStates(actorId(1), { ALIVE: number })]),
    ],
  },
  'open records of a silent session': {
    eventsOf: (size) => [
      ...open(size),
      ...many(size, (number) => [nodeStates(machineId(number), { ALIVE: 1 }), actorStates(actorId(number), { ALIVE: 1 }), point(number)]),
    ],
    after: (correlator) => pass(correlator, 2 * HOUR_MS),
  },
  'jobs of a silent session': {
    eventsOf: (size) => many(size, (number) => [jobStates({ CREATED: number }, number.toString(16).padStart(8, '0'))]),
    after: (correlator) => pass(correlator, 2 * HOUR_MS),
  },
  'jobs that end one after another': {
    eventsOf: (size) =>
      many(size, (number) => {
        const job = number.toString(16).padStart(8, '0');
        return [...run(number, { job }), jobStates({ FINISHED: number + 9 }, job)];
      }),
    after: (correlator) => pass(correlator, 60_000),
  },
  'a session that is forgotten with all that is remembered of it': {
    eventsOf: (size) => many(size, (number) => [...run(number, { end: number + 1 }), ...deaths(number)]),
    given: closedAfter,
    after: (correlator) => pass(correlator, 2 * WEEK_MS),
  },
  'sessions that fall silent and are forgotten': {
    eventsOf: (size) => many(size, (number) => inSession(number, [...run(1), ...deaths(number)])),
    after: (correlator) => pass(correlator, 2 * WEEK_MS),
  },
  'sessions that give way to others': {
    eventsOf: (size) => many(size, (number) => inSession(number, [...run(1), nodeStates(machineId(1), { ALIVE: 1 })])),
    work: (events) => {
      const correlator = make({ maxSessions: 20 });
      for (const [index, event] of events.entries()) {
        correlator.apply(event, index);
        pass(correlator, index);
      }
      expect(correlator.stats().sessions).toBe(20);
    },
  },
  'closed records that give way to others': {
    eventsOf: (size) => many(size, deaths),
    work: (events) => {
      // As many as a third of them.
      const correlator = make({ maxAgingRecords: events.length / 3 });
      for (const [index, event] of events.entries()) {
        correlator.apply(event, index * 1_000);
        pass(correlator, index * 1_000);
      }
      expect(correlator.stats().recordsForgotten).toBeGreaterThan(events.length / 4);
    },
  },
  'named machines that give way to others while attempts run on some': {
    eventsOf: (size) => [
      ...many(size, (number) => run(number, { worker: number, node: 1 })),
      ...many(size, (number) => [states(taskId(1), { RUNNING: 1 }, { workerId: machineId(10_000 - number) })]),
    ],
    work: (events) => applied(events, { maxAgingRecords: events.length / 6 }),
  },
  'points without a time': {
    eventsOf: (size) => many(size, (number) => [point(number)]),
    after: (correlator) => pass(correlator, 2 * HOUR_MS),
    size: 1_000,
  },
  'tombstones that give way to others': {
    eventsOf: (size) => many(size, (number) => run(number, { end: number + 1 })),
    work: (events) => {
      const correlator = make({ maxTombstones: events.length / 8 });
      for (const [index, event] of events.entries()) {
        correlator.apply(event, index * 1_000);
        pass(correlator, index * 1_000);
      }
    },
  },
  'attempts of one task that give way while earlier ones are open': {
    eventsOf: (size) => [
      ...many(size, (attempt) => [definition(taskId(1), { attempt }), states(taskId(1), { RUNNING: attempt }, { attempt })]),
      ...many(size, (number) => [
        definition(taskId(1), { attempt: size + number }),
        states(taskId(1), { RUNNING: number, FAILED: number + 1 }, { attempt: size + number }),
      ]),
    ],
    work: (events) => {
      const correlator = make({ maxTombstones: events.length / 4 + 10 });
      for (const [index, event] of events.entries()) {
        correlator.apply(event, index * 1_000);
        pass(correlator, index * 1_000);
      }
    },
  },
  'threads that submit calls in one worker, where attempts run': {
    eventsOf: (size) => [
      ...many(size, (number) => run(number, { worker: 1 })),
      ...many(size, (number) => [submission(number, 1)]),
      ...many(size, (number) => run(size + number, { worker: 1, end: size + number + 1 })),
    ],
    after: (correlator) => pass(correlator, 60_000),
  },
  'threads that come to a worker and leave it again': {
    eventsOf: (size) => [
      ...many(size, (number) => run(number, { worker: 9 })),
      ...many(size, (number) => [submission(number, 9), submission(number, 1)]),
    ],
  },
  'calls of threads': {
    eventsOf: (size) => [
      ...many(size, (number) => [...run(number, { worker: 1 }), submission(number, 1)]),
      ...many(size, (number) => [
        definition(taskId(size + number), { parentTaskId: taskId(number + 1_000_000) }),
        states(taskId(size + number), { PENDING_ARGS_AVAIL: 1.5, RUNNING: number, FINISHED: number + 1 }),
      ]),
    ],
    after: (correlator) => pass(correlator, 60_000),
  },
  'a checkpoint of all that is open and remembered': {
    eventsOf: (size) => [
      ...many(size, (number) => run(number, { end: number + 1 })),
      ...many(size, (number) => run(size + number)),
      ...many(size, deaths),
    ],
    given: closedAfter,
    after: (correlator) => restored(correlator),
  },
  'the end of the input': {
    eventsOf: (size) => [...open(size), ...many(size, deaths)],
    after: (correlator) => correlator.closeAll(0),
  },
};

describe('the steps of a walk grow as what it walks over', () => {
  it.each(Object.entries(walks))('%s', (_, walk) => {
    expect(stepsGrow(walk)).toBeLessThan(MAX_GROWTH);
  });
});
