import { describe, expect, it } from 'vitest';
import { type CorrelateOptions, createCorrelator, type Finished, type Output } from '../../src/correlate/index.ts';
import { decodeEvent, type RayEvent } from '../../src/event/index.ts';
import { createMapping } from '../../src/span/index.ts';
import { recordedEvents, SMALL_RECORDINGS } from '../support/recordings.ts';
import { actorId, definition, jobStates, many, states } from '../support/events.ts';
import { sized } from '../support/sized.ts';

// The correlator maps a finished thing when it knows that the thing is sent, and so once.

const ATTEMPTS = 20_000;
const LATER_MS = 10_000_000;

/** Budgets: the first one, or all of them in the slow suite. */
function someOf<Row>(rows: readonly Row[]): readonly Row[] {
  return sized(rows.slice(0, 1), rows);
}

/** `mapped`: every lifecycle that was mapped, in order. */
function counting(options: Partial<CorrelateOptions> & { readonly isSampled?: boolean }) {
  const mapped: Finished[] = [];
  const real = createMapping({ phases: 'spans' });
  const mapping = {
    ...real,
    isSampled: () => options.isSampled ?? true,
    map: (lifecycle: Finished) => {
      mapped.push(lifecycle);
      return real.map(lifecycle);
    },
  };
  return { mapped, correlator: createCorrelator({ ...options, mapping }) };
}

function job(attempts: number): RayEvent[] {
  return [
    jobStates({ CREATED: 1 }),
    ...many(attempts, (number) => {
      const id = number.toString(16).padStart(16, '0') + actorId(1);
      return [
        definition(id, { name: `work ${number % 7}` }),
        states(id, { PENDING_ARGS_AVAIL: number, RUNNING: number + 1, FINISHED: number + 5 }),
      ];
    }),
  ];
}

function sentSpans(outputs: readonly Output[]): number {
  return outputs.reduce((sum, { spans = [] }) => sum + spans.length, 0);
}

/** Lifecycles that were sent or rolled up into one that was sent, and the mappings that were needed for them. */
function expectMappedOnce(outputs: readonly Output[], mapped: readonly Finished[]): void {
  expect(outputs.length).toBeGreaterThan(100);
  expect(mapped.length).toBeLessThanOrEqual(1.05 * outputs.length);
}

describe('a job of 20,000 attempts', () => {
  it.each(
    someOf([
      ['a budget of 1,000 spans', { maxSpansPerTrace: 1_000 }],
      ['a budget of 200,000 bytes', { maxSpansPerTrace: 0, maxBytesPerTrace: 200_000 }],
      ['the default budget', {}],
      ['no budget', { maxSpansPerTrace: 0, maxBytesPerTrace: 0 }],
    ]),
  )('is mapped as often as spans are sent, with %s', (_, options) => {
    const { correlator, mapped } = counting(options);
    const outputs: Output[] = [];
    for (const [index, event] of job(ATTEMPTS).entries()) {
      correlator.apply(event, index);
      outputs.push(...correlator.advance(index));
    }
    correlator.apply(jobStates({ FINISHED: 50_000 }), 50_000);
    outputs.push(...correlator.advance(LATER_MS));
    expectMappedOnce(outputs, mapped);
    expect(sentSpans(outputs)).toBeGreaterThan(100);
  });

  it.each(
    someOf([
      ['a budget of 1,000 spans', { maxSpansPerTrace: 1_000 }],
      ['the default budget', {}],
      ['no budget', { maxSpansPerTrace: 0, maxBytesPerTrace: 0 }],
    ]),
  )('is mapped as often as spans are sent when all of it ends with the input, with %s', (_, options) => {
    const { correlator, mapped } = counting(options);
    for (const event of job(ATTEMPTS)) correlator.apply(event, 0);
    expectMappedOnce(correlator.closeAll(0), mapped);
  });

  it('is not mapped at all when its trace is not sampled, and counts what it counts otherwise', () => {
    const { correlator, mapped } = counting({ isSampled: false, maxSpansPerTrace: 1_000, inFlight: 'running' });
    for (const event of job(ATTEMPTS)) correlator.apply(event, 0);
    correlator.apply(jobStates({ FINISHED: 50_000 }), 0);
    const outputs = correlator.advance(LATER_MS);
    expect(mapped).toEqual([]);
    expect(outputs.every(({ spans }) => spans === undefined)).toBe(true);
    const found = outputs.find(({ lifecycle }) => lifecycle.kind === 'job');
    expect(found?.lifecycle).toMatchObject({ attemptCount: ATTEMPTS, tasks: { finished: ATTEMPTS } });
  });
});

it.each(sized([4_000], [600, 2_000, 4_000, 8_000]))(
  'a job with %i attempts that all end with it is mapped as often as spans are sent',
  (attempts) => {
    const { correlator, mapped } = counting({});
    for (const event of job(attempts)) correlator.apply(event, 0);
    expectMappedOnce(correlator.closeAll(0), mapped);
  },
);

it.each(sized([4_000], [4_000, 8_000, 20_000]))(
  'a job that ends before its %i attempts is mapped as often as spans are sent, when they do not fit',
  (attempts) => {
    const { correlator, mapped } = counting({});
    for (const event of job(attempts)) if (!('transitions' in event) || event.type !== 'task_lifecycle') correlator.apply(event, 0);
    for (const event of job(attempts)) {
      if (event.type === 'task_lifecycle')
        correlator.apply({ ...event, transitions: event.transitions.filter(({ state }) => state !== 'FINISHED') }, 0);
    }
    correlator.apply(jobStates({ FINISHED: 50_000 }), 0);
    expectMappedOnce(correlator.advance(LATER_MS), mapped);
  },
);

describe('a trace that fits', () => {
  it('is mapped once when all of it ends with the input', () => {
    const { correlator, mapped } = counting({});
    for (const event of job(500)) correlator.apply(event, 0);
    const outputs = correlator.closeAll(0);
    expectMappedOnce(outputs, mapped);
  });
});

describe('the number of spans that a mapping announces', () => {
  it.each(SMALL_RECORDINGS)('is the number of spans that it makes: %s', (name) => {
    const mapping = createMapping();
    const correlator = createCorrelator({ mapping });
    for (const raw of recordedEvents(name)) {
      const decoded = decodeEvent(raw);
      if (decoded.ok) correlator.apply(decoded.event, 0);
    }
    const outputs = correlator.closeAll(0);
    expect(outputs.length).toBeGreaterThan(0);
    for (const { lifecycle, spans = [] } of outputs) expect(mapping.count(lifecycle), lifecycle.kind).toBe(spans.length);
  });
});
