import { describe, expect, it } from 'vitest';
import { type AttemptLifecycle, inOrder, type Lifecycle, timesOf } from '../../src/correlate/index.ts';
import { createCorrelator } from '../support/correlator.ts';
import type { ProfileEntry, RayEvent, StateTransition, TaskDefinition } from '../../src/event/index.ts';
import { createSpanMapper, type SpanOptions } from '../../src/span/index.ts';
import { ViewModel } from '../../src/view/model.ts';

// States that cannot have happened in the order of their times: owner, executor and control plane have clocks of their own. Times stay as they
// were reported; the span says that they contradict each other, and lengths come from one clock.

const SESSION = 'session_2026-11-25_10-00-00_000001_77';
const JOB = '01000000';
const TASK = `${'0'.repeat(15)}4${'f'.repeat(24)}${JOB}`;

let eventCount = 0;
function header(): { eventId: string; session: string } {
  eventCount += 1;
  return { eventId: `event-${eventCount}`, session: SESSION };
}

type Listed = readonly (readonly [state: string, second: number])[];
const ns = (second: number): bigint => BigInt(Math.round(second * 1_000_000)) * 1_000n;
const transitionsOf = (list: Listed): StateTransition[] => list.map(([state, second]) => ({ state, timeNs: ns(second) }));

const definition: TaskDefinition = {
  ...header(),
  type: 'task_definition',
  taskId: TASK,
  attempt: 0,
  taskType: 'NORMAL_TASK',
  name: 'skew',
  language: 'PYTHON',
  parentTaskId: `${'f'.repeat(40)}${JOB}`,
  requiredResources: {},
};
const states = (list: Listed, workerPid?: number): RayEvent => ({
  ...header(),
  type: 'task_lifecycle',
  taskId: TASK,
  attempt: 0,
  transitions: transitionsOf(list),
  workerPid,
});
const profile = (start: number, end: number): RayEvent => {
  const entries: ProfileEntry[] = [{ name: 'task::skew', startNs: ns(start), endNs: ns(end) }];
  return { ...header(), type: 'task_profile', taskId: TASK, attempt: 0, componentType: 'worker', entries };
};
const jobStates = (list: Listed): RayEvent => ({ ...header(), type: 'job_lifecycle', jobId: JOB, transitions: transitionsOf(list) });

function lifecycleOf<Kind extends Lifecycle['kind']>(kind: Kind, events: readonly RayEvent[]): Lifecycle & { readonly kind: Kind } {
  const correlator = createCorrelator();
  for (const event of events) correlator.apply(event, 0);
  const found = correlator.closeAll(0).find((one): one is Lifecycle & { readonly kind: Kind } => one.kind === kind);
  if (found === undefined) throw new Error(`no ${kind}`);
  return found;
}

function spansOf(kind: Lifecycle['kind'], events: readonly RayEvent[], options: Partial<SpanOptions> = {}) {
  return createSpanMapper(options)(lifecycleOf(kind, events));
}

/** What a span says of clocks and lengths. */
function clockFacts(events: readonly RayEvent[], options: Partial<SpanOptions> = {}) {
  const [span, ...children] = spansOf('attempt', events, options);
  if (span === undefined) throw new Error('no span');
  const { attributes, startTime, endTime } = span;
  return {
    skew: attributes['ray.clock_skew_seconds'],
    running: attributes['ray.task.running_seconds'],
    pending: attributes['ray.task.pending_seconds'],
    from: startTime[0],
    to: endTime[0],
    phases: children.map(({ name }) => name).filter((name) => !name.startsWith('task')),
  };
}

const SUBMITTED: Listed = [
  ['PENDING_ARGS_AVAIL', 400],
  ['SUBMITTED_TO_WORKER', 400.5],
];
const FINISHED: Listed = [['FINISHED', 411.2]];
const story = (runs: number, isProfiled: boolean): RayEvent[] => [
  jobStates([['CREATED', 0]]),
  definition,
  states(SUBMITTED),
  states([['RUNNING', runs]], 5),
  ...(isProfiled ? [profile(runs, runs + 10)] : []),
  states(FINISHED),
  jobStates([['FINISHED', 1_000]]),
];

