import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createTraceState, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import { rayEventsToSpans } from '../../src/convert.ts';
import { otlpJsonLines } from '../../src/export/index.ts';
import { spansOfOtlpJson } from '../../src/otlp/index.ts';
import { repositoryRoot } from '../repository/source-tree.ts';
import { readRecordedEvents } from '../support/posts.ts';

const recordings = join(repositoryRoot, 'test/fixtures/recordings');
const requestOf = (spans: readonly ReadableSpan[]): string => [...otlpJsonLines(spans, spans.length)].join('');

/** A span with every field of OTLP. */
const richSpan: ReadableSpan = {
  name: 'rich',
  kind: SpanKind.CLIENT,
  spanContext: () => ({
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    traceFlags: TraceFlags.SAMPLED,
    traceState: createTraceState('a=1,b=2'),
  }),
  parentSpanContext: { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: '00f067aa0ba902b7', traceFlags: 1, isRemote: true },
  startTime: [1_795_472_400, 999_999_999],
  endTime: [1_795_472_401, 1],
  duration: [0, 2],
  status: { code: SpanStatusCode.ERROR, message: 'no' },
  // OTLP has more kinds of values than the type of an attribute.
  attributes: {
    text: '',
    yes: false,
    int: -3,
    double: 0.25,
    list: ['a', 'b'],
    bytes: new Uint8Array([0, 255]),
    map: { a: { b: 1 } },
  } as never,
  links: [
    {
      context: { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', traceFlags: 0, isRemote: true },
      attributes: { a: 1 },
      droppedAttributesCount: 2,
    },
  ],
  events: [{ name: 'event', time: [1_795_472_400, 5], attributes: { b: [true] }, droppedAttributesCount: 1 }],
  ended: true,
  resource: resourceFromAttributes({ 'service.name': 'ray' }, { schemaUrl: 'https://example.com/schema' }),
  instrumentationScope: { name: 'scope', version: '1.2', schemaUrl: 'https://example.com/scope' },
  droppedAttributesCount: 3,
  droppedEventsCount: 4,
  droppedLinksCount: 5,
};

describe('reading spans from OTLP JSON', () => {
  it.each(readdirSync(recordings).filter((name) => !name.startsWith('load')))(
    'the spans of %s, read from JSON, make the same request again',
    (name) => {
      const { spans } = rayEventsToSpans(readRecordedEvents(join(recordings, name)));
      expect(spans.length).toBeGreaterThan(10);
      const request = requestOf(spans);
      expect(requestOf(spansOfOtlpJson(JSON.parse(request)))).toBe(request);
    },
  );

  it('a span read from JSON keeps every field', () => {
    const request = requestOf([richSpan]);
    const [span] = spansOfOtlpJson(JSON.parse(request));
    expect(requestOf([span ?? richSpan])).toBe(request);
    expect(span).toMatchObject({
      attributes: richSpan.attributes,
      parentSpanContext: { isRemote: true },
      duration: [0, 2],
      resource: { schemaUrl: 'https://example.com/schema' },
    });
  });

  it.each([undefined, null, 7, 'text', [], {}, { resourceSpans: 1 }, { resourceSpans: [null, { scopeSpans: [{ spans: 'x' }] }] }])(
    'the value %j contains no spans',
    (request) => {
      expect(spansOfOtlpJson(request)).toEqual([]);
    },
  );

  it('an invalid span is read with defaults', () => {
    const [span] = spansOfOtlpJson({ resourceSpans: [{ scopeSpans: [{ spans: [{ startTimeUnixNano: 'x', attributes: [null] }] }] }] });
    expect(span).toMatchObject({ name: '', startTime: [0, 0], kind: 0 });
  });
});
