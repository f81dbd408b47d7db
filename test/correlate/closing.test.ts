import { describe, expect, it } from 'vitest';
import type { Finished } from '../../src/correlate/index.ts';
import { createCorrelator } from '../support/correlator.ts';
import type { RayEvent } from '../../src/event/index.ts';
import {
  actorDefinition,
  actorStates,
  DRIVER,
  definition,
  header,
  JOB,
  jobDefinition,
  jobStates,
  nodeStates,
  profile,
  secondNs,
  secondOf,
  states,
  taskId,
  workerStates,
} from '../support/events.ts';

// The closing rules, on a clock of the test's own: what ends when, and what comes too late.

const SETTLED = 100_000;

function job(times: Readonly<Record<string, number>>, jobId = JOB): RayEvent[] {
  return [jobDefinition({ jobId }), jobStates(times, jobId)];
}

function setUp(options = {}) {
  const correlator = createCorrelator({ ...options });
  return {
    correlator,
    feed: (nowMs: number, ...events: RayEvent[]) => events.map((event) => correlator.apply(event, nowMs)),
    kinds: (nowMs: number) => correlator.advance(nowMs).map(summary),
  };
}

function summary(lifecycle: Finished): string {
  const inferred = lifecycle.endInferred === undefined ? '' : ` (${lifecycle.endInferred})`;
  const name = lifecycle.kind === 'attempt' ? `${lifecycle.name}/${lifecycle.attempt} ${lifecycle.outcome}` : '';
  return `${lifecycle.kind} ${name} ${secondOf(lifecycle.startNs)}..${secondOf(lifecycle.endNs)}${inferred}`.replaceAll('  ', ' ');
}

/** A session and a job that are known for long enough that nothing of them is waited for: a job before them ended, with its task. */
function known(options = {}) {
  const world = setUp(options);
  const former = taskId(1, `${'f'.repeat(24)}02000000`);
  world.feed(0, ...job({ CREATED: 1 }), ...job({ CREATED: 1, FINISHED: 1 }, '02000000'), states(former, { RUNNING: 1, FINISHED: 1 }));
  world.kinds(50_000);
  return world;
}

