import { SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { envelopeBytes, otlpBytes } from '../../src/otlp/index.ts';
import { makeSpan } from '../export/support.ts';
import { propertyRuns } from '../support/sized.ts';

const attributeValue = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
  fc.double(),
  fc.boolean(),
  fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { maxLength: 40 }),
  fc.array(fc.integer(), { maxLength: 10 }),
);
const attributes = fc.dictionary(fc.string({ minLength: 1, maxLength: 30 }), attributeValue, { maxKeys: 12 });
const context = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), traceFlags: TraceFlags.SAMPLED };

const anySpan = fc
  .record({
    name: fc.string({ unit: 'binary', maxLength: 200 }),
    attributes,
    eventNames: fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { maxLength: 10 }),
    eventAttributes: attributes,
    links: fc.array(attributes, { maxLength: 5 }),
    message: fc.option(fc.string({ unit: 'binary', maxLength: 500 }), { nil: undefined }),
    dropped: fc.nat(1_000_000),
    root: fc.boolean(),
  })
  .map((given): ReadableSpan => {
    const { parentSpanContext, ...span } = makeSpan({ number: 7, name: given.name });
    return {
      ...span,
      ...(given.root || parentSpanContext === undefined ? {} : { parentSpanContext }),
      attributes: given.attributes,
      events: given.eventNames.map((name) => ({ name, time: [1_790_000_000, 1], attributes: given.eventAttributes })),
      links: given.links.map((linkAttributes) => ({ context, attributes: linkAttributes })),
      status: given.message === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: given.message },
      droppedAttributesCount: given.dropped,
    };
  });

/**
 * Bytes that the span adds to a request: a request with it twice minus a request with it once.
 * Enclosing lengths may grow by a byte or two.
 */
function measured(span: ReadableSpan): number {
  return requestBytes([span, span, span]) - requestBytes([span, span]);
}

function requestBytes(spans: ReadableSpan[]): number {
  return ProtobufTraceSerializer.serializeRequest(spans)?.length ?? 0;
}

describe('computing the size of a span', () => {
  it('the size of a span equals its share of a real request', () => {
    fc.assert(
      fc.property(anySpan, (span) => {
        const real = measured(span);
        expect(real - otlpBytes(span)).toBeGreaterThanOrEqual(0);
        expect(real - otlpBytes(span)).toBeLessThanOrEqual(2);
      }),
      { numRuns: propertyRuns(100, 500), endOnFailure: true },
    );
  });

  it('the size with the envelope is at least that of a request, and at most 20 bytes more', () => {
    fc.assert(
      fc.property(anySpan, attributes, (span, resourceAttributes) => {
        const whole = { ...span, resource: resourceFromAttributes(resourceAttributes) };
        const real = requestBytes([whole, whole]);
        const estimate = 2 * otlpBytes(whole) + envelopeBytes(whole.resource, whole.instrumentationScope);
        expect(estimate).toBeGreaterThanOrEqual(real);
        expect(estimate - real).toBeLessThanOrEqual(20);
      }),
      { numRuns: propertyRuns(100, 300), endOnFailure: true },
    );
  });
});
