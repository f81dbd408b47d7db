import { expect, it } from 'vitest';
import { generatedStream } from './generated-stream.ts';
import { eventsOfBody, readRecordedEvents } from './posts.ts';
import { isDriver, readFacts } from './ray-facts.ts';

const RECORDING = new URL('../fixtures/recordings/load-20k-tasks-ray-2.60.0.ndjson.gz', import.meta.url).pathname;

type Json = Readonly<Record<string, unknown>>;

const record = (value: unknown): Json => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {});

/** Field names in order, with the states; what is below an object whose keys are data is left out. */
function shapeOf(event: unknown): string {
  const fields = Object.entries(record(event)).map(([key, value]) => {
    if (!key.endsWith('Event') && !key.endsWith('Events')) return key;
    const states = record(value)['stateTransitions'];
    const names = Array.isArray(states) ? states.map((state) => String(record(state)['state'])).join('>') : '';
    return `${key}(${Object.keys(record(value)).join(' ')}) ${names}`;
  });
  return `${String(record(event)['eventType'])}: ${fields.join(' ')}`;
}

function statistics(events: readonly unknown[]): {
  readonly eventsPerAttempt: number;
  readonly bytesPerEvent: number;
  readonly lateShare: number;
  readonly shapes: Map<string, number>;
} {
  const facts = readFacts(events);
  const attempts = [...facts.sessions.values()].flatMap((session) => [...session.attempts.values()]).filter((one) => !isDriver(one.taskId));
  const ended = new Set<string>();
  let late = 0;
  const shapes = new Map<string, number>();
  let bytes = 0;
  for (const event of events) {
    bytes += JSON.stringify(event).length;
    const shape = shapeOf(event);
    shapes.set(shape, (shapes.get(shape) ?? 0) + 1 / events.length);
    const lifecycle = record(record(event)['taskLifecycleEvent']);
    const attempt = `${String(lifecycle['taskId'])}/${String(lifecycle['taskAttempt'])}`;
    const states = JSON.stringify(lifecycle['stateTransitions'] ?? []);
    if (states.includes('"RUNNING"') && ended.has(attempt)) late += 1;
    if (states.includes('"FINISHED"') || states.includes('"FAILED"')) ended.add(attempt);
  }
  return {
    eventsPerAttempt: events.length / attempts.length,
    bytesPerEvent: bytes / events.length,
    lateShare: late / attempts.length,
    shapes,
  };
}

it('a generated stream has the statistics and the shapes of the recording', () => {
  const real = statistics(readRecordedEvents(RECORDING));
  const made = statistics(generatedStream({ seed: 5, jobs: 2, tasksPerJob: 4000, failed: 0, retried: 0 }).posts.flatMap(eventsOfBody));
  expect(made.eventsPerAttempt / real.eventsPerAttempt).toBeCloseTo(1, 1);
  expect(made.bytesPerEvent / real.bytesPerEvent).toBeCloseTo(1, 1);
  expect(made.lateShare / real.lateShare).toBeCloseTo(1, 1);
  // Each shape that is more than a curiosity in one is about as frequent in the other.
  for (const [shape, share] of real.shapes) if (share > 0.01) expect(made.shapes.get(shape) ?? 0, shape).toBeCloseTo(share, 1);
  for (const [shape, share] of made.shapes) if (share > 0.01) expect(real.shapes.get(shape) ?? 0, shape).toBeGreaterThan(0);
});
