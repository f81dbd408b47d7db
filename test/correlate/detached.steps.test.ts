import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Finished } from '../../src/correlate/index.ts';
import { createCorrelator, type LifecycleCorrelator, throughCheckpoint } from '../support/correlator.ts';
import type { RayEvent, TaskDefinition } from '../../src/event/index.ts';
import {
  actorDefinition,
  actorId,
  actorStates,
  creationOf,
  definition,
  DRIVER,
  driverOf,
  jobStates,
  machineId,
  START_NS,
  states,
  taskId,
  workerStates,
} from '../support/events.ts';
import { growth, MAX_GROWTH } from '../support/steps.ts';

// The end of a driver ends nothing that a detached actor does, called or created, however fast its events come.

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 60);
const START_MS = Number(START_NS / 1_000_000n);
const OTHER_JOB = '02000000';
const DETACHED = actorId(1);
const CHILD = actorId(2);
const RUN = taskId(1, DETACHED);

/** Events by the second at which they are received. */
type Story = readonly (readonly [receivedAt: number, ...events: RayEvent[]])[];

function actorDefined(id: string, isDetached: boolean): RayEvent {
  return actorDefinition(id, { isDetached, className: 'Orch' });
}

function defined(id: string, name: string, parentTaskId: string, over: Partial<TaskDefinition> = {}): RayEvent {
  return definition(id, { name, parentTaskId, ...over });
}

/** A driver creates a detached actor, calls `run` on it, and ends after 3 s. */
function driverEnds(over: { readonly actor?: readonly RayEvent[]; readonly isDetached?: boolean } = {}): RayEvent[] {
  const { isDetached = true } = over;
  return [
    jobStates({ CREATED: 0 }),
    ...(over.actor ?? [actorDefined(DETACHED, isDetached)]),
    actorStates(DETACHED, { PENDING_CREATION: 1, ALIVE: 1.5 }),
    defined(creationOf(DETACHED), 'Orch.__init__', DRIVER),
    states(creationOf(DETACHED), { PENDING_ARGS_AVAIL: 1, RUNNING: 1.3, FINISHED: 1.5 }),
    defined(RUN, 'run', DRIVER),
    states(RUN, { PENDING_ARGS_AVAIL: 1.6, RUNNING: 1.8 }),
    jobStates({ FINISHED: 3 }),
  ];
}

const runEnds = states(RUN, { FINISHED: 50 });

function make(): LifecycleCorrelator {
  return createCorrelator();
}

/** The story at its own pace; `restart` takes the correlator through a checkpoint after that many steps. */
function played(story: Story, restart = -1): Finished[] {
  let correlator = make();
  const out: Finished[] = [];
  let nowMs = START_MS;
  const passTo = (ms: number): void => {
    for (; nowMs < ms; nowMs = Math.min(ms, nowMs + 250)) out.push(...correlator.advance(nowMs));
    out.push(...correlator.advance(nowMs));
  };
  for (const [index, [receivedAt, ...events]] of story.entries()) {
    passTo(START_MS + receivedAt * 1000);
    for (const event of events) correlator.apply(event, nowMs);
    if (index === restart) correlator = throughCheckpoint(correlator, make());
  }
  passTo(nowMs + 100_000);
  out.push(...correlator.advance(nowMs + 2 * 3_600_000));
  expect(correlator.stats()).toMatchObject({ openAttempts: 0, openJobs: 0 });
  return out;
}

function atOnce(story: Story): Finished[] {
  const correlator = make();
  const lastMs = START_MS + (story.at(-1)?.[0] ?? 0) * 1000;
  for (const [, ...events] of story) for (const event of events) correlator.apply(event, lastMs);
  return [...correlator.closeAll(lastMs)];
}

function seconds(ns: bigint): number {
  return Number(ns - START_NS) / 1e9;
}

function summary(lifecycle: Finished): string[] {
  const { startNs, endNs, endInferred } = lifecycle;
  const times = `${seconds(startNs)}..${seconds(endNs)}${endInferred === undefined ? '' : ` (${endInferred})`}`;
  if (lifecycle.kind === 'attempt') return [`${lifecycle.name} ${lifecycle.outcome} ${times}`];
  if (lifecycle.kind === 'actor') return [`actor ${Number(lifecycle.actorId.slice(0, 24))} ${times}`];
  if (lifecycle.kind !== 'job') return [];
  const { finished, failed, unfinished } = lifecycle.tasks;
  return [
    `job ${Number(lifecycle.jobId.slice(0, 2))} ${times}, ${finished}+${failed}+${unfinished} tasks, ${lifecycle.attemptCount} attempts`,
  ];
}