describe('an attempt is finished', () => {
  it('at once when definition, RUNNING and the terminal state are there', () => {
    const { feed, kinds } = known();
    feed(SETTLED, definition(taskId(1)), states(taskId(1), { PENDING_ARGS_AVAIL: 2, RUNNING: 3 }));
    expect(kinds(SETTLED + 60_000)).toEqual([]);
    feed(SETTLED + 60_000, states(taskId(1), { FINISHED: 4 }));
    expect(kinds(SETTLED + 60_000)).toEqual(['attempt work/0 finished 2..4']);
  });

  it('a settle time after the terminal state when RUNNING is missing, with what came meanwhile', () => {
    const { feed, kinds } = known();
    feed(SETTLED, definition(taskId(1)), states(taskId(1), { PENDING_ARGS_AVAIL: 2, FINISHED: 5 }));
    expect(kinds(SETTLED + 4_999)).toEqual([]);
    feed(SETTLED + 4_999, states(taskId(1), { SUBMITTED_TO_WORKER: 1 }));
    expect(kinds(SETTLED + 5_000)).toEqual(['attempt work/0 finished 1..5']);
  });

  it('only after the whole-task profile entry in a session that sends them, or a settle time', () => {
    const { feed, kinds } = known();
    const profiled = (id: string): RayEvent => profile(id, [{ name: 'task::work', startNs: secondNs(3), endNs: secondNs(4) }]);
    feed(SETTLED, profiled(taskId(2)), definition(taskId(1)), states(taskId(1), { RUNNING: 3, FINISHED: 4 }));
    expect(kinds(SETTLED)).toEqual([]);
    feed(SETTLED + 1_000, profiled(taskId(1)));
    expect(kinds(SETTLED + 1_000)).toEqual(['attempt work/0 finished 3..4']);
  });

  it('a settle time after the first end in a session, however old that is, so that the first profile and the first actor are not missed', () => {
    const actorId = `${'1'.padStart(24, '0')}${JOB}`;
    const { feed, kinds } = setUp();
    const end = (number: number, ofActor?: string): RayEvent[] => {
      const id = taskId(number, ofActor);
      return [definition(id), states(id, { RUNNING: 3, FINISHED: 4 })];
    };
    feed(0, ...job({ CREATED: 1 }));
    feed(SETTLED, ...end(1));
    expect(kinds(SETTLED + 4_999)).toEqual([]);
    feed(SETTLED + 4_999, ...end(2));
    expect(kinds(SETTLED + 5_000)).toEqual(['attempt work/0 finished 3..4']);
    feed(SETTLED + 6_000, ...end(3), ...end(4, actorId));
    expect(kinds(SETTLED + 6_000)).toEqual(['attempt work/0 finished 3..4']);
    expect(kinds(SETTLED + 9_999)).toEqual(['attempt work/0 finished 3..4']);
    expect(kinds(SETTLED + 11_000)).toEqual(['attempt work/0 finished 3..4']);
    feed(SETTLED + 12_000, ...end(5), ...end(6, actorId));
    expect(kinds(SETTLED + 12_000)).toHaveLength(2);
  });

  it('at the end of its whole-task profile entry when the terminal state was lost', () => {
    const { feed, kinds } = known();
    const entry = { name: 'task::lost', startNs: secondNs(3), endNs: secondNs(9) };
    feed(SETTLED, profile(taskId(1), [entry]));
    expect(kinds(SETTLED + 5_000)).toEqual(['attempt lost/0 finished 3..9 (profile)']);
  });

  it('never, when nothing but its calls is known of it: that is no attempt', () => {
    const { correlator, feed } = known();
    const submits = { submitsStartNs: secondNs(3), submitsEndNs: secondNs(5) };
    feed(SETTLED, profile(taskId(1), [], submits));
    feed(SETTLED, ...job({ FINISHED: 60 }));
    expect(correlator.advance(SETTLED + 15_000).map(summary)).toEqual(['job 1..60']);
  });

  it('with WORKER_DIED at the death of its worker', () => {
    const { correlator, feed } = known();
    const workerId = 'ab'.repeat(28);
    feed(SETTLED, definition(taskId(1)), states(taskId(1), { RUNNING: 3 }, { workerId }));
    feed(SETTLED, workerStates(workerId, { DEAD: 7 }));
    const attempt = correlator.advance(SETTLED + 5_000).find((lifecycle) => lifecycle.kind === 'attempt');
    expect(attempt).toMatchObject({
      outcome: 'failed',
      endInferred: 'worker_died',
      endNs: secondNs(7),
      error: { errorType: 'WORKER_DIED' },
    });
  });

  it('with NODE_DIED at the death of its node, also when the death was reported before', () => {
    const { correlator, feed } = known();
    const nodeId = 'cd'.repeat(28);
    feed(SETTLED, nodeStates(nodeId, { DEAD: 7 }));
    feed(SETTLED + 1, definition(taskId(1)), states(taskId(1), { RUNNING: 3 }, { workerPid: 7, emitterNodeId: nodeId }));
    const attempt = correlator.advance(SETTLED + 5_001).find((lifecycle) => lifecycle.kind === 'attempt');
    expect(attempt).toMatchObject({
      outcome: 'failed',
      endInferred: 'node_died',
      endNs: secondNs(7),
      error: { errorType: 'NODE_DIED' },
    });
  });

  it('with the death of the one worker that it stands on, whichever of several workers events named first', () => {
    const [low, high] = ['aa'.repeat(28), 'bb'.repeat(28)] as const;
    for (const order of [
      [low, high],
      [high, low],
    ]) {
      const { feed, kinds } = known();
      for (const workerId of order) feed(SETTLED, states(taskId(1), { RUNNING: 3 }, { workerId }));
      const dies = (workerId: string, second: number): RayEvent => workerStates(workerId, { DEAD: second });
      feed(SETTLED, dies(high, 4));
      expect(kinds(SETTLED + 10_000).filter((kind) => kind.startsWith('attempt'))).toEqual([]);
      feed(SETTLED + 10_000, dies(low, 5));
      expect(kinds(SETTLED + 20_000)).toContain('attempt task/0 failed 3..5 (worker_died)');
    }
  });

  it('15 s after its job, and the job after it', () => {
    const { feed, kinds } = known();
    feed(SETTLED, definition(taskId(1)), states(taskId(1), { RUNNING: 3 }), ...job({ FINISHED: 8 }));
    expect(kinds(SETTLED + 14_999)).toEqual([]);
    expect(kinds(SETTLED + 15_000)).toEqual(['attempt work/0 unfinished 3..8 (job_finished)', 'job 1..8']);
  });

  it('after the end of the driver when the end of the job was lost', () => {
    const { feed, kinds } = known();
    feed(SETTLED, states(DRIVER, { RUNNING: 2, FINISHED: 8 }));
    expect(kinds(SETTLED + 15_000)).toEqual(['job 1..8 (job_finished)']);
  });

  it('when its session falls silent, at the last time that is known of it', () => {
    const { feed, kinds } = known({ orphanTimeoutMs: 600_000 });
    feed(SETTLED, definition(taskId(1)), states(taskId(1), { RUNNING: 3 }), definition(taskId(2)), states(taskId(2), { RUNNING: 30 }));
    expect(kinds(SETTLED + 599_999)).toEqual([]);
    expect(kinds(SETTLED + 600_000)).toEqual([
      'attempt work/0 unfinished 3..30 (silence)',
      'attempt work/0 unfinished 30..30 (silence)',
      'job 1..30 (silence)',
    ]);
  });

  it('at the ALIVE of its actor when it is a restarted creation', () => {
    const { correlator, feed } = known();
    const actorId = `${'1'.repeat(24)}${JOB}`;
    const creation = `${'f'.repeat(16)}${actorId}`;
    feed(SETTLED, actorDefinition(actorId, { className: 'Counter' }));
    feed(SETTLED, states(creation, { RUNNING: 3 }, { attempt: 1 }));
    feed(SETTLED, actorStates(actorId, { ALIVE: 6 }));
    const attempt = correlator.advance(SETTLED + 5_000).find((lifecycle) => lifecycle.kind === 'attempt');
    expect(attempt).toMatchObject({ name: 'Counter.__init__', outcome: 'finished', endInferred: 'actor_alive', endNs: secondNs(6) });
  });
});

