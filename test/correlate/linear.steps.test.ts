import { describe, expect, it } from 'vitest';
import type { CorrelateOptions, Finished, SpanRef } from '../../src/correlate/index.ts';
import { createCorrelator, type LifecycleCorrelator } from '../support/correlator.ts';
import type { RayEvent } from '../../src/event/index.ts';
import { spanIdOf } from '../../src/span/ids.ts';
import { definition, jobStates, machineId, many, states, taskId } from '../support/events.ts';
import { growth, MAX_GROWTH } from '../support/steps.ts';
import { sized } from '../support/sized.ts';

// The work that a stream makes grows with its length and no faster, whatever the stream: steps are counted at a size and at
// four times that size.

const LATER_MS = 60_000;
const SIZE = sized(60, 200);

/** A correlator that was given events. */
function applied(events: readonly RayEvent[], options: Partial<CorrelateOptions> = {}): LifecycleCorrelator {
  const correlator = createCorrelator({ ...options });
  for (const event of events) correlator.apply(event, 0);
  return correlator;
}

/** What events give when everything that is due is closed, one thing at a time as the pump does it. */
function finished(events: readonly RayEvent[], options: Partial<CorrelateOptions> = {}): Finished[] {
  const correlator = applied(events, options);
  const lifecycles: Finished[] = [];
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
  it('when summary spans are nested', () => {
    const idsOf = (size: number) => (): void => {
      let above: SpanRef = { kind: 'job', id: '01000000' };
      const refs: SpanRef[] = [];
      for (let level = 0; level < size; level += 1) {
        refs.push(
          { kind: 'rollup', parent: above, name: `a${level}`, round: 0 },
          { kind: 'rollup', parent: above, name: `b${level}`, round: 0 },
        );
        above = refs.at(-1) ?? above;
      }
      for (const ref of refs.reverse()) spanIdOf('session', ref);
    };
    expect(growth(50, idsOf)).toBeLessThan(MAX_GROWTH);
  });

  it('when events name ever new workers and nodes of one attempt', () => {
    const eventsOf = (size: number): RayEvent[] =>
      many(size, (number) => {
        const id = machineId(size - number);
        return [states(taskId(1), { RUNNING: 0 }, { workerId: id, workerPid: 5, nodeId: id })];
      });
    expectLinear(SIZE, eventsOf, applied);
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
    expectLinear(SIZE, (size) => attemptsOf(size, isDescending, false), applied);
    expectLinear(SIZE, (size) => attemptsOf(size, isDescending, true), finished);
  });

  it('when one task has many attempts that end with their job, without definitions', () => {
    const eventsOf = (size: number): RayEvent[] => [
      jobStates({ CREATED: 0 }),
      ...attemptsOf(size, true, false, false),
      definition(taskId(1)),
      jobStates({ FINISHED: 9_000 }),
    ];
    expectLinear(SIZE, eventsOf, finished);
  });

  it('when each of the many attempts of one task calls another task', () => {
    const eventsOf = (size: number): RayEvent[] => [
      ...attemptsOf(size, true, true),
      ...many(size, (number) => [
        definition(taskId(number + 2), { parentTaskId: taskId(1) }),
        states(taskId(number + 2), { PENDING_ARGS_AVAIL: number + 0.15, RUNNING: number + 0.16, FINISHED: number + 0.17 }),
      ]),
    ];
    expectLinear(SIZE, eventsOf, finished);
  });

  it('when the attempts of one task end one after another, and are all that is remembered', () => {
    const eventsOf = (size: number): RayEvent[] => attemptsOf(size, false, true).filter(isNotEndOfFirst);
    expectLinear(SIZE, eventsOf, (events) => {
      const maxTombstones = Math.floor(events.length / 4);
      const correlator = createCorrelator({ maxTombstones });
      correlator.apply(states(taskId(1), { RUNNING: 0 }), 0);
      for (const event of events) {
        correlator.apply(event, 0);
        correlator.advance(LATER_MS);
      }
      expect(correlator.openAttempts()).toBe(1);
      expect(correlator.stats().tombstones).toBe(maxTombstones - 1);
    });
  });

  /** Each task is called by the one before. */
  const chainOf = (size: number, over: { readonly hasRoot?: boolean; readonly ends?: boolean } = {}): RayEvent[] =>
    many(size, (number) => [
      definition(
        taskId(number),
        number > 0 ? { parentTaskId: taskId(number - 1) } : over.hasRoot === false ? { parentTaskId: taskId(size + 9) } : {},
      ),
      states(taskId(number), { RUNNING: number, ...(over.ends === false ? {} : { FINISHED: number + 0.9 }) }),
    ]);

  describe.each([
    ['with room for all of it', {}],
    ['with a budget', { maxSpansPerTrace: 60 }],
    ['nested flat', { nesting: 'flat' }],
    ['with marks of what runs', { inFlight: 'running', inFlightAfterMs: 1_000 }],
  ] as const)('when tasks call each other in a chain, %s', (_, options) => {
    const closed = (events: readonly RayEvent[]): unknown => finished(events, options);

    it('and end one after another', () => {
      expectLinear(SIZE, chainOf, closed);
      expectLinear(SIZE, (size) => chainOf(size).reverse(), closed);
    });

    it('and end while the next ones are not known', () => {
      expectLinear(SIZE, chainOf, (events) => {
        const correlator = applied([], options);
        for (const [index, event] of events.entries()) {
          correlator.apply(event, index * 10_000);
          correlator.advance((index + 1) * 10_000 - 1);
        }
      });
    });

    it('and their first caller is not known', () => {
      expectLinear(SIZE, (size) => chainOf(size, { hasRoot: false }), closed);
      expectLinear(SIZE, (size) => chainOf(size, { hasRoot: false }).reverse(), closed);
    });

    it('and only the last of them end', () => {
      const eventsOf = (size: number): RayEvent[] => [
        ...chainOf(size, { ends: false }),
        ...many(size, (number) => [
          definition(taskId(size + number), { parentTaskId: taskId(size - 1) }),
          states(taskId(size + number), { RUNNING: number, FINISHED: number + 1 }),
        ]),
      ];
      expectLinear(SIZE, eventsOf, closed);
    });

    it('and end with their job', () => {
      expectLinear(SIZE, (size) => [...chainOf(size, { ends: false }), jobStates({ FINISHED: 9_000 })], closed);
      expectLinear(
        SIZE,
        (size) => chainOf(size),
        (events) => applied(events, options).closeAll(0),
      );
    });
  });
});
