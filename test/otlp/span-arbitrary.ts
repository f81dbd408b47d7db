import { type Attributes, type AttributeValue, createTraceState, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import fc from 'fast-check';
import { type AttributeList, EncodedAttributes, INSTRUMENTATION_SCOPE, type SpanFields } from '../../src/otlp/index.ts';

// Random spans, as the mapping may make them from hostile events, and the equivalent spans of the
// SDK.

/**
 * Texts around the lengths where the length prefix grows by a byte. Characters have one to four
 * bytes, or are lone surrogates.
 */
const longText = fc
  .tuple(
    fc.constantFrom(0, 23, 24, 25, 43, 63, 120, 126, 127, 128, 200, 5_461, 8_192, 16_383, 17_000),
    fc.constantFrom('x', 'é', '€', '😀', '\ud800'),
  )
  .map(([length, character]) => character.repeat(length));
const text = fc.oneof(
  { weight: 5, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  { weight: 3, arbitrary: fc.string({ maxLength: 130 }) },
  { weight: 1, arbitrary: longText },
);
const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(
    0,
    -0,
    127,
    128,
    2 ** 28 - 1,
    2 ** 28,
    2 ** 32,
    2 ** 53,
    2 ** 63,
    -(2 ** 63),
    1e300,
    Number.NaN,
    Number.NEGATIVE_INFINITY,
  ),
);
const value = fc.oneof(
  text,
  number,
  fc.boolean(),
  fc.array(text, { maxLength: 5 }),
  fc.constant<string[]>([]),
  fc.array(fc.oneof(number, fc.constant(null)), { maxLength: 40 }),
  // Repeated values take another path in the encoder.
  fc.constantFrom('NORMAL_TASK', 'PYTHON', 'x'.repeat(300), 0, true),
);
/** An integer key would come first in an object; the bridge has no such key. */
const key = fc.oneof(
  fc.constantFrom('ray.job_id', 'ray.task.type', 'ray.language'),
  fc.string({ unit: 'binary', maxLength: 140 }).map((name) => `k.${name}`),
);
const attributes = fc.uniqueArray(fc.tuple(key, value), { maxLength: 8, selector: ([name]) => name }).map(listOf);

function listOf(entries: readonly (readonly [string, AttributeList['values'][number]])[]): AttributeList {
  return { count: entries.length, keys: entries.map(([name]) => name), values: entries.map(([, entry]) => entry) };
}

const hex = (bytes: number) => fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((id) => Buffer.from(id).toString('hex'));
const traceId = fc.oneof(fc.constant('0af7651916cd43dd8448eb211c80319c'), hex(16));
const spanId = fc.oneof(fc.constant('b7ad6b7169203331'), hex(8));
const timeNs = fc.bigInt({ min: 0n, max: 7_258_118_400_000_000_000n });
export const RESOURCES = [{ 'service.name': 'ray' }, { 'service.name': 'ærø', n: 3, list: ['a', 'b'], on: true }, {}].map((of) =>
  resourceFromAttributes(of),
);

const link = fc.record({ traceId, spanId, traceFlags: fc.nat(0xff), isRemote: fc.boolean(), attributes });
const event = fc
  .record({ name: text, timeNs, attributes: fc.option(attributes, { nil: undefined }) })
  .map(({ attributes: own, ...rest }) => (own === undefined || own.count === 0 ? rest : { ...rest, attributes: own }));

export const spanFields: fc.Arbitrary<SpanFields> = fc
  .record({
    resource: fc.constantFrom(...RESOURCES),
    traceId,
    spanId,
    traceState: fc.constantFrom(undefined, 'vendor=value', `a=1,b=${'2'.repeat(200)}`),
    parentSpanId: fc.option(spanId, { nil: undefined }),
    isParentRemote: fc.boolean(),
    name: text,
    startNs: timeNs,
    endNs: timeNs,
    attributes,
    events: fc.array(event, { maxLength: 4 }),
    droppedEventsCount: fc.nat(100_000),
    links: fc.array(link, { maxLength: 3 }),
    errorMessage: fc.option(text, { nil: undefined }),
  })
  .map((fields) => ({ ...fields, isParentRemote: fields.isParentRemote && fields.parentSpanId !== undefined }));

/** The span of the SDK with the same fields. */
export function sdkSpan(fields: SpanFields): ReadableSpan {
  const common = {
    traceId: fields.traceId,
    traceFlags: TraceFlags.SAMPLED,
    ...(fields.traceState === undefined ? {} : { traceState: createTraceState(fields.traceState) }),
  };
  const { parentSpanId } = fields;
  return {
    name: fields.name,
    kind: SpanKind.INTERNAL,
    spanContext: () => ({ ...common, spanId: fields.spanId }),
    ...(parentSpanId === undefined ? {} : { parentSpanContext: { ...common, spanId: parentSpanId, isRemote: fields.isParentRemote } }),
    startTime: hrTime(fields.startNs),
    endTime: hrTime(fields.endNs),
    duration: hrTime(fields.endNs - fields.startNs),
    status:
      fields.errorMessage === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: fields.errorMessage },
    attributes: objectOf(fields.attributes),
    events: fields.events.map((one) => ({
      name: one.name,
      time: hrTime(one.timeNs),
      ...(one.attributes === undefined ? {} : { attributes: objectOf(one.attributes) }),
    })),
    links: fields.links.map(({ isRemote, attributes: own, ...context }) => ({
      context: { ...context, ...(isRemote ? { isRemote } : {}) },
      attributes: objectOf(own),
    })),
    ended: true,
    resource: fields.resource,
    instrumentationScope: INSTRUMENTATION_SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: fields.droppedEventsCount,
    droppedLinksCount: 0,
  };
}

function objectOf({ keys, values }: AttributeList): Attributes {
  const entries = keys.map((name, index): [string, AttributeValue | undefined] => {
    const entry = values[index];
    if (entry instanceof EncodedAttributes) throw new Error('the SDK has no such value');
    return [name, entry];
  });
  return Object.fromEntries(entries);
}

function hrTime(ns: bigint): [number, number] {
  return [Number(ns / 1_000_000_000n), Number(ns % 1_000_000_000n)];
}
