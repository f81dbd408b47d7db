import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Finished, timesOf } from '../../src/correlate/index.ts';
import { createCorrelator, type LifecycleCorrelator, throughCheckpoint } from '../support/correlator.ts';
import { lastTimeMs, MAX_AHEAD_MS, MAX_BEHIND_MS } from '../../src/correlate/finish/trusted-time.ts';
import type { RayEvent } from '../../src/event/index.ts';
import {
  actorId,
  actorStates,
  definition,
  header,
  jobStates,
  machineId,
  nodeStates,
  secondNs,
  START_NS,
  states,
  taskId,
  workerStates,
} from '../support/events.ts';

// A time that is later than its event was received, or years before, is that of a wrong clock. The span of the event shows it, and
// no other span begins or ends by it.

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 100);
const START_MS = Number(START_NS / 1_000_000n);
const YEAR = 365 * 24 * 3_600;
/** Seconds from the start of the test's events: of the years 2199 and 2000. */
const FAR_AHEAD = 170 * YEAR;
const FAR_BEHIND = -26 * YEAR;
const ACTOR = actorId(1);

/** Events by the second at which they are received. */
type Story = readonly (readonly [receivedAt: number, event: RayEvent])[];

function make(): LifecycleCorrelator {
  return createCorrelator();
}

/** At the end of the input; `restart`: through a checkpoint before the event of that number. */
function atOnce(story: Story, restart = -1): Finished[] {
  let correlator = make();
  for (const [index, [receivedAt, event]] of story.entries()) {
    if (index === restart) correlator = throughCheckpoint(correlator, make());
    correlator.apply(event, 0, START_MS + receivedAt * 1000);
  }
  return [...correlator.closeAll(0)];
}

/** At its own pace. `behindMs`: how much the clock of the correlator is behind, as after a bridge was down. */
function played(story: Story, behindMs = 0): Finished[] {
  const correlator = make();
  const out: Finished[] = [];
  for (const [receivedAt, event] of story) {
    const receivedMs = START_MS + receivedAt * 1000;
    out.push(...correlator.advance(receivedMs - behindMs));
    correlator.apply(event, receivedMs - behindMs, receivedMs);
  }
  out.push(...correlator.advance(START_MS + (story.at(-1)?.[0] ?? 0) * 1000 + 3 * 3_600_000));
  return out;
}

function seconds(ns: bigint): number {
  return Math.round(Number(ns - START_NS) / 1e6) / 1e3;
}

function nameOf(lifecycle: Finished): string {
  if (lifecycle.kind === 'attempt') return lifecycle.name;
  if (lifecycle.kind === 'worker') return `worker ${Number.parseInt(lifecycle.workerId, 16)}`;
  return lifecycle.kind;
}

function summary(lifecycle: Finished): string {
  const { startNs, endNs, endInferred, endClamped } = lifecycle;
  const why = [endInferred, endClamped === true ? 'clamped' : undefined].filter((word) => word !== undefined).join(', ');
  return `${nameOf(lifecycle)} ${seconds(startNs)}..${seconds(endNs)}${why === '' ? '' : ` (${why})`}`;
}

function textsOf(lifecycles: readonly Finished[]): string[] {
  return lifecycles
    .map((lifecycle) => ({ ...lifecycle, tasksSoFar: undefined, openActors: undefined }))
    .map((lifecycle) => JSON.stringify(lifecycle, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value)))
    .sort();
}

/** The result, which is the same at once, at its own pace, after downtime, in other orders, and through a checkpoint. */
function resultOf(...story: Story): string[] {
  const texts = textsOf(atOnce(story));
  expect(textsOf(played(story)), 'at its own pace').toEqual(texts);
  expect(textsOf(played(story, 86_400_000)), 'after a day of downtime').toEqual(texts);
  expect(textsOf(atOnce(story.toReversed())), 'backwards').toEqual(texts);
  for (let step = 1; step < story.length; step += 1) expect(textsOf(atOnce(story, step)), `restart before ${step}`).toEqual(texts);
  return atOnce(story).map(summary);
}

const actorDefined: RayEvent = {
  ...header(),
  type: 'actor_definition',
  actorId: ACTOR,
  isDetached: false,
  className: 'A',
  requiredResources: {},
};
/** A job with an actor and a task that never end. */
const OPEN: Story = [
  [1, jobStates({ CREATED: 0 })],
  [1, actorDefined],
  [1, actorStates(ACTOR, { ALIVE: 0.5 })],
  [1, definition(taskId(1))],
  [1, states(taskId(1), { PENDING_ARGS_AVAIL: 0.6, RUNNING: 0.7 })],
];
const [WORKER, OTHER_WORKER] = [machineId(1), machineId(2)];

