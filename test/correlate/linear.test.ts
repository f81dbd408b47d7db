import { describe, expect, it } from 'vitest';
import { type Correlator, type CorrelateOptions, createCorrelator, type Lifecycle } from '../../src/correlate/index.ts';
import type { RayEvent } from '../../src/event/index.ts';
import { definition, jobStates, machineId, many, states, taskId } from '../support/simple-events.ts';
import { growth, MAX_GROWTH } from '../support/steps.ts';

// The work that a stream makes grows with its length and no faster, whatever the stream: steps are counted at a size and at
// four times that size.

const LATER_MS = 60_000;

/** A correlator that was given events. */
function applied(events: readonly RayEvent[], options: Partial<CorrelateOptions> = {}): Correlator {
  const correlator = createCorrelator({ measure: () => ({ spans: 1, bytes: 500 }), ...options });
  for (const event of events) correlator.apply(event, 0);
  return correlator;
}

/** What events give when everything that is due is closed, one thing at a time as the pump does it. */
function finished(events: readonly RayEvent[], options: Partial<CorrelateOptions> = {}): Lifecycle[] {
  const correlator = applied(events, options);
  const lifecycles: Lifecycle[] = [];
  while (correlator.hasDue(LATER_MS)) lifecycles.push(...correlator.advance(LATER_MS, 1));
  return lifecycles;
}

function expectLinear(size: number, eventsOf: (size: number) => RayEvent[], work: (events: readonly RayEvent[]) => unknown): void {
  const workOf = (length: number): (() => void) => {
    const events = eventsOf(length);
    return () => void work(events);
  };
  expect(growth(size, workOf)).toBeLessThan(MAX_GROWTH);
}

function isNotEndOfFirst(event: RayEvent): boolean {
  return event.type !== 'task_lifecycle' || event.attempt > 0;
}

describe('the work is linear', () => {
  it('when events name ever new workers and nodes of one attempt', () => {
    const eventsOf = (size: number): RayEvent[] =>
      many(size, (number) => {
        const id = machineId(size - number);
        return [states(taskId(1), { RUNNING: 0 }, { workerId: id, workerPid: 5, nodeId: id })];
      });
    expectLinear(200, eventsOf, applied);
  });

  const attemptsOf = (size: number, isDescending: boolean, hasEnd: boolean, isDefined = true): RayEvent[] =>
    many(size, (number) => {
      const attempt = isDescending ? size - number : number;
      const times = { SUBMITTED_TO_WORKER: attempt, RUNNING: attempt + 0.1, ...(hasEnd ? { FAILED: attempt + 0.2 } : {}) };
      return [...(isDefined ? [definition(taskId(1), { attempt })] : []), states(taskId(1), times, { attempt })];
    });

  it.each([
    ['ascending', false],
    ['descending', true],
  ])('when one task has many attempts, in %s order', (_, isDescending) => {
    expectLinear(200, (size) => attemptsOf(size, isDescending, false), applied);
    expectLinear(200, (size) => attemptsOf(size, isDescending, true), finished);
  });

  it('when one task has many attempts that end with their job, without definitions', () => {
    const eventsOf = (size: number): RayEvent[] => [
      jobStates({ CREATED: 0 }),
      ...attemptsOf(size, true, false, false),
      definition(taskId(1)),
      jobStates({ FINISHED: 9_000 }),
    ];
    expectLinear(200, eventsOf, finished);
  });

  it('when each of the many attempts of one task calls another task', () => {
    const eventsOf = (size: number): RayEvent[] => [
      ...attemptsOf(size, true, true),
      ...many(size, (number) => [
        definition(taskId(number + 2), { parentTaskId: taskId(1) }),
        states(taskId(number + 2), { PENDING_ARGS_AVAIL: number + 0.15, RUNNING: number + 0.16, FINISHED: number + 0.17 }),
      ]),
    ];
    expectLinear(200, eventsOf, finished);
  });

  it('when the attempts of one task end one after another, and are all that is remembered', () => {
    const eventsOf = (size: number): RayEvent[] => attemptsOf(size, false, true).filter(isNotEndOfFirst);
    expectLinear(200, eventsOf, (events) => {
      const maxTombstones = Math.floor(events.length / 4);
      const correlator = createCorrelator({ measure: () => ({ spans: 1, bytes: 500 }), maxTombstones });
      correlator.apply(states(taskId(1), { RUNNING: 0 }), 0);
      for (const event of events) {
        correlator.apply(event, 0);
        correlator.advance(LATER_MS);
      }
      expect(correlator.openAttempts()).toBe(1);
      expect(correlator.stats().tombstones).toBe(maxTombstones - 1);
    });
  });
});
