import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { createMeasure } from '../../src/convert.ts';
import { type CheckpointRecord, type Correlator, type CorrelateOptions, createCorrelator } from '../../src/correlate/index.ts';
import { decodeEvent, type RayEvent } from '../../src/event/index.ts';
import { createSpanMapper } from '../../src/span/index.ts';
import { recordedEvents, SMALL_RECORDINGS } from '../support/recordings.ts';

// A correlator that is written down at any moment, read back and goes on is told apart from one that never stopped by nothing
// that it hands out; and what it hands out does not depend on how often it is asked.

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 8);
const HOUR_MS = 3_600_000;

const measure = createMeasure(
  createSpanMapper({
    phases: 'auto',
    phaseMinWaitMs: 20,
    runtimeEnv: 'none',
    serviceName: 'ray',
    resourceAttributes: {},
    valueLengthMax: 8192,
  }),
);
const packr = new Packr();

function make(options: Partial<CorrelateOptions>): Correlator {
  return createCorrelator({ measure, ...options });
}

function throughCheckpoint(correlator: Correlator, options: Partial<CorrelateOptions>): Correlator {
  const restored = make(options);
  for (const record of correlator.checkpoint()) restored.restore(packr.unpack(packr.pack(record)) as CheckpointRecord);
  return restored;
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
    if (disturbed && step.checkpoint) correlator = throughCheckpoint(correlator, options);
  }
  for (const laterMs of [6_000, 30_000, 2 * HOUR_MS, 2 * HOUR_MS + 60_000]) {
    advance(nowMs + laterMs);
    if (disturbed) correlator = throughCheckpoint(correlator, options);
  }
  return out;
}

const step = fc.record({
  pauseMs: fc.oneof(fc.nat(500), fc.nat(8_000)),
  events: fc.integer({ min: 1, max: 120 }),
  idleMs: fc.nat(8_000),
  checkpoint: fc.boolean(),
});

describe.each(SMALL_RECORDINGS)('%s', (name) => {
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

it('finds the attempts of a worker that dies after the checkpoint', () => {
  const header = { eventId: 'e', session: 'session_1' };
  const taskId = `${'0'.repeat(15)}1${'f'.repeat(24)}01000000`;
  const workerId = 'ab'.repeat(28);
  const running = [{ state: 'RUNNING', timeNs: 1_800_000_000_000_000_000n }];
  const dead = [{ state: 'DEAD', timeNs: 1_800_000_001_000_000_000n }];
  const before = make({});
  before.apply({ ...header, type: 'task_lifecycle', taskId, attempt: 0, transitions: running, workerId }, 1_000);
  const correlator = throughCheckpoint(before, {});
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