describe('a wrong clock', () => {
  it.each([
    ['ahead', FAR_AHEAD],
    ['behind', FAR_BEHIND],
  ])('that is years %s moves no end by silence, and no beginning', (_, wrong) => {
    const result = resultOf(...OPEN, [2, nodeStates(machineId(7), { ALIVE: wrong })]);
    expect(result.filter((line) => !line.startsWith('node'))).toEqual([
      'work 0.6..0.7 (silence)',
      'actor 0.5..0.7 (silence)',
      'job 0..0.7 (silence)',
      'session 0..0.7 (silence)',
    ]);
    // Its own span shows what was sent.
    expect(result.find((line) => line.startsWith('node'))).toMatch(new RegExp(`^node ${wrong}\\.\\.`));
  });

  it('by which a worker died ends its attempts when that was received', () => {
    expect(
      resultOf(
        ...OPEN,
        [2, states(taskId(1), { RUNNING: 0.7 }, { workerId: WORKER })],
        [3, states(taskId(2), { RUNNING: 2 }, { workerId: OTHER_WORKER })],
        [20, workerStates(WORKER, { DEAD: FAR_AHEAD })],
      ),
    ).toEqual(expect.arrayContaining(['work 0.6..20 (worker_died)', 'task 2..2 (silence)']));
  });

  it('by which a node died, or an actor, ends their attempts when that was received', () => {
    const call = `${'1'.padStart(16, '0')}${ACTOR}`;
    const result = resultOf(
      ...OPEN,
      [2, states(taskId(1), { RUNNING: 0.7 }, { nodeId: machineId(7) })],
      [3, states(call, { RUNNING: 2 })],
      [20, nodeStates(machineId(7), { DEAD: FAR_AHEAD })],
      [30, actorStates(ACTOR, { DEAD: FAR_AHEAD })],
    );
    expect(result).toEqual(expect.arrayContaining(['work 0.6..20 (node_died)', 'A call 2..30 (actor_died)']));
  });

  it.each([
    ['ahead', FAR_AHEAD],
    ['behind', FAR_BEHIND],
  ])('that is years %s by which a job ended ends it, and what is open of it, when that was received', (_, wrong) => {
    expect(resultOf(...OPEN, [20, jobStates({ FINISHED: wrong })])).toEqual([
      'work 0.6..20 (job_finished)',
      'actor 0.5..20 (job_finished)',
      'job 0..20 (job_finished)',
    ]);
  });

  it('by which a job began years ago begins it when that was received', () => {
    expect(resultOf([1, jobStates({ CREATED: FAR_BEHIND })], [20, jobStates({ FINISHED: 19 })])).toEqual(['job 1..19']);
  });

  it.each([
    ['ahead', FAR_AHEAD],
    ['behind', FAR_BEHIND],
  ])('of a worker that is years %s moves neither end nor beginning of the job of its tasks', (_, wrong) => {
    const result = resultOf(
      [1, definition(taskId(1))],
      [1, states(taskId(1), { RUNNING: 0.5, FINISHED: 0.9 })],
      [2, definition(taskId(2), { name: 'wrong' })],
      [2, states(taskId(2), { RUNNING: wrong, FINISHED: wrong + 1 })],
      [9, definition(taskId(3), { name: 'last' })],
      [9, states(taskId(3), { RUNNING: 7, FINISHED: 8 })],
    );
    expect(result).toEqual(expect.arrayContaining([`wrong ${wrong}..${wrong + 1}`, 'job 0.5..8 (silence)']));
  });

  it('does not move the end of an attempt, whose other times come from another clock', () => {
    expect(
      resultOf(
        ...OPEN,
        [2, definition(taskId(2), { name: 'open' })],
        [2, states(taskId(2), { PENDING_ARGS_AVAIL: 1.1 })],
        [2, states(taskId(2), { RUNNING: FAR_AHEAD })],
        [3, definition(taskId(3), { name: 'ended' })],
        [3, states(taskId(3), { PENDING_ARGS_AVAIL: 1.2, FINISHED: 2.5 })],
        [3, states(taskId(3), { RUNNING: FAR_AHEAD })],
      ),
    ).toEqual(expect.arrayContaining(['open 1.1..2.5 (silence)', 'ended 1.2..2.5']));
  });

  it('of an executor ends an attempt that has only its profile left when the profile was received', () => {
    const entry = {
      name: 'task::work',
      startNs: START_NS + BigInt(FAR_AHEAD) * 1_000_000_000n,
      endNs: START_NS + BigInt(FAR_AHEAD + 1) * 1_000_000_000n,
    };
    expect(
      resultOf(...OPEN, [
        5,
        { ...header(), type: 'task_profile', taskId: taskId(1), attempt: 0, entries: [entry], componentType: 'worker' },
      ]),
    ).toContain('work 0.6..5 (profile)');
  });

  it('is one that is minutes ahead, and not one that is a little ahead', () => {
    const ahead = (ms: number): string[] => resultOf(...OPEN, [10, nodeStates(machineId(7), { ALIVE: 10 + ms / 1000 })]);
    expect(ahead(MAX_AHEAD_MS)).toContain(`work 0.6..${10 + MAX_AHEAD_MS / 1000} (silence)`);
    expect(ahead(MAX_AHEAD_MS + 1)).toContain('work 0.6..0.7 (silence)');
  });

  it('is one that is a year behind, and not one that is less', () => {
    const behind = (ms: number): string[] => resultOf(...OPEN, [10, nodeStates(machineId(7), { ALIVE: 10 - ms / 1000 })]);
    expect(behind(MAX_BEHIND_MS)).toContain(`session ${10 - MAX_BEHIND_MS / 1000}..0.7 (silence)`);
    expect(behind(MAX_BEHIND_MS + 1)).toContain('session 0..0.7 (silence)');
  });

  it('is that of the bridge where no time of a session can be trusted: all are used', () => {
    const story: Story = [...OPEN, [20, jobStates({ FINISHED: 19 })]];
    for (const offset of [-2 * YEAR, 2 * YEAR]) {
      const shifted: Story = story.map(([receivedAt, event]) => [receivedAt + offset, event]);
      expect(resultOf(...shifted)).toEqual(resultOf(...story));
    }
  });

  it('changes nothing where no receive time is known', () => {
    const correlator = make();
    for (const [, event] of [...OPEN, [0, nodeStates(machineId(7), { ALIVE: 900 })] as const]) correlator.apply(event, 0);
    expect(correlator.closeAll(0).map(summary)).toContain('work 0.6..900 (silence)');
  });
});