describe('an attempt whose executor has another clock', () => {
  it.each([
    ['300 s behind', 101, true, { skew: 299.5, running: 10, pending: 0.5, from: 101, to: 411 }],
    ['300 s ahead', 701, true, { skew: 299.8, running: 10, pending: 0.5, from: 400, to: 701 }],
    ['300 s behind, without profile events', 101, false, { skew: 299.5, running: undefined, pending: 0.5, from: 101, to: 411 }],
    ['300 s ahead, without profile events', 701, false, { skew: 289.8, running: undefined, pending: 0.5, from: 400, to: 701 }],
    ['5 s ahead, which its profile entry shows', 405.5, true, { skew: 4.3, running: 10, pending: 0.5, from: 400, to: 411 }],
    ['1 ms behind, which changes nothing', 400.499, false, { skew: 0.001, running: 10.701, pending: 0.499, from: 400, to: 411 }],
    ['right', 401, true, { skew: undefined, running: 10.2, pending: 1, from: 400, to: 411 }],
  ])('%s', (_, runs, isProfiled, expected) => {
    const events = story(runs, isProfiled);
    for (const arranged of [events, events.toReversed()]) expect(clockFacts(arranged)).toMatchObject(expected);
  });

  it('has its states as span events where no phase has a length', () => {
    for (const phases of ['auto', 'spans'] as const) {
      const [span, ...children] = spansOf('attempt', story(101, true), { phases });
      expect(span?.events.map(({ name }) => name)).toEqual(['RUNNING', 'PENDING_ARGS_AVAIL', 'SUBMITTED_TO_WORKER', 'FINISHED']);
      expect(children).toEqual([]);
    }
  });

  it('has its phases in the order of its states where the clocks differ by little', () => {
    const [, ...children] = spansOf('attempt', story(400.499, false));
    const lengths = children.map(({ name, startTime, endTime }) => [
      name,
      (endTime[0] - startTime[0]) * 1e3 + (endTime[1] - startTime[1]) / 1e6,
    ]);
    expect(lengths).toEqual([
      ['pending args', 500],
      ['submitted to worker', 0],
      ['running', 10_701],
    ]);
    expect(children[1]?.attributes['ray.end_clamped']).toBe(true);
  });
});

describe('an impossible order of states', () => {
  const attempt = (list: Listed): AttemptLifecycle => lifecycleOf('attempt', [definition, states(list)]);

  it.each<[string, Listed, number]>([
    [
      'RUNNING before SUBMITTED_TO_WORKER',
      [
        ['RUNNING', 10],
        ['SUBMITTED_TO_WORKER', 12],
      ],
      2,
    ],
    [
      'RUNNING before PENDING_ARGS_AVAIL',
      [
        ['RUNNING', 10],
        ['PENDING_ARGS_AVAIL', 13],
      ],
      3,
    ],
    [
      'RUNNING before PENDING_NODE_ASSIGNMENT',
      [
        ['RUNNING', 10],
        ['PENDING_NODE_ASSIGNMENT', 11],
      ],
      1,
    ],
    [
      'the actor queue before SUBMITTED_TO_WORKER',
      [
        ['PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY', 10],
        ['SUBMITTED_TO_WORKER', 14],
      ],
      4,
    ],
    [
      'RUNNING before the actor queue',
      [
        ['RUNNING', 10],
        ['PENDING_ACTOR_TASK_ARGS_FETCH', 15],
      ],
      5,
    ],
    [
      'RUNNING_IN_RAY_GET before RUNNING',
      [
        ['RUNNING_IN_RAY_GET', 10],
        ['RUNNING', 16],
      ],
      6,
    ],
    [
      'SUBMITTED_TO_WORKER before PENDING_ARGS_AVAIL',
      [
        ['SUBMITTED_TO_WORKER', 10],
        ['PENDING_ARGS_AVAIL', 17],
      ],
      7,
    ],
    [
      'FINISHED before RUNNING',
      [
        ['FINISHED', 10],
        ['RUNNING', 18],
      ],
      8,
    ],
    [
      'FAILED before SUBMITTED_TO_WORKER',
      [
        ['FAILED', 10],
        ['SUBMITTED_TO_WORKER', 19],
      ],
      9,
    ],
    [
      'several at once, by the largest',
      [
        ['RUNNING', 10],
        ['SUBMITTED_TO_WORKER', 12],
        ['PENDING_NODE_ASSIGNMENT', 11],
        ['FAILED', 2],
      ],
      10,
    ],
  ])('is marked: %s', (_, list, seconds) => {
    expect(timesOf(attempt(list)).skewNs).toBe(ns(seconds));
  });

  it.each<[string, Listed]>([
    [
      'states of one moment',
      [
        ['PENDING_ARGS_AVAIL', 1],
        ['PENDING_NODE_ASSIGNMENT', 1],
        ['SUBMITTED_TO_WORKER', 1],
        ['RUNNING', 1],
        ['FINISHED', 1],
      ],
    ],
    [
      'a wait in ray.get while it runs',
      [
        ['RUNNING', 1],
        ['RUNNING_IN_RAY_GET', 2],
        ['RUNNING', 3],
        ['RUNNING_IN_RAY_WAIT', 4],
        ['RUNNING', 5],
        ['FINISHED', 6],
      ],
    ],
    [
      'a node that is assigned again',
      [
        ['PENDING_NODE_ASSIGNMENT', 1],
        ['SUBMITTED_TO_WORKER', 2],
        ['PENDING_NODE_ASSIGNMENT', 3],
        ['RUNNING', 4],
      ],
    ],
    [
      'RUNNING again after the end, which the end says itself',
      [
        ['RUNNING', 5],
        ['FINISHED', 10],
        ['RUNNING', 20],
      ],
    ],
    [
      'states that no release has',
      [
        ['FUTURE', 9],
        ['RUNNING', 10],
        ['FUTURE', 11],
        ['FINISHED', 12],
      ],
    ],
  ])('is none: %s', (_, list) => {
    expect(timesOf(attempt(list))).toMatchObject({ skewNs: 0n, isContradictory: false });
  });

  it('does not change lengths that are known from one clock, and leaves out those that are not', () => {
    const clamped = lifecycleOf('attempt', [
      definition,
      states([['RUNNING', 700]]),
      jobStates([
        ['CREATED', 0],
        ['FINISHED', 500],
      ]),
    ]);
    expect(clamped.endClamped).toBe(true);
    expect(timesOf(clamped)).toMatchObject({ skewNs: 0n, ranNs: undefined, pendingNs: 0n });
  });

  it('is put right for phases by the order of the states alone', () => {
    const list: Listed = [
      ['FINISHED', 1],
      ['RUNNING', 2],
      ['RUNNING_IN_RAY_GET', 3],
      ['RUNNING', 4],
      ['SUBMITTED_TO_WORKER', 5],
    ];
    const names = inOrder(transitionsOf(list)).map(({ state }) => state);
    expect(names).toEqual(['SUBMITTED_TO_WORKER', 'RUNNING', 'RUNNING_IN_RAY_GET', 'RUNNING', 'FINISHED']);
  });
});

