import { describe, expect, it } from 'vitest';
import type { CorrelateOptions } from '../../src/correlate/index.ts';
import { createCorrelator, type LifecycleCorrelator, throughCheckpoint } from '../support/correlator.ts';
import { TraceBudget } from '../../src/correlate/budget/budget.ts';
import { MAX_WAITING_POINTS } from '../../src/correlate/apply.ts';
import { MAX_ORDINARY_TASKS, OrdinaryTasks } from '../../src/correlate/finish/outlives.ts';
import { Session } from '../../src/correlate/entities/entities.ts';
import type { RayEvent } from '../../src/event/index.ts';
import {
  actorId,
  actorStates,
  definition,
  header,
  jobStates,
  machineId,
  nodeStates,
  states,
  taskId,
  workerStates,
} from '../support/events.ts';

// What nothing needs any more is remembered for late events, up to a limit. Beyond it the oldest gives way, and nothing that is
// open ever does.

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function make(options: Partial<CorrelateOptions> = {}): LifecycleCorrelator {
  return createCorrelator({ ...options });
}

/** Worker, node and actor that are born and die. */
function deaths(number: number): RayEvent[] {
  const times = { ALIVE: number, DEAD: number + 1 };
  return [workerStates(machineId(number), times), nodeStates(machineId(number), times), actorStates(actorId(number), times)];
}

describe('closed records give way', () => {
  const options = { maxAgingRecords: 30 };

  it('the oldest first, and no open one because of them', () => {
    const correlator = make(options);
    correlator.apply(workerStates(machineId(0), { ALIVE: 0 }), 0);
    for (let number = 1; number <= 200; number += 1) {
      for (const event of deaths(number)) correlator.apply(event, number);
      correlator.advance(number + 6_000);
    }
    // The open worker, and the job that the actors belong to.
    expect(correlator.openRecords()).toBe(2);
    expect(correlator.stats()).toMatchObject({ agingRecords: 30, recordsForgotten: 200 * 3 - 30, openJobs: 1 });
    expect(correlator.apply(workerStates(machineId(200), { DEAD: 201 }), 300)).toBe('late');
    expect(correlator.apply(workerStates(machineId(0), { DEAD: 201 }), 300)).toBe('applied');
    expect(correlator.apply(workerStates(machineId(1), { DEAD: 2 }), 300)).toBe('applied');
  });

  it('in the same order after a restart', () => {
    let interrupted = make(options);
    const correlator = make(options);
    for (let number = 1; number <= 60; number += 1) {
      for (const one of [correlator, interrupted]) {
        for (const event of deaths(number)) one.apply(event, number);
        one.advance(number + 6_000);
      }
      if (number % 7 === 0) interrupted = throughCheckpoint(interrupted, make(options));
    }
    const lateOf = (one: LifecycleCorrelator): string[] =>
      Array.from({ length: 60 }, (_, index) => one.apply(workerStates(machineId(index + 1), { DEAD: 900 }), 7_000));
    expect(lateOf(interrupted)).toEqual(lateOf(correlator));
  });

  it('as do machines that events only named, once nothing open runs on them', () => {
    const correlator = make(options);
    const busy = machineId(9_999);
    correlator.apply(states(taskId(1), { RUNNING: 0 }, { workerId: busy }), 0);
    for (let number = 0; number < 500; number += 1) {
      correlator.apply(states(taskId(2), { RUNNING: 0 }, { workerId: machineId(500 - number) }), 0);
    }
    expect(correlator.stats().agingRecords).toBe(30);
    expect(correlator.openRecords()).toBeLessThan(5);
    correlator.apply(workerStates(busy, { DEAD: 9 }), 1);
    const kinds = correlator.advance(10_000).map(({ kind, endInferred }) => [kind, endInferred]);
    expect(kinds).toEqual([
      ['attempt', 'worker_died'],
      ['worker', undefined],
    ]);
  });

  it('jobs without anything open give way too, and none with an open attempt', () => {
    const correlator = make(options);
    for (let number = 1; number <= 200; number += 1) {
      const job = number.toString(16).padStart(8, '0');
      correlator.apply(jobStates({ CREATED: 0, FINISHED: 1 }, job), number * 60_000);
      if (number === 1) correlator.apply(states(taskId(1, job), { RUNNING: 0 }), 61_000);
      correlator.advance(number * 60_000 + 30_000);
    }
    expect(correlator.stats()).toMatchObject({ agingRecords: 30, openJobs: 0, recordsForgotten: 170 });
  });
});

