import type { InstrumentationScope } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { EncodedSpan } from './encoded-span.ts';

/**
 * Returns the bytes that a span adds to an OTLP protobuf request. Resource and scope are excluded,
 * because spans share them; see `envelopeBytes`. It walks over the strings without encoding, in a
 * few microseconds.
 * Source: opentelemetry/proto/trace/v1/trace.proto and common/v1/common.proto, as
 * @opentelemetry/otlp-transformer writes them
 */
export function otlpBytes(span: ReadableSpan): number {
  if (span instanceof EncodedSpan) return span.end - span.start;
  const context = span.spanContext();
  let size = SPAN_FIXED;
  if (context.traceState) size += field(utf8(context.traceState.serialize()));
  if (span.parentSpanContext?.spanId) size += 10;
  size += field(utf8(span.name)) + attributesBytes(span.attributes);
  size += varint(span.droppedAttributesCount) + varint(span.droppedEventsCount) + varint(span.droppedLinksCount);
  for (const event of span.events) {
    // time 9, tag and count of dropped attributes
    size += field(10 + varint(event.droppedAttributesCount ?? 0) + field(utf8(event.name)) + attributesBytes(event.attributes));
  }
  for (const link of span.links) {
    // ids 18 + 10, tag and count of dropped attributes, flags 5
    let body = 34 + varint(link.droppedAttributesCount ?? 0) + attributesBytes(link.attributes);
    if (link.context.traceState) body += field(utf8(link.context.traceState.serialize()));
    size += field(body);
  }
  const message = span.status.message;
  size += field(1 + varint(span.status.code) + (message ? field(utf8(message)) : 0));
  return field(size);
}

/** Ids 18 + 10, kind 2, times 9 + 9, three tags of dropped counts, flags 6 (field 16 has a tag of two bytes). */
const SPAN_FIXED = 57;

/** Returns the bytes of a ResourceSpans with one ScopeSpans, without spans. */
export function envelopeBytes(resource: Resource, scope: InstrumentationScope): number {
  const scopeBody = field(utf8(scope.name)) + field(utf8(scope.version ?? '')) + 6;
  const schemas = field(utf8(resource.schemaUrl ?? '')) + field(utf8(scope.schemaUrl ?? ''));
  // The lengths of the two enclosing messages depend on the spans; five bytes hold any length.
  return field(attributesBytes(resource.attributes) + 2) + field(scopeBody) + schemas + 12;
}

/** Bytes of a repeated KeyValue field. */
function attributesBytes(attributes: object | undefined): number {
  let size = 0;
  for (const [key, value] of Object.entries(attributes ?? {})) size += field(field(utf8(key)) + field(anyValueBytes(value)));
  return size;
}

function anyValueBytes(value: unknown): number {
  if (typeof value === 'string') return field(utf8(value));
  if (typeof value === 'boolean') return 2;
  if (typeof value === 'number') return isInt64(value) ? 1 + (value < 0 ? 10 : varint(value)) : 9;
  if (value instanceof Uint8Array) return field(value.length);
  if (Array.isArray(value)) return field(value.reduce((sum: number, item: unknown) => sum + field(anyValueBytes(item)), 0));
  if (typeof value === 'object' && value !== null) return field(attributesBytes(value));
  return 0;
}

function isInt64(value: number): boolean {
  return Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63;
}

/** Bytes of a length-delimited field: tag (field numbers are below 16), length and content. */
function field(contentBytes: number): number {
  return 1 + varint(contentBytes) + contentBytes;
}

function varint(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  if (value < 0x10000000) return 4;
  let bytes = 4;
  for (let rest = value / 0x10000000; rest >= 1; rest /= 128) bytes += 1;
  return bytes;
}

function utf8(text: string): number {
  return Buffer.byteLength(text);
}
