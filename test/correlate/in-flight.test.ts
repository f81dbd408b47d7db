import { describe, expect, it } from 'vitest';
import type { CorrelateOptions, Finished } from '../../src/correlate/index.ts';
import { createCorrelator } from '../support/correlator.ts';
import type { ActorTransition, JobDefinition, RayEvent } from '../../src/event/index.ts';
import {
  actorDefinition,
  actorStates,
  DRIVER,
  definition,
  header,
  JOB,
  jobDefinition,
  jobStates,
  secondNs,
  secondOf,
  SESSION,
  states,
  taskId,
  workerStates,
} from '../support/events.ts';

// In-flight spans: what is open gets one early span. What gets one, when, and how much of a trace's budget it uses.

const AFTER = 10_000;
/** The default of `settleMs`. */
const SETTLE = 5_000;
const DAY = 24 * 3_600_000;
function setUp(options: Partial<CorrelateOptions> = {}) {
  const correlator = createCorrelator({
    inFlight: 'running',
    inFlightAfterMs: AFTER,
    ...options,
  });
  return {
    correlator,
    feed: (nowMs: number, ...events: RayEvent[]): void => {
      for (const event of events) correlator.apply(event, nowMs);
    },
    names: (nowMs: number) => correlator.advance(nowMs).map(summary),
  };
}

function summary(lifecycle: Finished): string {
  const name = 'name' in lifecycle ? lifecycle.name : lifecycle.kind;
  return lifecycle.kind === 'in_flight'
    ? `mark ${lifecycle.parent.kind} ${name} @${Math.floor(secondOf(lifecycle.startNs))}`
    : `${lifecycle.kind} ${name}`;
}

describe('a job', () => {
  it('is marked once, so long after the first word of it', () => {
    const { feed, names } = setUp();
    feed(0, jobDefinition(), jobStates({ CREATED: 3 }));
    feed(AFTER / 2, states(DRIVER, { RUNNING: 4 }));
    expect(names(AFTER - 1)).toEqual([]);
    expect(names(AFTER)).toEqual(['mark job python train.py @3']);
    feed(AFTER + 1, jobDefinition(), states(taskId(1), { PENDING_ARGS_AVAIL: 4 }));
    expect(names(AFTER + 60_000)).toEqual([]);
  });

  it('is marked 1 ns long, under the span that is to come, in its trace', () => {
    const { correlator, feed } = setUp();
    feed(0, jobDefinition({ traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, serviceName: 'train' }), jobStates({ CREATED: 3 }));
    const [mark] = correlator.advance(AFTER);
    expect(mark).toMatchObject({ parent: { kind: 'job', id: JOB }, serviceName: 'train', startNs: secondNs(3), endNs: secondNs(3) + 1n });
    feed(AFTER + 1, jobStates({ FINISHED: 30 }));
    const [job] = correlator.advance(AFTER + 16_000);
    expect(job?.kind).toBe('job');
    expect(mark?.trace).toEqual(job?.trace);
  });

  it('that ends before has none', () => {
    const { feed, names } = setUp();
    feed(0, jobDefinition(), jobStates({ CREATED: 3 }));
    feed(AFTER - 1, jobStates({ FINISHED: 4 }));
    expect(names(AFTER + 14_998)).toEqual([]);
    expect(names(DAY)).toContain('job python train.py');
  });

  it('without a definition waits for it where Ray reports jobs, and a settle time where it does not', () => {
    const reported = setUp({ inFlightAfterMs: 1_000 });
    reported.feed(0, jobStates({ CREATED: 3 }));
    expect(reported.names(60_000)).toEqual([]);
    reported.feed(60_000, jobDefinition());
    expect(reported.names(61_000)).toEqual(['mark job python train.py @3']);

    const unreported = setUp({ inFlightAfterMs: 1_000 });
    unreported.feed(0, states(DRIVER, { RUNNING: 3 }));
    expect(unreported.names(4_999)).toEqual([]);
    expect(unreported.names(5_000)).toEqual([`mark job ${JOB} @3`]);
  });

  it('whose beginning nothing reports waits for its first child', () => {
    const { feed, names } = setUp({ inFlight: 'jobs' });
    feed(0, jobDefinition());
    expect(names(60_000)).toEqual([]);
    feed(60_000, definition(taskId(1)), states(taskId(1), { RUNNING: 5, FINISHED: 6 }));
    // The first end of a session waits for what Ray sends beside ends.
    expect(names(60_000 + SETTLE)).toEqual(['attempt work']);
    expect(names(60_000 + SETTLE + AFTER)).toEqual(['mark job python train.py @5']);
  });

  it('has no mark when marks are off', () => {
    const { feed, names } = setUp({ inFlight: 'off' });
    feed(0, jobDefinition(), jobStates({ CREATED: 3 }), definition(taskId(1)), states(taskId(1), { RUNNING: 4 }));
    expect(names(1_000_000)).toEqual([]);
  });

  it('has none when marks are turned off before it is due, and is not closed for that', () => {
    const { correlator, feed, names } = setUp();
    feed(0, jobDefinition(), jobStates({ CREATED: 3 }));
    correlator.configure({ inFlight: 'off' });
    expect(names(60_000)).toEqual([]);
    expect(correlator.stats().openJobs).toBe(1);
  });

  it('has none when its trace has no room', () => {
    const { feed, names } = setUp({ maxBytesPerTrace: 4_100 });
    feed(0, jobDefinition(), jobStates({ CREATED: 3 }));
    expect(names(60_000)).toEqual([]);
  });
});

