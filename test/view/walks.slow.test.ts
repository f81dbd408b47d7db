import { describe, expect, it } from 'vitest';
import type { RayEvent, TaskDefinition } from '../../src/event/index.ts';
import { createScheduler } from '../../src/runtime/index.ts';
import { findCriticalPath } from '../../src/view/critical-path.ts';
import { describeJobInFull } from '../../src/view/describe.ts';
import type { ViewModel } from '../../src/view/model.ts';
import type { ViewLimits } from '../../src/view/limits.ts';
import { Pace } from '../../src/view/pace.ts';
import type { JobView } from '../../src/view/records.ts';
import { selectTasks, selectTree } from '../../src/view/select.ts';
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
  SESSION,
  states,
  taskId,
} from '../support/events.ts';
import { growth, growthOfAsync, MAX_GROWTH } from '../support/steps.ts';
import { TestModel } from './test-model.ts';

// What feeds the live page, and what it asks for: at four times as many tasks, nodes, jobs or sessions it takes four times the
// steps. One event costs the same however much is known.

const LATER_MS = 2 * 3_600_000;

/** What the view knows of events, and of what ended by the end of them. */
function fed(events: readonly RayEvent[], limits: Partial<ViewLimits> = {}): TestModel {
  const model = new TestModel(limits);
  const { correlator } = model;
  const take = (nowMs: number): void => {
    while (correlator.hasDue(nowMs)) correlator.advance(nowMs, 1);
  };
  for (const [index, event] of events.entries()) {
    model.observe(event, index);
    take(index);
  }
  take(LATER_MS);
  return model;
}

/** What the view knows of what is open. */
function fedOpen(events: readonly RayEvent[], limits: Partial<ViewLimits> = {}): TestModel {
  const model = new TestModel(limits);
  for (const event of events) model.observe(event, 0);
  return model;
}

function jobIn(model: ViewModel): JobView {
  const job = model.sessions.get(SESSION)?.jobs.get(JOB);
  if (job === undefined) throw new Error('no job');
  return job;
}

const inFull = (model: ViewModel): unknown => describeJobInFull(jobIn(model), { nowMs: 0, traceUrl: undefined, since: 0 });

const ended = (number: number, over: Partial<TaskDefinition> = {}): RayEvent[] => [
  definition(taskId(number), over),
  states(taskId(number), { PENDING_ARGS_AVAIL: number, RUNNING: number + 1, FINISHED: number + 2 }, { nodeId: machineId(1) }),
];

const jobNumber = (number: number): string => number.toString(16).padStart(8, '0');

/** An actor that waits for a node, with a call that waits for the actor. */
const waitingCall = (number: number, over: Partial<TaskDefinition> = {}): RayEvent[] => {
  const creation = 'f'.repeat(16) + actorId(number);
  const call = number.toString(16).padStart(16, '0') + actorId(number);
  return [
    definition(creation, { taskType: 'ACTOR_CREATION_TASK', requiredResources: { CPU: 2 }, ...over }),
    states(creation, { PENDING_NODE_ASSIGNMENT: 1 }),
    definition(call, { taskType: 'ACTOR_TASK' }),
    states(call, { PENDING_ARGS_AVAIL: 1 }),
  ];
};

const smallNode = (number: number): RayEvent => ({
  ...header(),
  type: 'node_lifecycle',
  nodeId: machineId(number),
  transitions: [{ state: 'ALIVE', timeNs: 1n, resources: { CPU: 1 } }],
});

interface Walk {
  readonly eventsOf: (size: number) => RayEvent[];
  readonly work: (events: readonly RayEvent[]) => unknown;
}

const walks: Record<string, Walk> = {
  'attempts that end': { eventsOf: (size) => many(size, (number) => ended(number)), work: (events) => fed(events) },
  'attempts whose rows give way to others': {
    eventsOf: (size) => many(size, (number) => ended(number)),
    work: (events) => fed(events, { maxFinishedAttemptsPerJob: events.length / 8 }),
  },
  'attempts whose rows give way to those of other jobs': {
    eventsOf: (size) =>
      many(size, (number) => {
        const job = jobNumber(number % 20);
        return [definition(taskId(number, job)), states(taskId(number, job), { RUNNING: number, FINISHED: number + 1 })];
      }),
    work: (events) => fed(events, { maxFinishedAttempts: events.length / 8 }),
  },
  'attempts of one task': {
    eventsOf: (size) =>
      many(size, (number) => {
        const attempt = size - number;
        return [definition(taskId(1), { attempt }), states(taskId(1), { RUNNING: attempt, FAILED: attempt + 0.5 }, { attempt })];
      }),
    work: (events) => fed(events),
  },
  'attempts that the job ends': {
    eventsOf: (size) => [
      jobStates({ CREATED: 0 }),
      ...many(size, (number) => [definition(taskId(number)), states(taskId(number), { RUNNING: number })]),
      jobStates({ FINISHED: 9_000 }),
    ],
    work: (events) => fed(events),
  },
  'jobs that end and are forgotten': {
    eventsOf: (size) =>
      many(size, (number) => {
        const job = jobNumber(number);
        return [...many(3, (task) => [definition(taskId(task, job))]), jobStates({ CREATED: number, FINISHED: number + 1 }, job)];
      }),
    work: (events) => fed(events, { maxFinishedJobs: 5 }),
  },
  'sessions beyond the limit, while jobs of all others are open': {
    eventsOf: (size) => [
      ...many(size, (number) => [jobStates({ CREATED: 0 }, jobNumber(number))]),
      ...many(size, (number) => [{ ...jobStates({ CREATED: 0 }), session: `session_${number}` }]),
    ],
    work: (events) => fedOpen(events, { maxSessions: 1 }),
  },
  'nodes beyond the limit': {
    eventsOf: (size) => many(2 * size, (number) => [nodeStates(machineId(number), { ALIVE: 1 })]),
    work: (events) => fedOpen(events, { maxNodesPerSession: events.length / 2 }),
  },
  'nodes that die and give way to others': {
    eventsOf: (size) => many(2 * size, (number) => [nodeStates(machineId(number), { ALIVE: 1, DEAD: 2 })]),
    work: (events) => fedOpen(events, { maxNodesPerSession: events.length / 4 }),
  },
  'actors beyond the limit': {
    eventsOf: (size) => many(size, (number) => [actorStates(actorId(number), { ALIVE: 1 })]),
    work: (events) => fedOpen(events, { maxActorsPerJob: events.length / 2 }),
  },
};

