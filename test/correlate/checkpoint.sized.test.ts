import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CorrelateOptions } from '../../src/correlate/index.ts';
import { createCorrelator, type LifecycleCorrelator, throughCheckpoint } from '../support/correlator.ts';
import { decodeEvent, type RayEvent } from '../../src/event/index.ts';
import { createMapping } from '../../src/span/index.ts';
import { recordedEvents, SMALL_RECORDINGS } from '../support/recordings.ts';
import { propertyRuns, sized } from '../support/sized.ts';

// A correlator that is checkpointed and restored at any moment hands out the same as one that never stopped. What it hands out
// does not depend on how often it is asked.

const RUNS = propertyRuns(1, 8);
const RECORDINGS = SMALL_RECORDINGS.filter((_, index) => index % sized(3, 1) === 0);
const HOUR_MS = 3_600_000;

const mapping = createMapping({
  phases: 'auto',
  phaseMinWaitMs: 20,
  runtimeEnv: 'none',
  serviceName: 'ray',
  resourceAttributes: {},
  valueLengthMax: 8192,
});

function make(options: Partial<CorrelateOptions>): LifecycleCorrelator {
  return createCorrelator({ mapping, ...options });
}

function textOf(lifecycle: unknown): string {
  return JSON.stringify(lifecycle, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
}

interface Step {
  readonly pauseMs: number;
  readonly events: number;
  readonly idleMs: number;
  readonly checkpoint: boolean;
}

/** Everything that is handed out until all is closed. */
function run(events: readonly RayEvent[], steps: readonly Step[], options: Partial<CorrelateOptions>, disturbed: boolean): string[] {
  let correlator = make(options);
  const out: string[] = [];
  let nowMs = 1_000_000;
  let next = 0;
  const advance = (toMs: number): void => {
    for (const lifecycle of correlator.advance(toMs)) out.push(textOf(lifecycle));
  };
  for (let index = 0; next < events.length; index += 1) {
    const step = steps[index % steps.length] as Step;
    if (disturbed) advance(nowMs + Math.min(step.idleMs, step.pauseMs));
    nowMs += step.pauseMs + 1;
    advance(nowMs);
    for (const event of events.slice(next, next + step.events)) correlator.apply(event, nowMs);
    next += step.events;
    if (disturbed && step.checkpoint) correlator = throughCheckpoint(correlator, make(options));
  }
  for (const laterMs of [6_000, 30_000, 2 * HOUR_MS, 2 * HOUR_MS + 60_000]) {
    advance(nowMs + laterMs);
    if (disturbed) correlator = throughCheckpoint(correlator, make(options));
  }
  return out;
}

const step = fc.record({
  pauseMs: fc.oneof(fc.nat(500), fc.nat(8_000)),
  events: fc.integer({ min: 1, max: 120 }),
  idleMs: fc.nat(8_000),
  checkpoint: fc.boolean(),
});

describe.each(RECORDINGS)('%s', (name) => {
  const events = recordedEvents(name).flatMap((raw) => {
    const decoded = decodeEvent(raw);
    return decoded.ok ? [decoded.event] : [];
  });

  it.each([
    ['with room for everything', { maxSpansPerTrace: 0, maxBytesPerTrace: 0 }],
    ['with folds', { maxSpansPerTrace: 40 }],
    ['with marks of what is open', { inFlight: 'running' as const, inFlightAfterMs: 2_000, maxSpansPerTrace: 60 }],
    ['with few tombstones', { maxTombstones: 20, maxSpansPerTrace: 40, nesting: 'flat' as const }],
  ])('%s', (_, options) => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        expect(run(events, steps, options, true)).toEqual(run(events, steps, options, false));
      }),
      { numRuns: RUNS },
    );
  });
});

it.each(RECORDINGS)('%s, in any order, with jobs that end long before their tasks are known', (name) => {
  const events = recordedEvents(name).flatMap((raw) => {
    const decoded = decodeEvent(raw);
    return decoded.ok ? [decoded.event] : [];
  });
  const slowly = fc.record({
    pauseMs: fc.nat(20_000),
    events: fc.integer({ min: 1, max: 60 }),
    idleMs: fc.nat(8_000),
    checkpoint: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(slowly, { minLength: 1, maxLength: 12 }),
      fc.shuffledSubarray(events, { minLength: events.length }),
      (steps, shuffled) => {
        expect(run(shuffled, steps, {}, true)).toEqual(run(shuffled, steps, {}, false));
      },
    ),
    { numRuns: Math.ceil(RUNS / 4) },
  );
});