describe('when events were received that do not say it', () => {
  const right = OPEN.map(([, event]) => event);

  it('is their last time, however often that of a wrong clock is repeated', () => {
    for (const wrong of [FAR_AHEAD, FAR_BEHIND]) {
      const repeated = Array<RayEvent>(100).fill(nodeStates(machineId(7), { ALIVE: wrong }));
      expect(lastTimeMs([...repeated, ...right])).toBe(START_MS + 700);
    }
  });

  it('is nothing where they have no times', () => {
    expect(lastTimeMs([])).toBe(0);
    expect(lastTimeMs([definition(taskId(1))])).toBe(0);
  });
});

it('an attempt that a wrong clock says ran after its end has no length, and says that its clocks contradict each other', () => {
  const story: Story = [...OPEN, [2, definition(taskId(2))], [2, states(taskId(2), { PENDING_ARGS_AVAIL: 1, RUNNING: FAR_AHEAD })]];
  const attempt = atOnce(story).find((one) => one.kind === 'attempt' && one.taskId === taskId(2));
  if (attempt?.kind !== 'attempt') throw new Error('no attempt');
  expect(timesOf(attempt)).toMatchObject({ ranNs: undefined, isContradictory: true, skewNs: secondNs(FAR_AHEAD) - attempt.endNs });
});

it('wrong clocks give the same spans in any order of the events, and through a checkpoint at any time', () => {
  const call = `${'1'.padStart(16, '0')}${ACTOR}`;
  const ids = [taskId(1), taskId(2), taskId(3), call];
  const time = fc.oneof(fc.nat(60), fc.constant(FAR_AHEAD), fc.constant(FAR_BEHIND), fc.constant(700));
  const event = fc.oneof(
    fc
      .record({ id: fc.constantFrom(...ids), state: fc.constantFrom('PENDING_ARGS_AVAIL', 'RUNNING', 'FINISHED'), time })
      .map(({ id, state, time: second }): RayEvent => states(id, { [state]: second }, { workerId: WORKER })),
    fc
      .record({ state: fc.constantFrom('ALIVE', 'RESTARTING', 'DEAD'), time })
      .map(({ state, time: second }): RayEvent => actorStates(ACTOR, { [state]: second })),
    fc
      .record({ state: fc.constantFrom('ALIVE', 'DEAD'), time })
      .map(({ state, time: second }): RayEvent => workerStates(WORKER, { [state]: second })),
    fc
      .record({ state: fc.constantFrom('CREATED', 'FINISHED'), time })
      .map(({ state, time: second }): RayEvent => jobStates({ [state]: second })),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(60), event), { maxLength: 20 }),
      fc.array(fc.nat(), { minLength: 20, maxLength: 20 }),
      fc.nat(20),
      (story, keys, restart) => {
        const ordered = [...story, ...OPEN.slice(1, 2)];
        const texts = textsOf(atOnce(ordered));
        const shuffled = ordered.map((item, index) => ({ item, key: keys[index % 20] ?? 0 })).sort((a, b) => a.key - b.key);
        expect(
          textsOf(
            atOnce(
              shuffled.map(({ item }) => item),
              restart,
            ),
          ),
        ).toEqual(texts);
      },
    ),
    { numRuns: RUNS },
  );
});