const open = (size: number): RayEvent[] =>
  many(size, (number) => [definition(taskId(number)), states(taskId(number), { PENDING_NODE_ASSIGNMENT: number }), ...waitingCall(number)]);

Object.assign(walks, {
  'a chain of callers of two jobs, whose last callers are reported first': {
    eventsOf: (size) =>
      many(size, (number) => {
        const [own, other] = number % 2 === 0 ? [JOB, jobNumber(2)] : [jobNumber(2), JOB];
        return [definition(taskId(size - number, own), { parentTaskId: taskId(size - number - 1, other) })];
      }),
    work: (events) => fedOpen(events),
  },
  'states of one attempt': {
    eventsOf: (size) => many(size, (number) => [states(taskId(1), { RUNNING: number })]),
    work: (events) => fedOpen(events),
  },
  'lives of one actor': {
    eventsOf: (size) => many(size, (number) => [actorStates(actorId(1), { ALIVE: 2 * number, RESTARTING: 2 * number + 1 })]),
    work: (events) => fedOpen(events),
  },
  'what a restart restores': {
    eventsOf: open,
    work: (events) => {
      const { correlator } = fedOpen(events);
      const model = new TestModel({}, correlator);
      return [...model.restore((ms) => ms)].length;
    },
  },
} satisfies Record<string, Walk>);

const answers: Record<string, { readonly eventsOf: (size: number) => RayEvent[] }> = {
  'calls that wait for actors that wait for nodes': {
    eventsOf: (size) => [...many(size, (number) => [smallNode(number)]), ...many(size, (number) => waitingCall(number))],
  },
  'calls that wait for actors that need different things': {
    eventsOf: (size) => [
      ...many(size, (number) => [smallNode(number)]),
      ...many(size, (number) => waitingCall(number, { requiredResources: { CPU: number + 2 } })),
    ],
  },
  'calls that wait for one actor': {
    eventsOf: (size) => [
      actorStates(actorId(1), { ALIVE: 1 }),
      ...many(size, (number) => {
        const call = number.toString(16).padStart(16, '0') + actorId(1);
        return [definition(call, { taskType: 'ACTOR_TASK' }), states(call, { PENDING_ARGS_AVAIL: 1, SUBMITTED_TO_WORKER: 2 })];
      }),
    ],
  },
  'attempts that run': {
    eventsOf: (size) =>
      many(size, (number) => [
        definition(taskId(number)),
        states(taskId(number), { RUNNING: 1 }, { workerPid: 5, emitterNodeId: machineId(number) }),
      ]),
  },
};

const searches: Record<string, (job: JobView) => Promise<unknown>> = {
  'a list': (job) => selectTasks(job, { search: 'nothing' }, 'start', createScheduler()),
  'a list in the order of a tree': (job) => selectTasks(job, {}, 'tree', createScheduler()),
  'a tree': (job) => selectTree(job, { expanded: new Set() }, createScheduler()),
  'the critical path': async (job) => {
    const tasks = [...job.others];
    return await findCriticalPath({ tasks, startMs: 0, endMs: job.endMs, isOver: true, maxTasks: 1e6 }, new Pace(createScheduler()));
  },
};

/** Tasks in a chain, tasks of one caller, and attempts of one task. */
const shapes: Record<string, (size: number) => RayEvent[]> = {
  'a chain of callers': (size) => many(size, (number) => ended(number, number === 0 ? {} : { parentTaskId: taskId(number - 1) })),
  'one caller': (size) => many(size, (number) => ended(number, number === 0 ? {} : { parentTaskId: taskId(0) })),
  'many functions': (size) => many(size, (number) => ended(number, { name: `f${number}` })),
};

describe('the steps of the view grow as what it follows', () => {
  it.each(Object.entries(walks))('%s', (_, { eventsOf, work }) => {
    const workOf = (size: number): (() => void) => {
      const events = eventsOf(size);
      return () => void work(events);
    };
    expect(growth(120, workOf)).toBeLessThan(MAX_GROWTH);
  });
});

describe('the steps of an answer grow as what it describes', () => {
  it.each(Object.entries(answers))('%s', (_, { eventsOf }) => {
    const workOf = (size: number): (() => void) => {
      const model = fedOpen(eventsOf(size));
      return () => void inFull(model);
    };
    expect(growth(300, workOf)).toBeLessThan(MAX_GROWTH);
  });

  const cases = Object.entries(searches).flatMap(([search, find]) =>
    Object.entries(shapes).map(([shape, eventsOf]) => ({ search, shape, find, eventsOf })),
  );
  it.each(cases)('$search of $shape', async ({ find, eventsOf }) => {
    const workOf = (size: number): (() => Promise<unknown>) => {
      const job = jobIn(fed([jobStates({ CREATED: 0 }), ...eventsOf(size), jobStates({ FINISHED: 90_000 })]));
      return () => find(job);
    };
    expect(await growthOfAsync(200, workOf)).toBeLessThan(MAX_GROWTH);
  });
});
