import { describe, expect, it } from 'vitest';
import { type FinishedAttempt, inOrder, type Finished, timesOf } from '../../src/correlate/index.ts';
import { createCorrelator } from '../support/correlator.ts';
import type { RayEvent } from '../../src/event/index.ts';
import { createSpanMapper, type SpanOptions } from '../../src/span/index.ts';
import { TestModel } from '../view/test-model.ts';
import {
  actorId,
  actorStates,
  DRIVER,
  definition,
  header,
  JOB,
  jobStates,
  nodeStates,
  profile,
  secondNs,
  SESSION,
  START_NS,
  states,
  taskId,
  timed,
  workerStates,
} from '../support/events.ts';

// States that cannot have happened in the order of their times: owner, executor and control plane have clocks of their own. Times stay as they
// were reported; the span says that they contradict each other, and lengths come from one clock.

const TASK = taskId(4);
const START_S = Number(START_NS / 1_000_000_000n);
const START_MS = START_S * 1000;

type Listed = readonly (readonly [state: string, second: number])[];

const defined = definition(TASK, { name: 'skew' });
const entered = (list: Listed, workerPid?: number): RayEvent => states(TASK, list, { workerPid });
const ran = (start: number, end: number): RayEvent =>
  profile(TASK, [{ name: 'task::skew', startNs: secondNs(start), endNs: secondNs(end) }]);

function lifecycleOf<Kind extends Finished['kind']>(kind: Kind, events: readonly RayEvent[]): Finished & { readonly kind: Kind } {
  const correlator = createCorrelator();
  for (const event of events) correlator.apply(event, 0);
  const found = correlator.closeAll(0).find((one): one is Finished & { readonly kind: Kind } => one.kind === kind);
  if (found === undefined) throw new Error(`no ${kind}`);
  return found;
}

function spansOf(kind: Finished['kind'], events: readonly RayEvent[], options: Partial<SpanOptions> = {}) {
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
    from: startTime[0] - START_S,
    to: endTime[0] - START_S,
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
  defined,
  entered(SUBMITTED),
  entered([['RUNNING', runs]], 5),
  ...(isProfiled ? [ran(runs, runs + 10)] : []),
  entered(FINISHED),
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
  const attempt = (list: Listed): FinishedAttempt => lifecycleOf('attempt', [defined, entered(list)]);

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
    expect(timesOf(attempt(list)).skewNs).toBe(BigInt(seconds * 1e9));
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
  ])('a possible order gets no clock skew: %s', (_, list) => {
    expect(timesOf(attempt(list))).toMatchObject({ skewNs: 0n, isContradictory: false });
  });

  it('does not change lengths that are known from one clock, and leaves out those that are not', () => {
    const clamped = lifecycleOf('attempt', [
      defined,
      entered([['RUNNING', 700]]),
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
    const names = inOrder(timed(list)).map(({ state }) => state);
    expect(names).toEqual(['SUBMITTED_TO_WORKER', 'RUNNING', 'RUNNING_IN_RAY_GET', 'RUNNING', 'FINISHED']);
  });
});

describe('an impossible order of the states of', () => {
  const nodeId = 'cd'.repeat(28);
  const workerId = 'ab'.repeat(28);
  const node = (list: Listed): RayEvent => nodeStates(nodeId, list);
  const worker = (list: Listed): RayEvent => workerStates(workerId, list);
  const actor = (list: Listed): RayEvent => actorStates(actorId(9), list);
  const driver = (list: Listed): RayEvent => states(DRIVER, list);

  it.each<[string, Finished['kind'], RayEvent[], number | undefined]>([
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
      [{ ...header(), type: 'node_definition', nodeId, labels: {}, startNs: secondNs(8) }, node([['ALIVE', 3]])],
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
      [{ ...worker([]), transitions: [{ state: 'ALIVE', timeNs: secondNs(1), launchNs: secondNs(8) }] } as RayEvent],
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
          transitions: timed([
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
          transitions: timed([
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
    expect([span?.startTime, span?.endTime, span?.attributes['ray.end_clamped']]).toEqual([[START_S + 9, 0], [START_S + 9, 0], true]);
  });
});

describe('the live page', () => {
  function modelOf(events: readonly RayEvent[], isClosed: boolean) {
    const model = new TestModel();
    for (const event of events) model.observe(event, 1_000);
    if (isClosed) model.pass(10_000);
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
    expect(attempt).toMatchObject({
      startMs: START_MS + 400_000,
      workerWaitMs: START_MS + 400_500,
      runningMs: START_MS + 401_200,
      endMs: START_MS + 411_200,
    });
    expect(attempt?.clockSkewMs).toBeGreaterThan(289_000);
  });

  it('leaves out when it began to run where no length is known', () => {
    const { job, attempt } = modelOf(story(101, false), true);
    expect(attempt).toMatchObject({ startMs: START_MS + 400_000, runningMs: Number.NaN, endMs: START_MS + 411_200 });
    expect(job?.functions.get('skew')?.run.summary()).toBeUndefined();
  });

  it.each([
    ['the executor first', [defined, entered([['RUNNING', 101]], 5), entered(SUBMITTED)]],
    ['the owner first', [defined, entered(SUBMITTED), entered([['RUNNING', 101]], 5)]],
  ])('shows an open attempt to run since it was submitted, not since the clock of its executor says: %s', (_, events) => {
    const { attempt } = modelOf(events, false);
    expect(attempt).toMatchObject({
      stage: 'running',
      startMs: START_MS + 400_000,
      workerWaitMs: START_MS + 400_500,
      runningMs: START_MS + 400_500,
      stateMs: START_MS + 400_500,
    });
  });

  it('does not count the ages of a session by the clock of one executor', () => {
    const model = new TestModel();
    for (const event of [defined, entered(SUBMITTED), entered([['RUNNING', 701]], 5)]) model.observe(event, 1_000);
    expect(model.sessions.get(SESSION)?.clockMs(3_000)).toBe(START_MS + 402_500);
  });
});
