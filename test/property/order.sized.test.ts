import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rayEventsToSpans } from '../../src/convert.ts';
import { otlpJsonLines } from '../../src/export/index.ts';
import { readRecordedEvents } from '../support/posts.ts';
import { propertyRuns } from '../support/sized.ts';

// Whatever the order of the events, however often they come, and however their states are divided among them, the spans are
// the same to the byte: nothing else lets a restart, a second replica or a retry be trusted.

const RECORDINGS = [
  'features-ray-2.49.0',
  'features-ray-2.54.0',
  'features-ray-2.60.0',
  'mix-ray-2.50.1',
  'mix-snake-case-ray-2.60.0',
  'node-death-three-jobs-ray-2.60.0',
];
const RUNS = propertyRuns(3, 12);

type Raw = Record<string, unknown>;

function convert(events: readonly unknown[], options = {}): string {
  return [...otlpJsonLines(rayEventsToSpans(events, options).spans)].join('');
}

/** One event for each state, as if the process had flushed after every one of them. */
function splitStates(event: Raw): Raw[] {
  for (const [slot, states] of [
    ['taskLifecycleEvent', 'stateTransitions'],
    ['task_lifecycle_event', 'state_transitions'],
    ['actorLifecycleEvent', 'stateTransitions'],
    ['workerLifecycleEvent', 'stateTransitions'],
    ['driverJobLifecycleEvent', 'stateTransitions'],
  ] as const) {
    const payload = event[slot] as Raw | undefined;
    const transitions = payload?.[states] as unknown[] | undefined;
    if (payload === undefined || transitions === undefined || transitions.length < 2) continue;
    return transitions.map((transition, index) => ({
      ...event,
      eventId: otherId(event, index),
      [slot]: { ...payload, [states]: [transition] },
    }));
  }
  const execution = event['taskExecutionEvent'] as Raw | undefined;
  if (execution === undefined) return [event];
  return Object.entries(execution['taskState'] as Raw).map(([state, time], index) => ({
    ...event,
    eventId: otherId(event, index),
    taskExecutionEvent: { ...execution, taskState: { [state]: time } },
  }));
}

function otherId(event: Raw, index: number): string {
  return `${String(event['eventId'] ?? event['event_id'])}${index}`;
}

describe.each(RECORDINGS)('%s', (name) => {
  const events = readRecordedEvents(new URL(`../fixtures/recordings/${name}.ndjson`, import.meta.url).pathname) as Raw[];
  const expected = convert(events);

  it('does not depend on order, repetition, or how states are divided among events', () => {
    expect(expected.length).toBeGreaterThan(10_000);
    const arranged = fc
      .array(fc.nat(events.length - 1), { maxLength: 60 })
      .chain((repeated) => fc.tuple(fc.constant(repeated), fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), fc.boolean()));
    fc.assert(
      fc.property(arranged, ([repeated, randoms, split]) => {
        const all = [...events, ...repeated.map((index) => events[index] as Raw)];
        const parts = split ? all.flatMap(splitStates) : all;
        expect(convert(shuffled(parts, randoms))).toBe(expected);
      }),
      { numRuns: RUNS },
    );
  });

  it('does not depend on order with a budget and flat nesting either', () => {
    const options = { maxSpansPerTrace: 80, nesting: 'flat' } as const;
    const bounded = convert(events, options);
    expect(convert([...events].reverse(), options)).toBe(bounded);
    expect(convert([...events].reverse(), { maxSpansPerTrace: 80 })).toBe(convert(events, { maxSpansPerTrace: 80 }));
  });
});

function shuffled<Item>(items: readonly Item[], randoms: Iterator<number>): Item[] {
  const result = [...items];
  for (let index = result.length - 1; index > 0; index -= 1) {
    const other = Math.floor(((randoms.next().value as number) ?? 0) * (index + 1)) % (index + 1);
    [result[index], result[other]] = [result[other] as Item, result[index] as Item];
  }
  return result;
}