describe('an attempt of a job that ended before, whose caller is not known,', () => {
  const header = { eventId: 'e', session: 'session_1' };
  const [taskId, parentTaskId] = [1, 2].map((number) => `${'0'.repeat(15)}${number}${'f'.repeat(24)}01000000`) as [string, string];
  const ended = [{ state: 'FINISHED', timeNs: 1_800_000_000_000_000_000n }];
  const definition = { attempt: 0, taskType: 'NORMAL_TASK', name: 'f', language: 'PYTHON', requiredResources: {} } as const;

  it.each([false, true])('waits for its events as long as any other, through a restart: %s', (restarts) => {
    let correlator = make({});
    correlator.apply({ ...header, type: 'job_lifecycle', jobId: '01000000', transitions: ended }, 1_000);
    expect(correlator.advance(100_000).map(({ kind }) => kind)).toEqual(['job']);
    correlator.apply({ ...header, ...definition, type: 'task_definition', taskId, parentTaskId }, 100_000);
    if (restarts) correlator = throughCheckpoint(correlator, make({}));
    expect(correlator.advance(104_999)).toEqual([]);
    expect(correlator.advance(105_000)).toMatchObject([{ taskId }]);
    expect(correlator.advance(110_000)).toMatchObject([{ taskId: parentTaskId, placeholder: true }]);
  });
});

describe('a call of an actor that is only known as the caller of a task', () => {
  const header = { eventId: 'e', session: 'session_1' };
  const actorId = `${'0'.repeat(23)}901000000`;
  const callId = `${'0'.repeat(15)}7${actorId}`;
  const taskId = `${'0'.repeat(15)}1${'f'.repeat(24)}01000000`;
  const at = (state: string, seconds: number) => ({ state, timeNs: 1_800_000_000_000_000_000n + BigInt(seconds) * 1_000_000_000n });
  const definition = { attempt: 0, taskType: 'NORMAL_TASK', name: 'f', language: 'PYTHON', requiredResources: {} } as const;

  it.each([false, true])('waits for its events when the actor dies, through a restart: %s', (restarts) => {
    let correlator = make({});
    correlator.apply({ ...header, type: 'actor_lifecycle', actorId, transitions: [at('ALIVE', 1)] }, 1_000);
    correlator.apply({ ...header, ...definition, type: 'task_definition', taskId, parentTaskId: callId }, 1_000);
    correlator.apply({ ...header, type: 'task_lifecycle', taskId, attempt: 0, transitions: [at('RUNNING', 2), at('FINISHED', 3)] }, 1_000);
    expect(correlator.advance(10_000)).toMatchObject([{ taskId, outcome: 'finished' }]);
    if (restarts) correlator = throughCheckpoint(correlator, make({}));
    correlator.apply({ ...header, type: 'actor_lifecycle', actorId, transitions: [at('DEAD', 9)] }, 10_000);
    expect(correlator.advance(20_000)).toMatchObject([{ kind: 'actor' }]);
    correlator.apply(
      { ...header, type: 'task_lifecycle', taskId: callId, attempt: 0, transitions: [at('RUNNING', 1), at('FINISHED', 4)] },
      20_000,
    );
    expect(correlator.advance(30_000)).toMatchObject([{ taskId: callId, outcome: 'finished' }]);
  });
});

it('finds the attempts of a worker that dies after the checkpoint', () => {
  const header = { eventId: 'e', session: 'session_1' };
  const taskId = `${'0'.repeat(15)}1${'f'.repeat(24)}01000000`;
  const workerId = 'ab'.repeat(28);
  const running = [{ state: 'RUNNING', timeNs: 1_800_000_000_000_000_000n }];
  const dead = [{ state: 'DEAD', timeNs: 1_800_000_001_000_000_000n }];
  const before = make({});
  before.apply({ ...header, type: 'task_lifecycle', taskId, attempt: 0, transitions: running, workerId }, 1_000);
  const correlator = throughCheckpoint(before, make({}));
  correlator.apply({ ...header, type: 'worker_lifecycle', workerId, transitions: dead }, 2_000);
  expect(correlator.advance(60_000).map(({ kind, endInferred }) => [kind, endInferred])).toContainEqual(['attempt', 'worker_died']);
});

it('holds of a definition what is set, and no name of what is not', () => {
  const correlator = make({});
  for (const raw of recordedEvents('features-ray-2.49.0.ndjson')) {
    const decoded = decodeEvent(raw);
    if (decoded.ok && decoded.event.type === 'task_definition') correlator.apply(decoded.event, 1_000_000);
  }
  const contents = [...correlator.checkpoint()].flatMap(([kind, , content]) => (kind === 'definition' ? [content as object] : []));
  expect(contents.length).toBeGreaterThan(0);
  for (const content of contents) expect(Object.values(content)).not.toContain(undefined);
});
