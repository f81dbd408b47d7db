import { describe, expect, it } from 'vitest';
import type { CorrelateOptions, Finished } from '../../src/correlate/index.ts';
import { createCorrelator, type LifecycleCorrelator, throughCheckpoint } from '../support/correlator.ts';
import type { RayEvent } from '../../src/event/index.ts';
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
  states,
  taskId,
  workerStates,
} from '../support/events.ts';
import { countSteps } from '../support/steps.ts';
import { sized } from '../support/sized.ts';

// What ends many things at once is done in short steps, so that the bridge answers in between: a silent session, the end of a job,
// the death of a node or of an actor. What comes out is the same as in one step, also when the bridge is restarted between two.

const HOUR_MS = 3_600_000;

function make(options: Partial<CorrelateOptions>): LifecycleCorrelator {
  return createCorrelator({ ...options });
}

const textOf = (lifecycle: Finished): string =>
  JSON.stringify(lifecycle, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));

/** A session with so many of everything open. */
function everything(size: number): RayEvent[] {
  const jobs = [JOB, '02000000'];
  return [
    ...jobs.map((job) => jobStates({ CREATED: 0 }, job)),
    ...many(size, (number) => {
      const job = jobs[number % 2] ?? JOB;
      const id = taskId(number, job);
      return [
        definition(id, {
          parentTaskId: number % 3 === 0 ? taskId(number + 90_000, job) : `${'f'.repeat(40)}${job}`,
          name: `f${number % 7}`,
        }),
        states(id, { RUNNING: number }, { workerId: machineId(number % 50), nodeId: machineId(number % 9) }),
        actorStates(actorId(number, job), { ALIVE: number }),
        nodeStates(machineId(number), number % 4 === 0 ? { ALIVE: number, DEAD: number + 1 } : { ALIVE: number }),
        workerStates(machineId(number), { ALIVE: number }),
      ];
    }),
    ...many(size / 10, (number) => [
      { ...header(), type: 'placement_group_lifecycle', placementGroupId: number.toString(16).padStart(36, '0'), transitions: [] },
    ]),
  ];
}

/** What a walk of `advance` gives in steps, with a restart before each step that `isRestarted` says. */
function inSteps(
  events: readonly RayEvent[],
  untilMs: number,
  options: Partial<CorrelateOptions>,
  isRestarted: (step: number) => boolean = () => false,
): string[] {
  let correlator = make(options);
  for (const event of events) correlator.apply(event, 0);
  const texts: string[] = [];
  for (let step = 0; correlator.hasDue(untilMs); step += 1) {
    if (isRestarted(step)) correlator = throughCheckpoint(correlator, make(options));
    texts.push(...correlator.advance(untilMs, 1).map(textOf));
  }
  return texts;
}

function atOnce(events: readonly RayEvent[], untilMs: number, options: Partial<CorrelateOptions>): string[] {
  const correlator = make(options);
  for (const event of events) correlator.apply(event, 0);
  return correlator.advance(untilMs).map(textOf);
}

describe.each([
  ['with room for all of it', {}],
  ['with a budget', { maxSpansPerTrace: 300 }],
] as const)('what comes out is the same in steps, %s', (_, options) => {
  it.each([
    ['of a silent session', everything(sized(250, 700))],
    ['of a job that ended', [...everything(sized(400, 1_200)), jobStates({ FINISHED: 9_000 })]],
    [
      'of a node that died',
      [...everything(1_200).filter(({ type }) => type.startsWith('task')), nodeStates(machineId(1), { DEAD: 9_000 })],
    ],
  ])('%s', (name, events) => {
    const untilMs = name === 'of a silent session' ? HOUR_MS + 60_000 : 60_000;
    const whole = atOnce(events, untilMs, options);
    expect(whole.length).toBeGreaterThan(100);
    expect(inSteps(events, untilMs, options)).toEqual(whole);
    const restarts = (step: number): boolean => step < sized(3, 12) || step % sized(701, 211) === 0;
    expect(inSteps(events, untilMs, options, restarts)).toEqual(whole);
  });
});