/** All that spans are made of: what a job's result says of the moment, beside that, is for the live page. */
function textsOf(lifecycles: readonly Finished[]): string[] {
  return lifecycles
    .map((lifecycle) => ({ ...lifecycle, tasksSoFar: undefined, openActors: undefined }))
    .map((lifecycle) => JSON.stringify(lifecycle, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value)))
    .sort();
}

/** What comes of a story, which is the same played slowly, at once, and through a restart. */
function resultOf(story: Story): string[] {
  const slow = played(story);
  expect(textsOf(atOnce(story)), 'at once').toEqual(textsOf(slow));
  for (let step = 0; step < story.length; step += 1) expect(textsOf(played(story, step)), `restart ${step}`).toEqual(textsOf(slow));
  return slow.flatMap(summary);
}

const LONG = taskId(2);
const longRuns = (parent = RUN): Story => [
  [21, defined(LONG, 'long', parent), states(LONG, { PENDING_ARGS_AVAIL: 19.998, RUNNING: 20 })],
  [41, states(LONG, { FINISHED: 40 })],
  [51, runEnds],
];

describe('the end of a driver', () => {
  it('ends neither a call on its detached actor nor what that call submits', () => {
    expect(resultOf([[4, ...driverEnds()], ...longRuns()])).toEqual([
      'Orch.__init__ finished 1..1.5',
      'job 1 0..3, 1+0+0 tasks, 1 attempts',
      'long finished 19.998..40',
      'run finished 1.6..50',
      'actor 1 1..50 (silence)',
    ]);
  });

  it('ends everything else that is open 15 s later', () => {
    const open = taskId(7);
    const story: Story = [
      [4, ...driverEnds({ isDetached: false }), defined(open, 'open', DRIVER), states(open, { PENDING_ARGS_AVAIL: 2, RUNNING: 2.5 })],
      [5, defined(taskId(8), 'below', RUN), states(taskId(8), { RUNNING: 2.9 })],
    ];
    expect(resultOf(story)).toEqual([
      'Orch.__init__ finished 1..1.5',
      'run unfinished 1.6..3 (job_finished)',
      'open unfinished 2..3 (job_finished)',
      'below unfinished 2.9..3 (job_finished)',
      'actor 1 1..3 (job_finished)',
      'job 1 0..3, 1+0+3 tasks, 4 attempts',
    ]);
  });

  it('ends no attempt of a detached actor that waits for long after it', () => {
    const story: Story = [
      [4, ...driverEnds()],
      [21, defined(LONG, 'long', RUN), states(LONG, { PENDING_NODE_ASSIGNMENT: 20 })],
      [51, runEnds, states(LONG, { RUNNING: 50 })],
      [61, states(LONG, { FINISHED: 60 })],
    ];
    expect(resultOf(story)).toContain('long finished 20..60');
  });

  it('ends nothing that a detached actor calls over several hops', () => {
    const [second, third] = [taskId(3), taskId(4)];
    const story: Story = [
      [4, ...driverEnds(), defined(LONG, 'long', RUN), states(LONG, { RUNNING: 2 })],
      [5, defined(second, 'second', LONG), states(second, { RUNNING: 2.5 })],
      [6, defined(third, 'third', second), states(third, { RUNNING: 2.9 })],
      [71, states(third, { FINISHED: 68 }), states(second, { FINISHED: 69 }), states(LONG, { FINISHED: 70 }), runEnds],
    ];
    expect(resultOf(story)).toEqual(
      expect.arrayContaining(['long finished 2..70', 'second finished 2.5..69', 'third finished 2.9..68', 'run finished 1.6..50']),
    );
  });

  it('ends neither an actor that a detached actor created, nor calls on it', () => {
    const work = taskId(5, CHILD);
    const story: Story = [
      [
        4,
        ...driverEnds(),
        actorDefined(CHILD, false),
        actorStates(CHILD, { PENDING_CREATION: 2, ALIVE: 2.5 }),
        defined(creationOf(CHILD), 'Child.__init__', RUN),
        states(creationOf(CHILD), { PENDING_ARGS_AVAIL: 2, RUNNING: 2.3, FINISHED: 2.5 }),
        defined(work, 'work', RUN),
        states(work, { PENDING_ARGS_AVAIL: 2.6, RUNNING: 2.7 }),
      ],
      [61, states(work, { FINISHED: 60 }), runEnds],
      [71, actorStates(CHILD, { DEAD: 70 })],
    ];
    expect(resultOf(story)).toEqual([
      'Orch.__init__ finished 1..1.5',
      'Child.__init__ finished 2..2.5',
      'job 1 0..3, 2+0+0 tasks, 2 attempts',
      'run finished 1.6..50',
      'work finished 2.6..60',
      'actor 2 2..70',
      'actor 1 1..70 (silence)',
    ]);
  });

  it("ends no call of another driver on a detached actor's child", () => {
    const work = taskId(5, CHILD);
    const story: Story = [
      [4, ...driverEnds(), defined(creationOf(CHILD), 'Child.__init__', RUN), states(creationOf(CHILD), { RUNNING: 2, FINISHED: 2.5 })],
      [30, jobStates({ CREATED: 28 }, OTHER_JOB), defined(work, 'work', driverOf(OTHER_JOB)), states(work, { RUNNING: 29 })],
      [32, jobStates({ FINISHED: 31 }, OTHER_JOB)],
      [81, states(work, { FINISHED: 80 }), runEnds],
    ];
    expect(resultOf(story)).toEqual(expect.arrayContaining(['work finished 29..80', 'job 2 28..31, 0+0+0 tasks, 0 attempts']));
  });

  it("ends no call of another driver on a detached actor, nor is that one ended with the actor's own job", () => {
    const work = taskId(5, DETACHED);
    const story: Story = [
      [2.5, jobStates({ CREATED: 2 }, OTHER_JOB), defined(work, 'work', driverOf(OTHER_JOB)), states(work, { RUNNING: 2.2 })],
      [4, ...driverEnds()],
      [32, jobStates({ FINISHED: 31 }, OTHER_JOB)],
      [81, states(work, { FINISHED: 80 }), runEnds],
    ];
    expect(resultOf(story)).toContain('work finished 2.2..80');
  });

  it('ends no detached actor that a task created, nor calls on it', () => {
    const [creator, other] = [taskId(7), actorId(3)];
    const work = taskId(5, other);
    const story: Story = [
      [
        4,
        jobStates({ CREATED: 0 }),
        defined(creator, 'creator', DRIVER),
        states(creator, { RUNNING: 1, FINISHED: 2 }),
        actorDefined(other, true),
        defined(creationOf(other), 'Other.__init__', creator),
        states(creationOf(other), { RUNNING: 1.1, FINISHED: 1.2 }),
        defined(work, 'work', creator),
        states(work, { RUNNING: 1.5 }),
        jobStates({ FINISHED: 3 }),
      ],
      [61, states(work, { FINISHED: 60 })],
    ];
    expect(resultOf(story)).toEqual(expect.arrayContaining(['work finished 1.5..60', 'job 1 0..3, 2+0+0 tasks, 2 attempts']));
  });

  it.each<[string, RayEvent[]]>([
    ['only the definition of the actor says so', [actorDefined(DETACHED, true)]],
    ['only the definition of its creation says so', [defined(creationOf(DETACHED), 'Orch.__init__', DRIVER, { isDetachedActor: true })]],
    ['only the definition of the call says so', [defined(RUN, 'run', DRIVER, { isDetachedActor: true })]],
  ])('ends no call on an actor that is detached, where %s', (_, actor) => {
    expect(resultOf([[4, ...driverEnds({ actor })], ...longRuns()])).toEqual(
      expect.arrayContaining(['run finished 1.6..50', 'long finished 19.998..40']),
    );
    // Also where it says so 14 s after the end of the driver.
    const late = played([[4, ...driverEnds({ actor: [] })], [18, ...actor], ...longRuns()]);
    expect(late.flatMap(summary)).toEqual(expect.arrayContaining(['run finished 1.6..50', 'long finished 19.998..40']));
  });

  it('ends no task of a detached actor whose definition is late or lost', () => {
    const open = (...late: RayEvent[]): Story => [
      [4, ...driverEnds(), states(LONG, { RUNNING: 2 })],
      [30, ...late],
      [41, states(LONG, { FINISHED: 40 })],
      [51, runEnds],
    ];
    expect(resultOf(open())).toContain('task finished 2..40');
    expect(resultOf(open(defined(LONG, 'long', RUN)))).toContain('long finished 2..40');
  });

  it('ends a task of unknown callers that never ends, once a session could have been silent', () => {
    const open = states(LONG, { RUNNING: 2 });
    const correlator = make();
    for (const event of [...driverEnds(), open]) correlator.apply(event, START_MS + 4_000);
    correlator.apply(runEnds, START_MS + 51_000);
    expect(correlator.advance(START_MS + 3_603_999).flatMap(summary)).not.toContain('task unfinished 2..3 (job_finished)');
    correlator.apply(jobStates({ CREATED: 3_600 }, OTHER_JOB), START_MS + 3_603_999);
    expect(correlator.advance(START_MS + 3_604_000).flatMap(summary)).toEqual(['task unfinished 2..3 (job_finished)']);
  });

  it('ends nothing that began after it, whatever is known of its callers', () => {
    for (const late of [[], [defined(LONG, 'long', DRIVER)], [defined(LONG, 'long', taskId(77))]]) {
      const story: Story = [
        [4, ...driverEnds({ isDetached: false })],
        [21, ...late, states(LONG, { PENDING_ARGS_AVAIL: 20 })],
        [71, states(LONG, { RUNNING: 60, FINISHED: 70 })],
      ];
      expect(resultOf(story).filter((line) => /^(?:long|task) /.test(line) && !line.includes('never seen'))).toEqual([
        `${late.length === 0 ? 'task' : 'long'} finished 20..70`,
      ]);
    }
  });

  it('is not the end of a call on a detached actor, but the death of its worker is', () => {
    const workerId = machineId(1);
    const story: Story = [
      [4, ...driverEnds(), states(RUN, { SUBMITTED_TO_WORKER: 1.7 }, { workerId })],
      [61, workerStates(workerId, { DEAD: 60 })],
      [90, jobStates({ CREATED: 90 }, OTHER_JOB)],
    ];
    expect(resultOf(story)).toContain('run failed 1.6..60 (worker_died)');
  });

  it('is not the end of a call on a detached actor, but the death of the actor is', () => {
    const story: Story = [
      [4, ...driverEnds()],
      [61, actorStates(DETACHED, { DEAD: 60 })],
      [90, jobStates({ CREATED: 90 }, OTHER_JOB)],
    ];
    expect(resultOf(story)).toEqual(expect.arrayContaining(['run failed 1.6..60 (actor_died)', 'actor 1 1..60']));
  });

  it('is not the end of a call on a detached actor, but the silence of the session is', () => {
    const story: Story = [
      [4, ...driverEnds()],
      [90, jobStates({ CREATED: 90 }, OTHER_JOB)],
    ];
    expect(resultOf(story)).toContain('run unfinished 1.6..90 (silence)');
  });

  it('counts what ended by it on the span of its job, and each task once', () => {
    const again = (attempt: number, times: Readonly<Record<string, number>>): RayEvent => states(LONG, times, { attempt });
    const story: Story = [
      [4, ...driverEnds(), defined(LONG, 'long', RUN), again(0, { RUNNING: 2, FAILED: 2.5 })],
      [10, defined(LONG, 'long', RUN, { attempt: 1 }), again(1, { RUNNING: 2.7, FINISHED: 30 })],
      [51, runEnds],
    ];
    expect(resultOf(story)).toContain('job 1 0..3, 1+1+0 tasks, 2 attempts');
  });
});

