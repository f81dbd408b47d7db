import fc from 'fast-check';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import { type CheckpointRecord, type CorrelateOptions, type Correlator, createCorrelator } from '../../src/correlate/index.ts';
import { decodeEvent, type RayEvent } from '../../src/event/index.ts';
import { EncodedSpan } from '../../src/otlp/index.ts';
import { createMapping } from '../../src/span/index.ts';
import { CASES, recordedEvents, SMALL_RECORDINGS } from '../support/recordings.ts';

// What an exporter has is one number: that of the next span it needs. This is right only if span
// number n is the same span, to the byte, in every process that replays the entries.

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 3);
const HOUR_MS = 3_600_000;
const START_MS = 1_795_800_000_000;

interface Batch {
  readonly receivedAtMs: number;
  readonly events: readonly RayEvent[];
}

interface Checkpoint {
  /** Batches before it. */
  readonly cursor: number;
  /** Spans before it. */
  readonly spans: number;
  /** Copies: the process changes its state afterwards. */
  readonly records: readonly CheckpointRecord[];
}

interface Plan {
  /** Batches at which the process advances to the present before it reads them, as a drained pump does. */
  readonly drainedAt: ReadonlySet<number>;
  /** Batches before which a checkpoint is saved. */
  readonly savedAt: ReadonlySet<number>;
  /** Batches that are read before the process ends. */
  readonly endsAfter: number;
}

function make(options: Partial<CorrelateOptions>): Correlator<ReadableSpan> {
  return createCorrelator({ mapping: createMapping({ phases: 'auto' }), ...options });
}

function textOf(span: ReadableSpan): string {
  if (!(span instanceof EncodedSpan)) throw new Error('the mapping encodes its spans');
  return span.bytes.toString('latin1', span.start, span.end);
}

/** One process: from a checkpoint, or from nothing, to its end. Returns its spans with their numbers. */
function runProcess(
  batches: readonly Batch[],
  options: Partial<CorrelateOptions>,
  from: Checkpoint,
  { drainedAt, savedAt, endsAfter }: Plan,
): { readonly spans: readonly string[]; readonly saved: readonly Checkpoint[] } {
  const correlator = make(options);
  for (const record of from.records) correlator.restore(record);
  const spans: string[] = [];
  const saved: Checkpoint[] = [];
  const advance = (ms: number): void => {
    while (correlator.hasDue(ms)) for (const output of correlator.advance(ms, 1)) spans.push(...(output.spans ?? []).map(textOf));
  };
  for (let index = from.cursor; index < endsAfter; index += 1) {
    const { receivedAtMs, events } = batches[index] ?? { receivedAtMs: 0, events: [] };
    const previousMs = batches[index - 1]?.receivedAtMs ?? 0;
    if (drainedAt.has(index)) advance(previousMs + Math.floor((receivedAtMs - previousMs) / 2));
    if (savedAt.has(index))
      saved.push({ cursor: index, spans: from.spans + spans.length, records: structuredClone([...correlator.checkpoint()]) });
    for (const event of events) {
      advance(receivedAtMs);
      correlator.apply(event, receivedAtMs, receivedAtMs);
    }
  }
  return { spans, saved };
}

const NOTHING: Checkpoint = { cursor: 0, spans: 0, records: [] };

describe.each([...SMALL_RECORDINGS, ...CASES])('%s', (name) => {
  const events = recordedEvents(name).flatMap((raw) => {
    const decoded = decodeEvent(raw);
    return decoded.ok ? [decoded.event] : [];
  });

  function batchesOf(sizes: readonly { readonly events: number; readonly pauseMs: number }[]): Batch[] {
    const batches: Batch[] = [];
    let [next, receivedAtMs] = [0, START_MS];
    for (let index = 0; next < events.length; index += 1) {
      const size = sizes[index % sizes.length] ?? { events: 1, pauseMs: 0 };
      receivedAtMs += size.pauseMs + 1;
      batches.push({ receivedAtMs, events: events.slice(next, next + size.events) });
      next += size.events;
    }
    // Later batches close everything.
    const last = events.at(-1);
    for (const laterMs of [6_000, 30_000, 2 * HOUR_MS, 3 * HOUR_MS])
      batches.push({ receivedAtMs: receivedAtMs + laterMs, events: last === undefined ? [] : [last] });
    return batches;
  }

  it.each([
    ['', {}],
    [' with a small budget and in-flight spans', { maxSpansPerTrace: 40, inFlight: 'running' as const, inFlightAfterMs: 2_000 }],
  ])('every restart from a checkpoint repeats the sequence of spans%s', (_, options) => {
    const sizes = fc.array(fc.record({ events: fc.integer({ min: 1, max: 120 }), pauseMs: fc.oneof(fc.nat(500), fc.nat(8_000)) }), {
      minLength: 1,
      maxLength: 12,
    });
    const points = fc.array(fc.nat(1_000), { maxLength: 8 });
    fc.assert(
      fc.property(sizes, points, points, points, (steps, drained, saved, ends) => {
        const batches = batchesOf(steps);
        const at = (numbers: readonly number[]): ReadonlySet<number> => new Set(numbers.map((number) => number % batches.length));
        const whole = runProcess(batches, options, NOTHING, { drainedAt: new Set(), savedAt: new Set(), endsAfter: batches.length }).spans;
        let checkpoint = NOTHING;
        for (const [index, end] of [...ends, batches.length].entries()) {
          // Another process is drained and saves at other moments.
          const plan = {
            drainedAt: at(drained.map((number) => number + index)),
            savedAt: at(saved.map((number) => number * (index + 1))),
            endsAfter: Math.max(checkpoint.cursor, index === ends.length ? batches.length : end % (batches.length + 1)),
          };
          const found = runProcess(batches, options, checkpoint, plan);
          expect(found.spans).toEqual(whole.slice(checkpoint.spans, checkpoint.spans + found.spans.length));
          if (index === ends.length) expect(checkpoint.spans + found.spans.length).toBe(whole.length);
          checkpoint = found.saved.at(-1) ?? checkpoint;
        }
      }),
      { numRuns: RUNS },
    );
  });
});