describe('what comes late', () => {
  it('is counted, and makes no second span', () => {
    const { correlator, feed, kinds } = known();
    feed(SETTLED, definition(taskId(1)), states(taskId(1), { RUNNING: 3, FINISHED: 4 }));
    expect(kinds(SETTLED)).toHaveLength(1);
    expect(feed(SETTLED + 1, states(taskId(1), { RUNNING: 3 }))).toEqual(['late']);
    expect(correlator.stats().late).toBe(1);
    expect(kinds(SETTLED + 10_000_000).filter((line) => line.startsWith('attempt'))).toEqual([]);
  });

  it('still gets its span when it is a new attempt of a job that ended', () => {
    const { feed, kinds } = known();
    feed(SETTLED, ...job({ FINISHED: 8 }));
    expect(kinds(SETTLED + 15_000)).toEqual(['job 1..8']);
    expect(feed(SETTLED + 20_000, definition(taskId(1)), states(taskId(1), { RUNNING: 3, FINISHED: 4 }))).toEqual(['applied', 'applied']);
    expect(kinds(SETTLED + 25_000)).toEqual(['attempt work/0 finished 3..4']);
    expect(kinds(SETTLED + 10_000_000)).toEqual([]);
  });

  it('is a second span only when the tombstone was forgotten, oldest first', () => {
    const { correlator, feed, kinds } = known({ maxTombstones: 2 });
    for (const number of [1, 2, 3]) feed(SETTLED, definition(taskId(number)), states(taskId(number), { RUNNING: 3, FINISHED: 4 }));
    expect(kinds(SETTLED)).toHaveLength(3);
    expect(correlator.stats().tombstones).toBe(2);
    expect(feed(SETTLED, states(taskId(3), { RUNNING: 3 }), states(taskId(1), { RUNNING: 3 }))).toEqual(['late', 'applied']);
  });

  it('a traceparent after the first span of the job: the trace stays, the job links to the caller', () => {
    const { correlator, feed } = setUp();
    feed(0, states(DRIVER, { RUNNING: 1 }));
    feed(SETTLED, definition(taskId(1)), states(taskId(1), { RUNNING: 3, FINISHED: 4 }));
    expect(correlator.advance(SETTLED + 5_000)).toHaveLength(1);
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    feed(SETTLED + 5_000, { ...header(), type: 'job_definition', jobId: JOB, traceparent }, states(DRIVER, { FINISHED: 9 }));
    const [last] = correlator.advance(SETTLED + 20_000);
    expect(last?.trace).not.toHaveProperty('caller');
    expect(last?.links).toEqual([
      { relation: 'caller', context: { traceId: traceparent.slice(3, 35), spanId: traceparent.slice(36, 52), traceFlags: 1 } },
    ]);
  });
});

