import {
  type Attributes,
  type AttributeValue,
  createTraceState,
  type HrTime,
  type Link,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
} from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan, TimedEvent } from '@opentelemetry/sdk-trace-base';
import { ByteReader } from './byte-reader.ts';
import type { Piece } from './byte-writer.ts';
import { INSTRUMENTATION_SCOPE } from './scope.ts';
import { ANY_VALUE, EVENT, IS_REMOTE, KEY_VALUE, LINK, SPAN, SPAN_FLAGS, STATUS } from './tags.ts';

/** Decodes a span of `SpanEncoder` to a plain object. */
export function decodeSpan(piece: Piece, resource: Resource): ReadableSpan {
  const read = readSpan(bodyOf(piece));
  const { parentSpanId } = read;
  const common = { traceId: read.traceId, traceFlags: TraceFlags.SAMPLED, ...traceState(read.traceState) };
  const context = { ...common, spanId: read.spanId };
  return {
    name: read.name,
    kind: SpanKind.INTERNAL,
    spanContext: () => context,
    ...(parentSpanId === undefined
      ? {}
      : { parentSpanContext: { ...common, spanId: parentSpanId, isRemote: (read.flags & IS_REMOTE) !== 0 } }),
    startTime: hrTime(read.startNs),
    endTime: hrTime(read.endNs),
    duration: hrTime(read.endNs - read.startNs),
    status: read.status,
    attributes: read.attributes,
    links: read.links,
    events: read.events,
    ended: true,
    resource,
    instrumentationScope: INSTRUMENTATION_SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: read.droppedEventsCount,
    droppedLinksCount: 0,
  };
}

/** Decodes only the ids, which come first. */
export function decodeContext(piece: Piece): SpanContext {
  const { bytes } = piece;
  const traceId = traceIdAt(piece);
  const spanId = traceId + TRACE_ID_BYTES + FIELD_HEAD_BYTES;
  const end = spanId + SPAN_ID_BYTES;
  return {
    traceId: bytes.toString('hex', traceId, traceId + TRACE_ID_BYTES),
    spanId: bytes.toString('hex', spanId, end),
    traceFlags: TraceFlags.SAMPLED,
    ...(bytes[end] === SPAN.traceState ? traceState(new ByteReader(bytes, end + 1, piece.end).text()) : {}),
  };
}

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
/** Bytes of the tag and length of an id. */
const FIELD_HEAD_BYTES = 2;

/** Returns the position after the tag and length of the span, and those of the trace id. */
function traceIdAt({ bytes, start }: Piece): number {
  let at = start + 1;
  while ((bytes[at] ?? 0) >= 0x80) at += 1;
  return at + 1 + FIELD_HEAD_BYTES;
}

function bodyOf({ bytes, start, end }: Piece): ByteReader {
  const field = new ByteReader(bytes, start, end);
  field.varint();
  return field.message();
}

function traceState(text: string | undefined): Pick<SpanContext, 'traceState'> {
  return text === undefined ? {} : { traceState: createTraceState(text) };
}

function hrTime(ns: bigint): HrTime {
  return [Number(ns / 1_000_000_000n), Number(ns % 1_000_000_000n)];
}

interface ReadSpan {
  traceId: string;
  spanId: string;
  traceState: string | undefined;
  parentSpanId: string | undefined;
  name: string;
  startNs: bigint;
  endNs: bigint;
  readonly attributes: Attributes;
  readonly events: TimedEvent[];
  droppedEventsCount: number;
  readonly links: Link[];
  status: ReadableSpan['status'];
  flags: number;
}

const FLAGS_TAG = (SPAN_FLAGS.first & 0x7f) | (SPAN_FLAGS.second << 7);

function readSpan(reader: ByteReader): ReadSpan {
  const span: ReadSpan = {
    traceId: '',
    spanId: '',
    traceState: undefined,
    parentSpanId: undefined,
    name: '',
    startNs: 0n,
    endNs: 0n,
    attributes: {},
    events: [],
    droppedEventsCount: 0,
    links: [],
    status: { code: SpanStatusCode.UNSET },
    flags: 0,
  };
  while (!reader.isAtEnd) readSpanField(span, reader, reader.varint());
  return span;
}