describe('an attempt', () => {
  function running(options: Partial<CorrelateOptions> = {}, over: Partial<JobDefinition> = {}) {
    const world = setUp(options);
    world.feed(0, jobDefinition(over), jobStates({ CREATED: 1 }));
    world.names(AFTER);
    return world;
  }

  it('that runs is marked at its RUNNING, and its own end is what it would have been', () => {
    const { feed, names } = running();
    feed(AFTER, definition(taskId(1)), states(taskId(1), { PENDING_ARGS_AVAIL: 2, RUNNING: 4 }));
    expect(names(2 * AFTER)).toEqual(['mark task work @4']);
    feed(60_000, states(taskId(1), { FINISHED: 50 }));
    expect(names(60_000 + SETTLE)).toEqual(['attempt work']);
  });

  it('has none when it waits, when it ended, or when only its states were received', () => {
    const { feed, names } = running();
    feed(AFTER, definition(taskId(1)), states(taskId(1), { PENDING_ARGS_AVAIL: 2 }));
    feed(AFTER, definition(taskId(2)), states(taskId(2), { RUNNING: 3 }));
    feed(AFTER, states(taskId(3), { RUNNING: 3 }));
    feed(2 * AFTER - 1, states(taskId(2), { FINISHED: 4 }));
    expect(names(60_000)).toEqual(['attempt work']);
  });

  it('is not marked with jobs only', () => {
    const { correlator, feed, names } = running({ inFlight: 'jobs' });
    feed(AFTER, definition(taskId(1)), states(taskId(1), { RUNNING: 4 }));
    expect(correlator.hasDue(60_000)).toBe(false);
    expect(names(60_000)).toEqual([]);
  });

  it.each([
    ['failed', 1_000, []],
    ['slow', AFTER + 1, []],
    ['slow', AFTER, ['mark task work @4']],
  ] as const)('of a job with the detail %s, where slow is %i ms', (detail, slowMs, marks) => {
    const { feed, names } = running({ slowMs }, { detail });
    feed(AFTER, definition(taskId(1)), states(taskId(1), { RUNNING: 4 }));
    expect(names(60_000)).toEqual(marks);
  });

  it('gets its span, and its ancestors theirs, though the trace has no room for others', () => {
    const { feed, names } = running({ maxSpansPerTrace: 40 });
    feed(AFTER, definition(taskId(1)), states(taskId(1), { PENDING_ARGS_AVAIL: 2 }));
    feed(AFTER + 1, definition(taskId(2), { parentTaskId: taskId(1) }), states(taskId(2), { RUNNING: 3 }));
    expect(names(60_000)).toEqual(['mark task work @3']);
    for (let number = 3; number < 100; number += 1) {
      feed(60_000, definition(taskId(number)), states(taskId(number), { RUNNING: 4, FINISHED: 5 }));
    }
    names(60_000 + SETTLE);
    feed(70_000, states(taskId(2), { FINISHED: 6 }), states(taskId(1), { RUNNING: 2, FINISHED: 7 }));
    expect(names(70_000)).toEqual(['attempt work', 'attempt work']);
  });

  it('is not marked beyond the half of the budget that is open to detail', () => {
    const { feed, names } = running({ maxSpansPerTrace: 40 });
    for (let number = 1; number <= 30; number += 1) feed(AFTER, definition(taskId(number)), states(taskId(number), { RUNNING: 2 }));
    const marks = names(60_000).length;
    expect(marks).toBeGreaterThan(3);
    expect(2 * marks).toBeLessThan(20);
  });

  it('whose worker died before the mark was due has none', () => {
    const { feed, names } = running();
    const workerId = 'ab'.repeat(28);
    feed(AFTER, definition(taskId(1)), { ...states(taskId(1), { RUNNING: 4 }), workerId });
    feed(2 * AFTER - 1, workerStates(workerId, { DEAD: 7 }));
    expect(names(60_000).filter((name) => name.startsWith('mark task'))).toEqual([]);
  });

  it('of a session that falls silent before the mark is due is closed, not marked', () => {
    const { feed, names } = running({ orphanTimeoutMs: AFTER / 2 });
    feed(AFTER, definition(taskId(1)), states(taskId(1), { RUNNING: 4 }));
    expect(names(DAY).filter((name) => name.startsWith('mark task'))).toEqual([]);
  });
});