describe('parents', () => {
  it('a child hangs under the attempt that ran when it was submitted', () => {
    const { correlator, feed } = known();
    feed(SETTLED, definition(taskId(1)), states(taskId(1), { RUNNING: 10, FAILED: 20 }));
    feed(SETTLED, definition(taskId(1), { attempt: 1 }), states(taskId(1), { RUNNING: 30 }, { attempt: 1 }));
    for (const [number, second] of [
      [2, 15],
      [3, 35],
    ] as const) {
      feed(
        SETTLED,
        definition(taskId(number), { parentTaskId: taskId(1) }),
        states(taskId(number), { RUNNING: second, FINISHED: second + 1 }),
      );
    }
    const parents = correlator
      .advance(SETTLED)
      .flatMap((lifecycle) => (lifecycle.kind === 'attempt' && lifecycle.taskId !== taskId(1) ? [lifecycle.parent] : []));
    expect(parents).toEqual([
      { kind: 'task', taskId: taskId(1), attempt: 0 },
      { kind: 'task', taskId: taskId(1), attempt: 1 },
    ]);
  });

  it.each([
    ['while the first attempt ran', 15, 0],
    ['when the first attempt had ended', 20, 0],
    ['while the second attempt waited', 25, 0],
    ['when the second attempt began to run', 30, 1],
    ['while the second attempt ran', 35, 1],
  ])('a retry of a child that was submitted %s hangs under the attempt of its caller that ran last', (_, submitted, attempt) => {
    const caller = [
      definition(taskId(1)),
      states(taskId(1), { PENDING_ARGS_AVAIL: 5, RUNNING: 10, FAILED: 20 }),
      definition(taskId(1), { attempt: 1 }),
      states(taskId(1), { PENDING_ARGS_AVAIL: 21, RUNNING: 30, FINISHED: 90 }, { attempt: 1 }),
    ];
    const child = [
      definition(taskId(2), { parentTaskId: taskId(1) }),
      states(taskId(2), { PENDING_ARGS_AVAIL: 12, RUNNING: 13, FAILED: 14 }),
      definition(taskId(2), { parentTaskId: taskId(1), attempt: 1 }),
      states(taskId(2), { PENDING_ARGS_AVAIL: submitted, RUNNING: 40, FINISHED: 41 }, { attempt: 1 }),
    ];
    for (const events of [
      [...caller, ...child],
      [...child, ...caller],
    ]) {
      const { correlator, feed } = known();
      feed(SETTLED, ...events);
      const retry = correlator.closeAll(SETTLED).find((one) => one.kind === 'attempt' && one.taskId === taskId(2) && one.attempt === 1);
      expect(retry?.parent).toEqual({ kind: 'task', taskId: taskId(1), attempt });
    }
  });

  it('one that is only named gets a placeholder when the job ends', () => {
    const { correlator, feed } = known();
    feed(
      SETTLED,
      definition(taskId(2), { parentTaskId: taskId(1) }),
      states(taskId(2), { RUNNING: 3, FINISHED: 4 }),
      ...job({ FINISHED: 8 }),
    );
    const all = correlator.advance(SETTLED + 15_000);
    expect(all.find((lifecycle) => lifecycle.kind === 'attempt' && lifecycle.taskId === taskId(1))).toMatchObject({
      placeholder: true,
      parent: { kind: 'job', id: JOB },
    });
  });

  it('tasks that name each other hang under the job', () => {
    const { correlator, feed } = known();
    feed(SETTLED, definition(taskId(1), { parentTaskId: taskId(2) }), definition(taskId(2), { parentTaskId: taskId(1) }));
    feed(SETTLED, states(taskId(1), { RUNNING: 3 }), states(taskId(2), { RUNNING: 3 }));
    const parents = correlator.closeAll(SETTLED).flatMap((lifecycle) => (lifecycle.kind === 'attempt' ? [lifecycle.parent] : []));
    expect(parents).toEqual([
      { kind: 'job', id: JOB },
      { kind: 'job', id: JOB },
    ]);
  });

  it("a call on another job's actor, and what it spawns, belong to the caller's trace, also when the call is reported last", () => {
    const { correlator, feed } = setUp();
    const caller = '02000000';
    const actorId = `${'1'.repeat(24)}${JOB}`;
    const call = taskId(1, actorId);
    feed(0, definition(taskId(2), { parentTaskId: call }), states(taskId(2), { RUNNING: 3, FINISHED: 4 }));
    feed(
      0,
      definition(call, { taskType: 'ACTOR_TASK', parentTaskId: `${'f'.repeat(40)}${caller}` }),
      states(call, { RUNNING: 2, FINISHED: 5 }),
    );
    const traces = correlator.closeAll(0).flatMap((lifecycle) => (lifecycle.kind === 'attempt' ? [lifecycle.trace] : []));
    expect(traces.map((trace) => trace.kind === 'job' && trace.jobId)).toEqual([caller, caller]);
  });
});

