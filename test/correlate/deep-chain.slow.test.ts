import { describe, expect, it } from 'vitest';
import { type ConvertOptions, rayEventsToSpans } from '../../src/convert.ts';
import type { Finished } from '../../src/correlate/index.ts';
import { createCorrelator, type LifecycleCorrelator, throughCheckpoint } from '../support/correlator.ts';
import { decodeEvent, type RayEvent } from '../../src/event/index.ts';
import { otlpJsonLines } from '../../src/export/index.ts';
import { createMapping } from '../../src/span/index.ts';
import { DRIVER, JOB, taskId } from '../support/events.ts';
import { checkTraces } from '../support/oracle.ts';
import { type FlatSpan, readOtlpJsonLines } from '../support/otlp-spans.ts';
import { hexToBase64, type Raw, rawEvent } from '../support/raw-events.ts';
import { Seeded } from '../support/seeded.ts';

// A chain of tasks, each called by the one before, as a polling loop or a recursion makes it. Trace views fail on thousands of
// levels, so beyond a depth of 1,000 a span hangs under its job, with a link to its parent.

const SESSION = 'session_2026-11-25_10-00-00_000001_77';
const START_MS = Date.UTC(2026, 10, 25, 10);
const at = (second: number): string => new Date(START_MS + Math.round(second * 1000)).toISOString();

/** `tail`: each task ends before the next one runs. `recursion`: each waits for the next one. */
function chain(length: number, shape: 'tail' | 'recursion'): Raw[] {
  let count = 0;
  const event = (eventType: string, slot: string, payload: Raw): Raw => {
    count += 1;
    const eventId = hexToBase64(count.toString(16).padStart(56, '0'));
    return rawEvent(eventType, slot, payload, { eventId, timestamp: at(0), sessionName: SESSION });
  };
  const job = (state: string, second: number): Raw =>
    event('DRIVER_JOB_LIFECYCLE_EVENT', 'driverJobLifecycleEvent', {
      jobId: hexToBase64(JOB),
      stateTransitions: [{ state, timestamp: at(second) }],
    });
  const id = (number: number): string => hexToBase64(number === 0 ? DRIVER : taskId(number));
  const tasks = Array.from({ length }, (_, index): Raw[] => {
    const number = index + 1;
    const [start, end] = shape === 'tail' ? [number, number + 0.9] : [number * 0.01, length * 0.02 - number * 0.01 + 1];
    const states = [
      ['SUBMITTED_TO_WORKER', start - 0.001],
      ['RUNNING', start],
      ['FINISHED', end],
    ] as const;
    return [
      event('TASK_DEFINITION_EVENT', 'taskDefinitionEvent', {
        taskId: id(number),
        taskAttempt: 0,
        taskType: 'NORMAL_TASK',
        taskName: 'tick',
        jobId: hexToBase64(JOB),
        parentTaskId: id(index),
      }),
      event('TASK_LIFECYCLE_EVENT', 'taskLifecycleEvent', {
        taskId: id(number),
        taskAttempt: 0,
        stateTransitions: states.map(([state, second]) => ({ state, timestamp: at(second) })),
      }),
    ];
  });
  return [job('CREATED', 0), ...tasks.flat(), job('FINISHED', 2 * length)];
}

function convert(events: readonly Raw[], options: ConvertOptions = {}): string {
  return [...otlpJsonLines(rayEventsToSpans(events, options).spans)].join('');
}

function depthOf(spans: readonly FlatSpan[]): number {
  const parents = new Map(spans.map(({ spanId, parentSpanId }) => [spanId, parentSpanId]));
  const depths = new Map<string, number>([['', -1]]);
  for (const { spanId } of spans) {
    const path: string[] = [];
    let id = spanId;
    for (; !depths.has(id); id = parents.get(id) ?? '') path.push(id);
    let depth = depths.get(id) ?? 0;
    for (const each of path.reverse()) depths.set(each, (depth += 1));
  }
  return Math.max(...depths.values());
}

describe.each(['tail', 'recursion'] as const)('a chain of calls (%s)', (shape) => {
  it('is no deeper than 1,000 spans below its job, and deeper tasks link to their parents', () => {
    const events = chain(1_200, shape);
    const spans = readOtlpJsonLines(convert(events, { phases: 'none' }));
    expect(spans).toHaveLength(1_201);
    expect(depthOf(spans)).toBe(1_000);
    expect(spans.filter((span) => span.attributes['ray.parent_too_deep'] === true)).toHaveLength(200);
    expect(checkTraces(events, spans)).toEqual([]);
  });

  it.each([
    ['with room for all of it', {}],
    ['with a budget', { maxSpansPerTrace: 40 }],
    ['nested flat', { nesting: 'flat' }],
  ] as const)('gives the same spans in any order of its events, %s', (_, over) => {
    const events = chain(90, shape);
    const options = { maxDepth: 20, ...over };
    const expected = convert(events, options);
    const spans = readOtlpJsonLines(expected);
    expect(depthOf(spans)).toBeLessThanOrEqual(22);
    expect(checkTraces(events, spans, options)).toEqual([]);
    expect(convert(events.toReversed(), options)).toBe(expected);
    const random = new Seeded(1);
    for (let round = 0; round < 10; round += 1) {
      expect(
        convert(
          events.toSorted(() => (random.chance(0.5) ? 1 : -1)),
          options,
        ),
      ).toBe(expected);
    }
  });

  it('is the same when it is sent piece by piece, also after restarts', () => {
    const decoded = chain(90, shape).flatMap((raw) => {
      const result = decodeEvent(raw);
      return result.ok ? [result.event] : [];
    });
    const whole = play(decoded, false);
    expect(play(decoded, true)).toEqual(whole);
    expect(whole.filter((lifecycle) => lifecycle.kind === 'attempt' && lifecycle.parentTooDeep === true)).toHaveLength(70);
  });
});

const mapping = createMapping({
  phases: 'auto',
  phaseMinWaitMs: 20,
  runtimeEnv: 'none',
  serviceName: 'ray',
  resourceAttributes: {},
  valueLengthMax: 8192,
});

/** Each event at its time, with what is finished until then. */
function play(events: readonly RayEvent[], isRestarted: boolean): Finished[] {
  const options = { mapping, maxDepth: 20 };
  let correlator: LifecycleCorrelator = createCorrelator(options);
  const lifecycles: Finished[] = [];
  for (const [index, event] of events.entries()) {
    lifecycles.push(...correlator.advance(index * 1_000));
    correlator.apply(event, index * 1_000);
    if (isRestarted && index % 17 === 0) correlator = throughCheckpoint(correlator, createCorrelator(options));
  }
  lifecycles.push(...correlator.advance(events.length * 1_000 + 60_000));
  return lifecycles;
}
