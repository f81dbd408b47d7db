import { TraceFlags } from '@opentelemetry/api';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCorrelator } from '../support/correlator.ts';
import { decodeEvent } from '../../src/event/index.ts';
import { otlpBytes, EncodedSpan, encodeRequest, plainSpan, SpanEncoder, type SpanFields } from '../../src/otlp/index.ts';
import { createSpanMapper, type SpanOptions } from '../../src/span/index.ts';
import { recordedEvents, SMALL_RECORDINGS } from '../support/recordings.ts';
import { RESOURCES, sdkSpan, spanFields } from './span-arbitrary.ts';
import { propertyRuns } from '../support/sized.ts';

// Compares the bridge's encoder with the library's: the bytes must be equal, or a backend could see
// a difference.

function library(spans: readonly ReadableSpan[]): Buffer {
  return Buffer.from(ProtobufTraceSerializer.serializeRequest([...spans]) ?? []);
}

/** Hex shows where they differ. Buffers are compared first, because that is faster. */
function expectSameBytes(own: Buffer, theirs: Buffer): void {
  if (!own.equals(theirs)) expect(own.toString('hex')).toBe(theirs.toString('hex'));
}

describe('encoding any span', () => {
  const encodeAll = (all: readonly SpanFields[]): EncodedSpan[] => {
    const encoder = new SpanEncoder();
    return all.map((fields) => encoder.encode(fields));
  };

  it('the request equals that of the library, whatever spans are in it', () => {
    fc.assert(
      fc.property(fc.array(spanFields, { minLength: 1, maxLength: 12 }), fc.nat(3), (all, repeats) => {
        // The second time, shared fields come from the caches.
        const fields = Array.from({ length: repeats + 1 }, () => all).flat();
        expectSameBytes(encodeRequest(encodeAll(fields)), library(fields.map(sdkSpan)));
      }),
      { numRuns: propertyRuns(60, 400) },
    );
  });

  it('the size of a span equals its bytes in a request', () => {
    fc.assert(
      fc.property(spanFields, (fields) => {
        const [span] = encodeAll([fields]);
        expect(span === undefined ? 0 : otlpBytes(span)).toBe(otlpBytes(sdkSpan(fields)));
      }),
      { numRuns: propertyRuns(45, 300) },
    );
  });

  it('a decoded span equals the encoded one', () => {
    fc.assert(
      fc.property(fc.array(spanFields, { minLength: 1, maxLength: 4 }), (all) => {
        for (const [index, span] of encodeAll(all).entries()) {
          const expected = sdkSpan(all[index] as SpanFields);
          // UTF-8 has no lone surrogates, so the expected value is the one on the wire.
          expect(comparable(plainSpan(span))).toEqual(wellFormed(comparable(expected)));
          expect(comparable(span)).toEqual(comparable(span.plain()));
          const { traceId, spanId } = expected.spanContext();
          const fresh = new EncodedSpan(span.bytes, span.start, span.end, span.resource);
          const { traceState, ...ids } = fresh.spanContext();
          expect(ids).toEqual({ traceId, spanId, traceFlags: TraceFlags.SAMPLED });
          expect(traceState?.serialize()).toBe(expected.spanContext().traceState?.serialize());
        }
      }),
      { numRuns: propertyRuns(45, 300) },
    );
  });

  it('siblings are encoded as if each were alone', () => {
    fc.assert(
      fc.property(spanFields, fc.array(spanFields, { minLength: 1, maxLength: 5 }), (common, children) => {
        const encoder = new SpanEncoder();
        const own = { ...common.attributes, keys: common.attributes.keys.map((key) => `shared.${key}`) };
        const parentSpanId = common.parentSpanId ?? common.spanId;
        encoder.encode(common);
        encoder.startSiblings({ ...common, parentSpanId, attributes: own });
        const spans = children.map((child) => encoder.encodeSibling(child));
        const alone = children.map(({ spanId, name, startNs, endNs, attributes }) => ({
          ...common,
          parentSpanId,
          spanId,
          name,
          startNs,
          endNs,
          attributes: {
            count: own.count + attributes.count,
            keys: [...own.keys, ...attributes.keys],
            values: [...own.values, ...attributes.values],
          },
          isParentRemote: false,
          events: [],
          droppedEventsCount: 0,
          links: [],
          errorMessage: undefined,
        }));
        expectSameBytes(encodeRequest(spans), library(alone.map(sdkSpan)));
      }),
      { numRuns: propertyRuns(45, 300) },
    );
  });

  it('shared attributes are encoded as if for each span', () => {
    fc.assert(
      fc.property(spanFields, spanFields, (first, second) => {
        const encoder = new SpanEncoder();
        const own = { ...first.attributes, keys: first.attributes.keys.map((key) => `shared.${key}`) };
        const shared = encoder.encodeAttributes(own);
        encoder.encode(second);
        const { count, keys, values } = second.attributes;
        const spans = [1, 2].map(() =>
          encoder.encode({ ...second, attributes: { count: count + 1, keys: ['', ...keys], values: [shared, ...values] } }),
        );
        const attributes = { count: own.count + count, keys: [...own.keys, ...keys], values: [...own.values, ...values] };
        expectSameBytes(encodeRequest(spans), library([1, 2].map(() => sdkSpan({ ...second, attributes }))));
      }),
      { numRuns: propertyRuns(30, 200) },
    );
  });

  it('a key with many, few, and again many values is encoded as by the library', () => {
    const [template] = fc.sample(spanFields, { numRuns: 1, seed: 7 });
    const value = (index: number): string => (index < 200 ? `one of ${index}` : index < 1200 ? `few ${index % 3}` : `many ${index}`);
    const fields = Array.from({ length: 2000 }, (_, index) => ({
      ...(template as SpanFields),
      attributes: { count: 2, keys: ['varied', 'steady'], values: [value(index), index % 40 === 0 ? `rare ${index}` : 'usual'] },
    }));
    expectSameBytes(encodeRequest(encodeAll(fields)), library(fields.map(sdkSpan)));
  });

  it('spans across memory slabs, and a span larger than a slab, are encoded as by the library', () => {
    const [template] = fc.sample(spanFields, { numRuns: 1, seed: 7 });
    const attributes = (text: string) => ({ count: 1, keys: ['long'], values: [text] });
    const fields = Array.from({ length: 3000 }, (_, index) => ({
      ...(template as SpanFields),
      attributes: attributes('y'.repeat(index === 1500 ? 3_000_000 : 900 + (index % 7))),
      resource: RESOURCES[index % 2] ?? RESOURCES[0],
    })) as SpanFields[];
    const spans = encodeAll(fields);
    expect(new Set(spans.map(({ bytes }) => bytes)).size).toBe(3);
    expectSameBytes(encodeRequest(spans), library(fields.map(sdkSpan)));
  });

  it('more keys than the cache keeps are encoded as by the library', () => {
    const [template] = fc.sample(spanFields, { numRuns: 1, seed: 7 });
    const fields = Array.from({ length: 4 }, () => {
      const keys = Array.from({ length: 1_500 }, (_, index) => `ray.node.label.${index}`);
      return { ...(template as SpanFields), attributes: { count: keys.length, keys, values: keys.map(() => 'same') } };
    });
    expectSameBytes(encodeRequest(encodeAll(fields)), library(fields.map(sdkSpan)));
  });

  it('spans of two encoders at the same offsets make one correct request', () => {
    const [template] = fc.sample(spanFields, { numRuns: 1, seed: 7 });
    const named = (...names: string[]) => names.map((name) => ({ ...template, name })) as SpanFields[];
    const [own, other] = [encodeAll(named('a', 'b')), encodeAll(named('c', 'd'))];
    const mixed = [own[0], other[1], own[1], other[0]] as EncodedSpan[];
    expect(own[0]?.end).toBe(other[1]?.start);
    expectSameBytes(encodeRequest(mixed), library(mixed.map(plainSpan)));
  });

  it('a request without spans is empty', () => {
    expectSameBytes(encodeRequest([]), library([]));
  });
});

