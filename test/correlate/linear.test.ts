import { describe, expect, it } from 'vitest';
import { type Correlator, type CorrelateOptions, createCorrelator } from '../../src/correlate/index.ts';
import type { RayEvent, TaskLifecycle } from '../../src/event/index.ts';
import { growth, MAX_GROWTH } from '../support/steps.ts';

// The work that a stream makes grows with its length and no faster, whatever the stream: steps are counted at a size and at
// four times that size.

const SESSION = 'session_2026-11-26_10-00-00_000001_1';
const JOB = '01000000';
const START_NS = 1_800_000_000_000_000_000n;
let eventCount = 0;

function header(): { readonly eventId: string; readonly session: string } {
  eventCount += 1;
  return { eventId: `event-${eventCount}`, session: SESSION };
}

function taskId(number: number): string {
  return number.toString(16).padStart(16, '0') + 'f'.repeat(24) + JOB;
}

function hexId(number: number): string {
  return number.toString(16).padStart(56, '0');
}

function states(id: string, names: readonly string[], over: Partial<TaskLifecycle> = {}): TaskLifecycle {
  const transitions = names.map((state, index) => ({ state, timeNs: START_NS + BigInt(index) * 1_000_000n }));
  return { ...header(), type: 'task_lifecycle', taskId: id, attempt: 0, transitions, ...over };
}

function many(size: number, eventsOf: (number: number) => readonly RayEvent[]): RayEvent[] {
  return Array.from({ length: size }, (_, number) => eventsOf(number)).flat();
}

/** A correlator that was given events, and the rest of the work. */
function applied(events: readonly RayEvent[], options: Partial<CorrelateOptions> = {}): Correlator {
  const correlator = createCorrelator({ measure: () => ({ spans: 1, bytes: 500 }), ...options });
  for (const event of events) correlator.apply(event, 0);
  return correlator;
}

describe('the work is linear', () => {
  it('when events name ever new workers of one attempt', () => {
    const eventsOf = (size: number): RayEvent[] =>
      many(size, (number) => [
        states(taskId(1), ['RUNNING'], { workerId: hexId(size - number), workerPid: 5, nodeId: hexId(size - number) }),
      ]);
    expect(growth(200, (size) => () => applied(eventsOf(size)))).toBeLessThan(MAX_GROWTH);
  });
});
