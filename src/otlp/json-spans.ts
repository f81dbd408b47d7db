import { createTraceState, type HrTime, type SpanContext, type SpanStatus, TraceFlags } from '@opentelemetry/api';
import type { InstrumentationScope } from '@opentelemetry/core';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';

/** `SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK` of opentelemetry/proto/trace/v1/trace.proto. */
const IS_REMOTE = 0x200;
const TRACE_FLAGS = 0xff;

type Attributes = Resource['attributes'];
type Parts = Readonly<Record<string, unknown>>;

/**
 * Reads the spans of an OTLP JSON ExportTraceServiceRequest that this program wrote. Exporting them
 * gives the same request. Returns an empty list for anything else. Spans of one ResourceSpans share
 * their Resource.
 * Source: opentelemetry/proto/trace/v1/trace.proto in its JSON form
 */
export function spansOfOtlpJson(request: unknown): readonly ReadableSpan[] {
  return listOf(partsOf(request)['resourceSpans']).flatMap((resourceSpans) => {
    const resource = resourceOf(resourceSpans);
    return listOf(resourceSpans['scopeSpans']).flatMap((scopeSpans) => {
      const scope = scopeOf(scopeSpans);
      return listOf(scopeSpans['spans']).map((span) => spanOf(span, resource, scope));
    });
  });
}

function resourceOf(resourceSpans: Parts): Resource {
  const schemaUrl = optionalText(resourceSpans['schemaUrl']);
  const attributes = attributesOf(partsOf(resourceSpans['resource'])['attributes']);
  return resourceFromAttributes(attributes, schemaUrl === undefined ? {} : { schemaUrl });
}

function scopeOf(scopeSpans: Parts): InstrumentationScope {
  const scope = partsOf(scopeSpans['scope']);
  const version = optionalText(scope['version']);
  const schemaUrl = optionalText(scopeSpans['schemaUrl']);
  return {
    name: textOf(scope['name']),
    ...(version === undefined ? {} : { version }),
    ...(schemaUrl === undefined ? {} : { schemaUrl }),
  };
}

function spanOf(span: Parts, resource: Resource, instrumentationScope: InstrumentationScope): ReadableSpan {
  const flags = numberOf(span['flags']);
  const context = contextOf(span, flags & TRACE_FLAGS);
  const parentSpanId = optionalText(span['parentSpanId']);
  const parent = { ...context, spanId: parentSpanId ?? '', isRemote: (flags & IS_REMOTE) !== 0 };
  const [startNs, endNs] = [nanosecondsOf(span['startTimeUnixNano']), nanosecondsOf(span['endTimeUnixNano'])];
  return {
    name: textOf(span['name']),
    kind: Math.max(0, numberOf(span['kind']) - 1),
    spanContext: () => context,
    ...(parentSpanId === undefined ? {} : { parentSpanContext: parent }),
    startTime: hrTime(startNs),
    endTime: hrTime(endNs),
    duration: hrTime(endNs - startNs),
    status: statusOf(partsOf(span['status'])),
    attributes: attributesOf(span['attributes']),
    links: listOf(span['links']).map((link) => {
      const linkFlags = numberOf(link['flags']);
      return {
        context: { ...contextOf(link, linkFlags & TRACE_FLAGS), isRemote: (linkFlags & IS_REMOTE) !== 0 },
        attributes: attributesOf(link['attributes']),
        droppedAttributesCount: numberOf(link['droppedAttributesCount']),
      };
    }),
    events: listOf(span['events']).map((event) => ({
      name: textOf(event['name']),
      time: hrTime(nanosecondsOf(event['timeUnixNano'])),
      attributes: attributesOf(event['attributes']),
      droppedAttributesCount: numberOf(event['droppedAttributesCount']),
    })),
    ended: true,
    resource,
    instrumentationScope,
    droppedAttributesCount: numberOf(span['droppedAttributesCount']),
    droppedEventsCount: numberOf(span['droppedEventsCount']),
    droppedLinksCount: numberOf(span['droppedLinksCount']),
  };
}

function contextOf(parts: Parts, flags: number): SpanContext {
  const state = optionalText(parts['traceState']);
  return {
    traceId: textOf(parts['traceId']),
    spanId: textOf(parts['spanId']),
    traceFlags: (flags & TraceFlags.SAMPLED) === 0 ? TraceFlags.NONE : TraceFlags.SAMPLED,
    ...(state === undefined ? {} : { traceState: createTraceState(state) }),
  };
}

function statusOf(status: Parts): SpanStatus {
  const message = optionalText(status['message']);
  const code = numberOf(status['code']);
  return message === undefined ? { code } : { code, message };
}

function attributesOf(list: unknown): Attributes {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- AnyValue has no more kinds than these
  return Object.fromEntries(listOf(list).map(({ key, value }) => [textOf(key), valueOf(partsOf(value))])) as Attributes;
}

/** Reads an AnyValue of opentelemetry/proto/common/v1/common.proto. An int64 may be a string. */
function valueOf(value: Parts): unknown {
  if ('stringValue' in value) return value['stringValue'];
  if ('boolValue' in value) return value['boolValue'];
  if ('intValue' in value) return Number(value['intValue']);
  if ('doubleValue' in value) return value['doubleValue'];
  if ('bytesValue' in value) return new Uint8Array(Buffer.from(textOf(value['bytesValue']), 'base64'));
  if ('arrayValue' in value) return listOf(partsOf(value['arrayValue'])['values']).map(valueOf);
  if ('kvlistValue' in value) return attributesOf(partsOf(value['kvlistValue'])['values']);
  return undefined;
}

function hrTime(ns: bigint): HrTime {
  return [Number(ns / 1_000_000_000n), Number(ns % 1_000_000_000n)];
}

function nanosecondsOf(value: unknown): bigint {
  return /^\d{1,20}$/.test(String(value)) ? BigInt(String(value)) : 0n;
}

function listOf(value: unknown): readonly Parts[] {
  return Array.isArray(value) ? value.map(partsOf) : [];
}

function partsOf(value: unknown): Parts {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function optionalText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function numberOf(value: unknown): number {
  return Number.isFinite(value) ? Number(value) : 0;
}