const OPTIONS: readonly Partial<SpanOptions>[] = [{}, { phases: 'events' }, { phases: 'spans', runtimeEnv: 'names', valueLengthMax: 20 }];

describe.each(SMALL_RECORDINGS)('%s', (name) => {
  const events = recordedEvents(name);

  it.each(OPTIONS)('the request equals that of the library byte for byte, with %o', (options) => {
    const spans = spansOf(events, options);
    expect(spans.length).toBeGreaterThan(10);
    expect(spans.every((span) => span instanceof EncodedSpan)).toBe(true);
    const plain = spans.map(plainSpan);
    expectSameBytes(encodeRequest(spans), library(plain));
    for (const [index, span] of spans.entries()) expectSameBytes(encodeRequest([span]), library(plain.slice(index, index + 1)));
    const everyThird = (all: readonly ReadableSpan[]) => all.filter((_, index) => index % 3 === 0).reverse();
    expectSameBytes(encodeRequest(everyThird(spans) as EncodedSpan[]), library(everyThird(plain)));
  });
});

function spansOf(events: readonly unknown[], options: Partial<SpanOptions>): EncodedSpan[] {
  const correlator = createCorrelator();
  for (const raw of events) {
    const decoded = decodeEvent(raw);
    if (decoded.ok) correlator.apply(decoded.event, 0);
  }
  const spansOfOne = createSpanMapper(options);
  return [...correlator.closeAll(0)].flatMap((lifecycle) => spansOfOne(lifecycle)) as EncodedSpan[];
}

/** All fields in one object; the trace state as text. */
function comparable(span: ReadableSpan): object {
  const { name, kind, startTime, endTime, duration, status, attributes, events, links, ended, resource, instrumentationScope } = span;
  const counts = [span.droppedAttributesCount, span.droppedEventsCount, span.droppedLinksCount];
  const contexts = [span.spanContext(), span.parentSpanContext].map((context) => ({
    ...context,
    traceState: context?.traceState?.serialize(),
  }));
  const fields = { name, kind, startTime, endTime, duration, status, attributes, events, links, ended, counts, contexts };
  return { ...fields, resource: resource.attributes, instrumentationScope };
}

/**
 * The same with lone surrogates replaced as in UTF-8, and without values that OTLP cannot
 * represent: a null in an array, and -0.
 */
function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Object.is(value, -0)) return 0;
  if (value === null) return undefined;
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key.toWellFormed(), wellFormed(entry)]));
}