describe('an impossible order of the states of', () => {
  const nodeId = 'cd'.repeat(28);
  const workerId = 'ab'.repeat(28);
  const actorId = `${'0'.repeat(23)}9${JOB}`;
  const node = (list: Listed): RayEvent => ({ ...header(), type: 'node_lifecycle', nodeId, transitions: transitionsOf(list) });
  const worker = (list: Listed): RayEvent => ({ ...header(), type: 'worker_lifecycle', workerId, transitions: transitionsOf(list) });
  const actor = (list: Listed): RayEvent => ({ ...header(), type: 'actor_lifecycle', actorId, transitions: transitionsOf(list) });
  const driver = (list: Listed): RayEvent => ({
    ...header(),
    type: 'task_lifecycle',
    taskId: `${'f'.repeat(40)}${JOB}`,
    attempt: 0,
    transitions: transitionsOf(list),
  });

  it.each<[string, Lifecycle['kind'], RayEvent[], number | undefined]>([
    [
      'a job',
      'job',
      [
        jobStates([
          ['FINISHED', 5],
          ['CREATED', 7],
        ]),
      ],
      2,
    ],
    [
      'a driver',
      'job',
      [
        driver([
          ['FAILED', 5],
          ['RUNNING', 8],
        ]),
      ],
      3,
    ],
    [
      'a node',
      'node',
      [
        node([
          ['DEAD', 5],
          ['ALIVE', 9],
        ]),
      ],
      4,
    ],
    [
      'a node that started after its ALIVE',
      'node',
      [{ ...header(), type: 'node_definition', nodeId, labels: {}, startNs: ns(8) }, node([['ALIVE', 3]])],
      5,
    ],
    [
      'a worker',
      'worker',
      [
        worker([
          ['DEAD', 5],
          ['ALIVE', 11],
        ]),
      ],
      6,
    ],
    [
      'a worker that was launched after its ALIVE',
      'worker',
      [{ ...worker([]), transitions: [{ state: 'ALIVE', timeNs: ns(1), launchNs: ns(8) }] } as RayEvent],
      7,
    ],
    [
      'an actor that is created after it was alive',
      'actor',
      [
        actor([
          ['ALIVE', 1],
          ['PENDING_CREATION', 9],
        ]),
      ],
      8,
    ],
    [
      'an actor that is alive after its death',
      'actor',
      [
        actor([
          ['PENDING_CREATION', 1],
          ['DEAD', 2],
          ['ALIVE', 11],
        ]),
      ],
      9,
    ],
    [
      'an actor in order',
      'actor',
      [
        actor([
          ['DEPENDENCIES_UNREADY', 1],
          ['PENDING_CREATION', 2],
          ['ALIVE', 3],
          ['RESTARTING', 4],
          ['PENDING_CREATION', 5],
          ['ALIVE', 6],
          ['DEAD', 7],
        ]),
      ],
      undefined,
    ],
    [
      'a node in order',
      'node',
      [
        node([
          ['ALIVE', 1],
          ['ALIVE', 2],
          ['DEAD', 3],
        ]),
      ],
      undefined,
    ],
    [
      'a placement group',
      'placement_group',
      [
        {
          ...header(),
          type: 'placement_group_lifecycle',
          placementGroupId: 'ef'.repeat(18),
          transitions: transitionsOf([
            ['REMOVED', 1],
            ['CREATED', 11],
          ]),
        },
      ],
      10,
    ],
    [
      'a submitted job',
      'submission_job',
      [
        {
          ...header(),
          type: 'submission_job_lifecycle',
          submissionId: 'raysubmit_1',
          transitions: transitionsOf([
            ['SUCCEEDED', 1],
            ['RUNNING', 12],
          ]),
        },
      ],
      11,
    ],
  ])('%s is marked by its size', (_, kind, events, seconds) => {
    const [span] = spansOf(kind, events);
    expect(span?.attributes['ray.clock_skew_seconds']).toBe(seconds);
  });

  it('a machine that died before it was alive leaves its beginning at ALIVE, and its end clamped', () => {
    const [span] = spansOf('node', [
      node([
        ['DEAD', 5],
        ['ALIVE', 9],
      ]),
    ]);
    expect([span?.startTime, span?.endTime, span?.attributes['ray.end_clamped']]).toEqual([[9, 0], [9, 0], true]);
  });
});