describe('a trace that fits whole is rolled up nowhere, however much of it is open at its end', () => {
  const events = [
    jobStates({ CREATED: 0 }),
    ...many(900, (number) => [
      definition(taskId(number), { parentTaskId: taskId(number + 90_000) }),
      states(taskId(number), { RUNNING: number }),
    ]),
    ...many(20, (number) => [actorStates(actorId(number), { ALIVE: number })]),
  ];
  // Each attempt has a parent that is only named, and the job has a span, too.
  const options = { maxSpansPerTrace: 2 * 900 + 20 + 1 };
  const kindsOf = (lifecycles: readonly Finished[]): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const one of lifecycles) {
      const kind = one.kind === 'attempt' && one.isCompact === true ? 'lean' : one.kind;
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
    return counts;
  };
  const applied = (): LifecycleCorrelator => {
    const correlator = make(options);
    for (const event of events) correlator.apply(event, 0);
    return correlator;
  };
  const expected = { attempt: 1_800, actor: 20, job: 1 };

  it('when the input ends', () => {
    expect(kindsOf(applied().closeAll(0))).toEqual(expected);
  });

  it.each([
    ['', false],
    [' and the bridge is restarted meanwhile', true],
  ])('when its session is silent%s', (_, isRestarted) => {
    let correlator = applied();
    const lifecycles: Finished[] = [];
    for (let step = 0; correlator.hasDue(2 * HOUR_MS); step += 1) {
      if (isRestarted && (step < sized(3, 12) || step % sized(701, 301) === 0)) correlator = throughCheckpoint(correlator, make(options));
      lifecycles.push(...correlator.advance(2 * HOUR_MS, 1));
    }
    expect(kindsOf(lifecycles)).toEqual(expected);
  });
});

it('a silent session gives what the end of the input gives', () => {
  const options = { maxSpansPerTrace: 0, maxBytesPerTrace: 0 };
  const events = everything(600);
  const correlator = make(options);
  for (const event of events) correlator.apply(event, 0);
  const closed = correlator.closeAll(0).map(textOf);
  expect(atOnce(events, HOUR_MS + 60_000, options).toSorted()).toEqual(closed.toSorted());
  expect(correlator.stats()).toMatchObject({ openAttempts: 0, openJobs: 0, openBytes: 0 });
});

describe('no step looks at more than a bounded number of things', () => {
  /** The largest of the steps that look at many things: the first ones, and the last ones. */
  function largestStep(events: readonly RayEvent[], untilMs: number): number {
    const correlator = make({});
    for (const event of events) correlator.apply(event, 0);
    let largest = 0;
    let lifecycles = 0;
    for (let step = 0; correlator.hasDue(untilMs); step += 1) {
      const isMeasured = step < 9 || correlator.openAttempts() + correlator.openRecords() < 3;
      const advance = (): void => void (lifecycles += correlator.advance(untilMs, 1).length);
      if (isMeasured) largest = Math.max(largest, countSteps(advance));
      else advance();
    }
    expect(lifecycles).toBeGreaterThan(0);
    return largest;
  }

  const open = (size: number): RayEvent[] =>
    many(size, (number) => [
      definition(taskId(number)),
      states(taskId(number), { RUNNING: number }, { workerId: machineId(number % 100), nodeId: machineId(1) }),
    ]);

  it('when a session is silent', () => {
    const size = sized(150, 300);
    const small = largestStep(everything(size), HOUR_MS + 60_000);
    expect(largestStep(everything(3 * size), HOUR_MS + 60_000)).toBeLessThan(1.5 * small);
  });

  it('when a job ends', () => {
    const eventsOf = (size: number): RayEvent[] => [...open(size), jobStates({ FINISHED: 9_000 })];
    const small = largestStep(eventsOf(1_100), 60_000);
    expect(largestStep(eventsOf(3_300), 60_000)).toBeLessThan(1.5 * small);
  });

  it('when a session is forgotten', () => {
    const correlator = make({});
    for (const event of everything(1_500)) correlator.apply(event, 0);
    correlator.advance(2 * HOUR_MS);
    const steps: number[] = [];
    while (correlator.hasDue(200 * HOUR_MS)) steps.push(countSteps(() => correlator.advance(200 * HOUR_MS, 1)));
    expect(correlator.stats()).toMatchObject({ sessions: 0, agingRecords: 0, openRecords: 0 });
    expect(steps.length).toBeGreaterThan(8);
    expect(Math.max(...steps)).toBeLessThan(30_000);
  });

  it.each<[string, RayEvent]>([
    ['the end of a job', jobStates({ FINISHED: 9_000 })],
    ['the death of a node', nodeStates(machineId(1), { DEAD: 9_000 })],
    ['the death of an actor', actorStates(actorId(1), { DEAD: 9_000 })],
  ])('when an event reports %s', (_, event) => {
    const stepsOf = (size: number): number => {
      const correlator = make({});
      const calls = many(size, (number) => {
        const id = number.toString(16).padStart(16, '0') + actorId(1);
        return [definition(id, { taskType: 'ACTOR_TASK' }), states(id, { RUNNING: number }, { nodeId: machineId(1) })];
      });
      for (const call of calls) correlator.apply(call, 0);
      return countSteps(() => correlator.apply(event, 1));
    };
    expect(stepsOf(3_000)).toBeLessThan(1.2 * stepsOf(1_000));
  });
});