describe('what outlives a driver', () => {
  const [second, work] = [taskId(3), taskId(5, CHILD)];
  const events: readonly RayEvent[] = [
    ...driverEnds(),
    actorDefined(CHILD, false),
    actorStates(CHILD, { PENDING_CREATION: 2, ALIVE: 2.4 }),
    defined(creationOf(CHILD), 'Child.__init__', RUN),
    states(creationOf(CHILD), { RUNNING: 2.3, FINISHED: 2.4 }),
    defined(work, 'work', LONG),
    states(work, { RUNNING: 2.5 }),
    defined(LONG, 'long', RUN),
    states(LONG, { RUNNING: 2.2 }),
    defined(second, 'second', work),
    states(second, { RUNNING: 2.8 }),
  ];
  const ends: readonly RayEvent[] = [
    runEnds,
    states(LONG, { FINISHED: 44 }),
    states(work, { FINISHED: 43 }),
    states(second, { FINISHED: 42 }),
    actorStates(CHILD, { DEAD: 48 }),
    jobStates({ CREATED: 48 }, OTHER_JOB),
  ];
  const expected = textsOf(atOnce([[51, ...events, ...ends]]));

  it('does so in whatever order its events come, and through a restart at any time', () => {
    const order = fc.tuple(
      fc.array(fc.tuple(fc.nat(1_000), fc.nat(4_900)), { minLength: 40, maxLength: 40 }),
      fc.nat(events.length + ends.length),
    );
    const arranged = (of: readonly RayEvent[], from: number, keys: readonly (readonly [number, number])[]): Story =>
      of
        .map((event, index) => ({ event, key: keys[index]?.[0] ?? 0, at: from + (keys[index]?.[1] ?? 0) / 1000 }))
        .sort((a, b) => a.at - b.at || a.key - b.key)
        .map(({ event, at }) => [at, event]);
    fc.assert(
      fc.property(order, ([keys, restart]) => {
        const story = [...arranged(events, 3, keys), ...arranged(ends, 51, keys.toReversed())];
        expect(textsOf(played(story, restart))).toEqual(expected);
      }),
      { numRuns: RUNS },
    );
  });

  it('is found in steps that grow with the number of calls, also along a chain of them', () => {
    const chain = (count: number) => () => {
      const correlator = make();
      for (const event of driverEnds()) correlator.apply(event, START_MS + 4_000);
      for (let number = 100; number < 100 + count; number += 1) {
        correlator.apply(defined(taskId(number), 'link', number === 100 ? RUN : taskId(number - 1)), START_MS + 4_000);
        correlator.apply(states(taskId(number), { RUNNING: 2 }), START_MS + 4_000);
      }
      expect(correlator.advance(START_MS + 60_000)).toHaveLength(2);
      expect(correlator.stats().openAttempts).toBe(count + 1);
      for (let number = 100; number < 100 + count; number += 1) {
        correlator.apply(states(taskId(number), { FINISHED: 60 }), START_MS + 61_000);
      }
      correlator.advance(START_MS + 90_000);
      expect(correlator.stats().openAttempts).toBe(1);
    };
    expect(growth(100, chain)).toBeLessThan(MAX_GROWTH);
  });

  it('is looked for in steps that grow with the number of calls, where there is nothing', () => {
    const chain = (count: number) => () => {
      const correlator = make();
      for (const event of driverEnds({ isDetached: false })) correlator.apply(event, START_MS + 4_000);
      for (let number = 100; number < 100 + count; number += 1) {
        correlator.apply(defined(taskId(number), 'link', number === 100 ? DRIVER : taskId(number - 1)), START_MS + 4_000);
        correlator.apply(states(taskId(number), { RUNNING: 2 }), START_MS + 4_000);
      }
      correlator.advance(START_MS + 60_000);
      expect(correlator.stats().openAttempts).toBe(0);
    };
    expect(growth(100, chain)).toBeLessThan(MAX_GROWTH);
  });
});

it('a job links to the detached actors of its time, and not to those that they created later', () => {
  const later = actorId(4);
  const story: Story = [
    [4, ...driverEnds()],
    [31, actorDefined(later, true), actorStates(later, { PENDING_CREATION: 30, ALIVE: 30.5 })],
    [51, runEnds],
  ];
  resultOf(story);
  const job = played(story).find((lifecycle) => lifecycle.kind === 'job');
  const links = job?.links.flatMap((link) => (link.relation === 'detached_actor' ? [link.span] : []));
  expect(links).toEqual([{ kind: 'actor', id: DETACHED }]);
});