describe('the live page', () => {
  function modelOf(events: readonly RayEvent[], isClosed: boolean) {
    const model = new ViewModel();
    for (const event of events) model.observe(event, 1_000);
    if (isClosed) model.finished(lifecycleOf('attempt', events), 2_000);
    const job = model.sessions.get(SESSION)?.jobs.get(JOB);
    const [attempt] = [...(job?.open ?? []), ...(job?.others ?? [])];
    return { job, attempt };
  }

  it.each([
    ['behind', 101],
    ['ahead', 701],
  ])('counts a run of 10 s as 10 s where the clock of the executor is 300 s %s', (_, runs) => {
    const { job, attempt } = modelOf(story(runs, true), true);
    const own = job?.functions.get('skew');
    expect(own?.run.summary()).toMatchObject({ count: 1, maxMs: 10_000 });
    expect(own?.queue.summary()).toMatchObject({ count: 1, maxMs: 500 });
    expect(attempt).toMatchObject({ startMs: 400_000, workerWaitMs: 400_500, runningMs: 401_200, endMs: 411_200 });
    expect(attempt?.clockSkewMs).toBeGreaterThan(289_000);
  });

  it('leaves out when it began to run where no length is known', () => {
    const { job, attempt } = modelOf(story(101, false), true);
    expect(attempt).toMatchObject({ startMs: 400_000, runningMs: Number.NaN, endMs: 411_200 });
    expect(job?.functions.get('skew')?.run.summary()).toBeUndefined();
  });

  it.each([
    ['the executor first', [definition, states([['RUNNING', 101]], 5), states(SUBMITTED)]],
    ['the owner first', [definition, states(SUBMITTED), states([['RUNNING', 101]], 5)]],
  ])('shows an open attempt to run since it was submitted, not since the clock of its executor says: %s', (_, events) => {
    const { attempt } = modelOf(events, false);
    expect(attempt).toMatchObject({ stage: 'running', startMs: 400_000, workerWaitMs: 400_500, runningMs: 400_500, stateMs: 400_500 });
  });

  it('does not count the ages of a session by the clock of one executor', () => {
    const model = new ViewModel();
    for (const event of [definition, states(SUBMITTED), states([['RUNNING', 701]], 5)]) model.observe(event, 1_000);
    expect(model.sessions.get(SESSION)?.clockMs(3_000)).toBe(402_500);
  });
});