describe('a session', () => {
  const worker = (id: string, second: number): RayEvent => ({
    ...header(),
    type: 'worker_lifecycle',
    workerId: id.repeat(28),
    transitions: [
      { state: 'ALIVE', timeNs: secondNs(second - 1) },
      { state: 'DEAD', timeNs: secondNs(second) },
    ],
  });

  it('is marked once, when it existed long enough, with what ended in its trace', () => {
    const { feed, names } = setUp({ inFlight: 'jobs', settleMs: 1 });
    feed(0, worker('a1', 3));
    expect(names(1)).toEqual(['worker worker']);
    feed(AFTER, worker('b2', 4), worker('c3', 5));
    expect(names(AFTER + 1)).toEqual(['worker worker', `mark session ${SESSION} @2`, 'worker worker']);
  });

  it('has none where it ends with all that it has, or marks are off', () => {
    const { correlator, feed } = setUp({ inFlight: 'jobs', orphanTimeoutMs: 30_000, settleMs: 40_000 });
    feed(0, worker('a1', 3));
    expect(correlator.advance(DAY).map(summary)).toEqual(['worker worker', 'session session']);
    const off = setUp({ inFlight: 'off' });
    off.feed(0, worker('a1', 3));
    off.feed(AFTER, worker('a2', 3));
    expect(off.names(AFTER + 5_000)).toEqual(['worker worker', 'worker worker']);
  });
});

describe('a detached actor', () => {
  const actorId = `${'a'.repeat(24)}${JOB}`;
  const alive: ActorTransition = { state: 'ALIVE', timeNs: secondNs(6) };

  function actor(name: string, isDetached: boolean): RayEvent[] {
    return [
      actorDefinition(actorId, { jobId: JOB, name, className: 'Server', isDetached }),
      { ...header(), type: 'actor_lifecycle', actorId, transitions: [{ state: 'DEPENDENCIES_UNREADY', timeNs: secondNs(5) }, alive] },
    ];
  }

  it('that lives is marked in its own trace, and closed at its death', () => {
    const { correlator, feed, names } = setUp({ inFlight: 'jobs' });
    feed(0, ...actor('server', true));
    const [mark] = correlator.advance(AFTER);
    expect(mark).toMatchObject({
      kind: 'in_flight',
      name: 'server',
      parent: { kind: 'actor', id: actorId },
      trace: { kind: 'actor', actorId },
    });
    feed(60_000, actorStates(actorId, { DEAD: 50 }));
    expect(names(65_000)).toEqual(['actor server']);
  });

  it.each([
    ['a job holds it', actor('server', false)],
    ['Ray started it', actor('_ray_internal_job_actor_1', true)],
  ])('has none where %s', (_, events) => {
    const { feed, names } = setUp({ inFlight: 'jobs' });
    feed(0, ...events);
    expect(names(60_000)).toEqual([]);
  });
});