function readSpanField(span: ReadSpan, reader: ByteReader, tag: number): void {
  if (tag === SPAN.traceId) span.traceId = reader.hex();
  else if (tag === SPAN.spanId) span.spanId = reader.hex();
  else if (tag === SPAN.traceState) span.traceState = reader.text();
  else if (tag === SPAN.parentSpanId) span.parentSpanId = reader.hex();
  else if (tag === SPAN.name) span.name = reader.text();
  else if (tag === SPAN.start) span.startNs = reader.fixed64();
  else if (tag === SPAN.end) span.endNs = reader.fixed64();
  else if (tag === SPAN.attributes) readAttribute(span.attributes, reader.message());
  else if (tag === SPAN.events) span.events.push(readEvent(reader.message()));
  else if (tag === SPAN.droppedEvents) span.droppedEventsCount = reader.varint();
  else if (tag === SPAN.links) span.links.push(readLink(reader.message()));
  else if (tag === SPAN.status) span.status = readStatus(reader.message());
  else if (tag === FLAGS_TAG) span.flags = reader.fixed32();
  // Kind and the other counts are constant.
  else reader.varint();
}

function readEvent(reader: ByteReader): TimedEvent {
  const event = { name: '', time: hrTime(0n) };
  const attributes: Attributes = {};
  let has = false;
  while (!reader.isAtEnd) {
    const tag = reader.varint();
    if (tag === EVENT.time) event.time = hrTime(reader.fixed64());
    else if (tag === EVENT.name) event.name = reader.text();
    else if (tag === EVENT.attributes) {
      readAttribute(attributes, reader.message());
      has = true;
    } else reader.varint();
  }
  return has ? { ...event, attributes } : event;
}

function readLink(reader: ByteReader): Link {
  const ids = { traceId: '', spanId: '' };
  const attributes: Attributes = {};
  let flags = 0;
  while (!reader.isAtEnd) {
    const tag = reader.varint();
    if (tag === LINK.traceId) ids.traceId = reader.hex();
    else if (tag === LINK.spanId) ids.spanId = reader.hex();
    else if (tag === LINK.attributes) readAttribute(attributes, reader.message());
    else if (tag === LINK.flags) flags = reader.fixed32();
    else reader.varint();
  }
  return { context: { ...ids, traceFlags: flags & 0xff, ...((flags & IS_REMOTE) === 0 ? {} : { isRemote: true }) }, attributes };
}

function readStatus(reader: ByteReader): ReadableSpan['status'] {
  let message: string | undefined;
  let code = SpanStatusCode.UNSET;
  while (!reader.isAtEnd) {
    const tag = reader.varint();
    if (tag === STATUS.message) message = reader.text();
    else code = reader.varint();
  }
  if (code !== SpanStatusCode.ERROR) return { code };
  return { code, message: message ?? '' };
}

/** Reads a KeyValue into `attributes`. */
export function readAttribute(attributes: Attributes, reader: ByteReader): void {
  let key = '';
  while (!reader.isAtEnd) {
    if (reader.varint() === KEY_VALUE.key) key = reader.text();
    else attributes[key] = readValue(reader.message());
  }
}

function readValue(reader: ByteReader): AttributeValue | undefined {
  if (reader.isAtEnd) return undefined;
  switch (reader.varint()) {
    case ANY_VALUE.string:
      return reader.text();
    case ANY_VALUE.bool:
      return reader.varint() === 1;
    case ANY_VALUE.int:
      return reader.varint();
    case ANY_VALUE.double:
      return reader.double();
    default:
      return readItems(reader.message());
  }
}

function readItems(reader: ByteReader): AttributeValue {
  const items: unknown[] = [];
  while (!reader.isAtEnd) {
    reader.varint();
    items.push(readValue(reader.message()));
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the items were encoded from such a list
  return items as string[];
}