describe('sessions give way', () => {
  const options = { maxSessions: 10 };
  const jobOf = (session: string): RayEvent => ({ ...jobStates({ CREATED: 0 }), session });

  it('the one that was silent longest first, with its spans, and never one that is active', () => {
    const correlator = make(options);
    const closed: string[] = [];
    for (let number = 0; number < 100; number += 1) {
      correlator.apply(jobOf('busy'), number);
      correlator.apply(jobOf(`session_${number}`), number);
      for (const { kind, session, endInferred } of correlator.advance(number)) {
        expect([kind, endInferred]).toEqual(['job', 'silence']);
        closed.push(session);
      }
    }
    expect(closed).toEqual(Array.from({ length: 91 }, (_, number) => `session_${number}`));
    expect(correlator.stats()).toMatchObject({ sessions: 10, sessionsForgotten: 91, openJobs: 10 });
  });

  it('the closed ones before all others', () => {
    const correlator = make(options);
    for (let number = 0; number < 5; number += 1) correlator.apply(jobOf(`old_${number}`), 0);
    correlator.advance(2 * HOUR_MS);
    for (let number = 0; number < 10; number += 1) correlator.apply(jobOf(`new_${number}`), 2 * HOUR_MS);
    expect(correlator.advance(2 * HOUR_MS)).toEqual([]);
    expect(correlator.stats()).toMatchObject({ sessions: 10, sessionsForgotten: 5, openJobs: 10 });
  });

  it('unless they are active again before they were closed', () => {
    const correlator = make(options);
    for (let number = 0; number < 11; number += 1) correlator.apply(jobOf(`session_${number}`), 0);
    correlator.apply(jobOf('session_0'), 0);
    expect(correlator.advance(0)).toEqual([]);
    expect(correlator.stats().sessions).toBe(11);
  });

  it('in the same order after a restart', () => {
    const run = (isInterrupted: boolean): string[] => {
      let correlator = make(options);
      const closed: string[] = [];
      for (let number = 0; number < 60; number += 1) {
        correlator.apply(jobOf(`session_${(number * 37) % 24}`), number);
        if (isInterrupted && number % 5 === 0) correlator = throughCheckpoint(correlator, make(options));
        closed.push(...correlator.advance(number).map(({ kind, session }) => `${kind} ${session}`));
      }
      return closed;
    };
    expect(run(true)).toEqual(run(false));
    expect(run(true).length).toBeGreaterThan(10);
  });

  it('are forgotten a week after their last event', () => {
    const correlator = make();
    correlator.apply(jobOf('session_0'), 0);
    correlator.advance(6 * DAY_MS);
    expect(correlator.stats().sessions).toBe(1);
    correlator.advance(7 * DAY_MS);
    expect(correlator.stats()).toMatchObject({ sessions: 0, sessionsForgotten: 0, openJobs: 0 });
    expect(correlator.openRecords()).toBe(0);
  });
});

it('what is open of a task is not in the way of another one', () => {
  const correlator = make({ maxAgingRecords: 10 });
  for (let number = 0; number < 100; number += 1) {
    correlator.apply(definition(taskId(number)), 0);
    correlator.apply(states(taskId(number), { RUNNING: 0 }, { workerId: machineId(number), nodeId: machineId(number % 50) }), 0);
  }
  for (let number = 0; number < 50; number += 1) correlator.apply(nodeStates(machineId(number), { DEAD: 1 }), 1);
  const ends = correlator.advance(10_000).filter(({ kind }) => kind === 'attempt');
  expect(ends.map(({ endInferred }) => endInferred)).toEqual(Array.from({ length: 100 }, () => 'node_died'));
});

it('a point without a time waits for the end of its session, unless 10,000 do', () => {
  const point = (number: number): RayEvent => ({
    ...header(),
    type: 'cluster_point',
    source: 'platform',
    name: `point ${number}`,
    severity: 'INFO',
    message: '',
    attributes: {},
  });
  const correlator = make();
  for (let number = 0; number < MAX_WAITING_POINTS; number += 1) correlator.apply(point(number), 0);
  expect(correlator.advance(60_000)).toEqual([]);
  correlator.apply(point(MAX_WAITING_POINTS), 60_000);
  expect(correlator.advance(60_000)).toMatchObject([{ kind: 'point', endInferred: 'silence' }]);
});

it('tasks that do not outlive their driver are remembered up to 100,000 of all sessions', () => {
  const ordinary = new OrdinaryTasks();
  const [one, other] = [0, 1].map((number) => {
    const budget = new TraceBudget({ kind: 'session' }, { maxSpans: 0, maxBytes: 0 });
    return new Session(`session_${number}`, number, budget, { find: () => undefined }, 0);
  }) as [Session, Session];
  ordinary.add(
    one,
    Array.from({ length: MAX_ORDINARY_TASKS }, (_, number) => taskId(number)),
  );
  ordinary.add(other, [taskId(1)]);
  expect([ordinary.has(one, taskId(1)), ordinary.has(other, taskId(1))]).toEqual([true, true]);
  ordinary.add(other, [taskId(2)]);
  expect([ordinary.has(one, taskId(1)), ordinary.has(other, taskId(1)), ordinary.has(other, taskId(2))]).toEqual([false, false, true]);
});