describe('the budget of a trace', () => {
  it('keeps failures, sums up the rest, and loses no count', () => {
    const { correlator, feed } = known({ maxSpansPerTrace: 100 });
    for (let number = 1; number <= 1_000; number += 1) {
      const end = number % 250 === 0 ? 'FAILED' : 'FINISHED';
      feed(SETTLED, definition(taskId(number), { name: `work ${number % 3}` }), states(taskId(number), { RUNNING: 3, [end]: 4 }));
    }
    const all = [...correlator.advance(SETTLED)];
    feed(SETTLED, ...job({ FINISHED: 8 }));
    all.push(...correlator.advance(SETTLED + 15_000));
    expect(all.length).toBeLessThanOrEqual(100);
    const attempts = all.filter((lifecycle) => lifecycle.kind === 'attempt');
    const rollups = all.filter((lifecycle) => lifecycle.kind === 'rollup');
    expect(attempts.filter((attempt) => attempt.outcome === 'failed')).toHaveLength(4);
    expect(rollups.map((rollup) => rollup.name)).toEqual(['work 0', 'work 1', 'work 2']);
    expect(attempts.length + rollups.reduce((sum, rollup) => sum + rollup.attempts, 0)).toBe(1_000);
    expect(all.find((lifecycle) => lifecycle.kind === 'job')).toMatchObject({
      attemptCount: 1_000,
      tasks: { finished: 996, failed: 4, cancelled: 0, unfinished: 0 },
      rolledUpAttemptCount: 1_000 - attempts.length,
    });
  });

  it('never leaves a child without its parent, however deep, and folds trees by their names', () => {
    const { correlator, feed } = known({ maxSpansPerTrace: 60 });
    for (let number = 1; number <= 200; number += 1) {
      const root = taskId(number * 10);
      feed(SETTLED, definition(root, { name: 'root' }), states(root, { RUNNING: 3 }));
      for (let child = 1; child <= 5; child += 1) {
        const id = taskId(number * 10 + child);
        const end = number === 150 && child === 5 ? 'FAILED' : 'FINISHED';
        feed(SETTLED, definition(id, { name: 'child', parentTaskId: root }), states(id, { RUNNING: 3, [end]: 4 }));
      }
    }
    const all = [...correlator.advance(SETTLED)];
    for (let number = 1; number <= 200; number += 1) feed(SETTLED, states(taskId(number * 10), { FINISHED: 6 }));
    all.push(...correlator.advance(SETTLED));
    feed(SETTLED, ...job({ FINISHED: 8 }));
    all.push(...correlator.advance(SETTLED + 15_000));
    expect(all.length).toBeLessThanOrEqual(60);
    const selves = new Set(all.map((lifecycle) => JSON.stringify(selfOf(lifecycle))));
    for (const { parent } of all) if (parent !== undefined) expect(selves).toContain(JSON.stringify(parent));
    expect(all.filter((lifecycle) => lifecycle.kind === 'attempt' && lifecycle.outcome === 'failed')).toHaveLength(1);
    const attempts = all.filter((lifecycle) => lifecycle.kind === 'attempt').length;
    expect(attempts + all.reduce((sum, lifecycle) => sum + (lifecycle.kind === 'rollup' ? lifecycle.attempts : 0), 0)).toBe(1_200);
  });

  it('is bounded in kinds of folds, too', () => {
    const { correlator, feed } = known({ maxSpansPerTrace: 60 });
    for (let number = 1; number <= 500; number += 1)
      feed(SETTLED, definition(taskId(number), { name: `work ${number}` }), states(taskId(number), { RUNNING: 3, FINISHED: 4 }));
    const all = [...correlator.advance(SETTLED)];
    feed(SETTLED, ...job({ FINISHED: 8 }));
    all.push(...correlator.advance(SETTLED + 15_000));
    expect(all.length).toBeLessThanOrEqual(60);
    expect(all.filter((lifecycle) => lifecycle.kind === 'rollup').map((rollup) => rollup.name)).toContain('(other)');
  });

  it('a job can ask for its failures alone', () => {
    const { correlator, feed } = known();
    feed(0, { ...header(), eventId: '', type: 'job_definition', jobId: JOB, detail: 'failed' });
    feed(
      SETTLED,
      definition(taskId(1)),
      states(taskId(1), { RUNNING: 3, FINISHED: 4 }),
      definition(taskId(2)),
      states(taskId(2), { RUNNING: 3, FAILED: 4 }),
    );
    const all = correlator.closeAll(SETTLED);
    expect(all.map(summary)).toEqual(['attempt work/0 failed 3..4', 'rollup 3..4', 'job 1..4 (silence)']);
  });
});

it('a job counts a retry whose first attempt was only named as a parent', () => {
  const { correlator, feed } = setUp();
  const parent = taskId(1);
  feed(0, ...job({ CREATED: 0 }), definition(taskId(2), { parentTaskId: parent }), states(taskId(2), { RUNNING: 1, FINISHED: 2 }));
  correlator.advance(SETTLED);
  feed(SETTLED, definition(parent, { attempt: 1 }), states(parent, { RUNNING: 3 }, { attempt: 1 }), jobStates({ FINISHED: 4 }));
  const ended = correlator.advance(SETTLED + 15_000).find((lifecycle) => lifecycle.kind === 'job');
  expect(ended).toMatchObject({ tasks: { finished: 1, unfinished: 1 }, tasksSoFar: { finished: 1, unfinished: 1 }, attemptCount: 2 });
});

function selfOf(lifecycle: Finished): unknown {
  if (lifecycle.kind === 'attempt') return { kind: 'task', taskId: lifecycle.taskId, attempt: lifecycle.attempt };
  if (lifecycle.kind === 'job') return { kind: 'job', id: lifecycle.jobId };
  return lifecycle.kind === 'rollup' ? lifecycle.self : undefined;
}
