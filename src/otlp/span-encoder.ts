import { SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import { AttributeEncoder } from './attribute-encoder.ts';
import { type Block, ByteWriter } from './byte-writer.ts';
import { EncodedSpan } from './encoded-span.ts';
import {
  type AttributeList,
  type ChildFields,
  EncodedAttributes,
  type EventFields,
  type LinkFields,
  type SiblingFields,
  type SpanFields,
} from './span-fields.ts';
import { EVENT, HAS_IS_REMOTE, IS_REMOTE, LINK, SPAN, SPAN_FLAGS, SPANS, STATUS } from './tags.ts';

/** Expected bytes of a span. Nearly all have 128 to 16,383 bytes, whose length takes two bytes. */
const SPAN_BYTES = 0x80;
const SCRATCH_BYTES = 4096;

/** A trace or parent id that consecutive spans share, with its encoded field. */
interface KnownId {
  readonly digits: string;
  /** Set once the id occurred twice in a row. */
  readonly field: Block | undefined;
}

/**
 * Encodes a span as the field `spans` of a ScopeSpans, with the bytes of
 * @opentelemetry/otlp-transformer. A property test compares them. Spans are encoded when they are
 * made, so their size is known and a request is a copy of spans. In one run of the large recording
 * an attempt span took 1.9 us and a phase span 0.5 us. The library takes 13.4 us and 4.1 us,
 * without creating the plain objects.
 */
export class SpanEncoder {
  readonly #writer = new ByteWriter();
  readonly #scratch = new ByteWriter(SCRATCH_BYTES);
  readonly #spanAttributes = new AttributeEncoder(SPAN.attributes);
  readonly #eventAttributes = new AttributeEncoder(EVENT.attributes);
  readonly #linkAttributes = new AttributeEncoder(LINK.attributes);
  #traceId: KnownId | undefined;
  #parentSpanId: KnownId | undefined;
  #siblings: Siblings | undefined;

  encode(fields: SpanFields): EncodedSpan {
    const writer = this.#writer;
    writer.startPiece();
    writer.byte(SPANS);
    const content = writer.begin(SPAN_BYTES);
    this.#traceId = writeId(writer, SPAN.traceId, fields.traceId, this.#traceId);
    writer.byte(SPAN.spanId);
    writer.hex(fields.spanId);
    writeTraceState(writer, fields.traceState);
    const { parentSpanId } = fields;
    if (parentSpanId !== undefined) this.#parentSpanId = writeId(writer, SPAN.parentSpanId, parentSpanId, this.#parentSpanId);
    writeExtent(writer, fields);
    this.#spanAttributes.write(writer, fields.attributes);
    writer.pair(SPAN.droppedAttributes, 0);
    for (const event of fields.events) this.#event(event);
    writer.byte(SPAN.droppedEvents);
    writer.varint(fields.droppedEventsCount);
    for (const link of fields.links) this.#link(link);
    writer.pair(SPAN.droppedLinks, 0);
    writeStatus(writer, fields.errorMessage);
    writer.pair(SPAN_FLAGS.first, SPAN_FLAGS.second);
    writer.fixed32(TraceFlags.SAMPLED | HAS_IS_REMOTE | (fields.isParentRemote ? IS_REMOTE : 0));
    return this.#finish(content, fields.resource);
  }

  encodeAttributes(list: AttributeList): EncodedAttributes {
    const writer = this.#scratch;
    writer.rewind(0);
    this.#spanAttributes.write(writer, list);
    return new EncodedAttributes(writer.blockSince(0));
  }

  /** Sets the shared fields of the spans that the next calls of `encodeSibling` encode. */
  startSiblings({ resource, traceId, traceState, parentSpanId, attributes }: SiblingFields): void {
    const writer = this.#scratch;
    writer.rewind(0);
    this.#traceId = writeId(writer, SPAN.traceId, traceId, this.#traceId);
    const traceEnd = writer.written;
    writeTraceState(writer, traceState);
    writer.byte(SPAN.parentSpanId);
    writer.hex(parentSpanId);
    const ancestryEnd = writer.written;
    this.#spanAttributes.write(writer, attributes);
    const { view } = writer;
    this.#siblings = {
      resource,
      trace: { view, start: 0, length: traceEnd },
      ancestry: { view, start: traceEnd, length: ancestryEnd - traceEnd },
      attributes: { view, start: ancestryEnd, length: writer.written - ancestryEnd },
    };
  }

  /**
   * Encodes a child of the shared parent; a waiting attempt has four or five. It takes 0.5 us;
   * `encode` takes 0.9 us.
   */
  encodeSibling(fields: ChildFields): EncodedSpan {
    const siblings = this.#siblings;
    if (siblings === undefined) throw new Error('encodeSibling needs a call of startSiblings before');
    const writer = this.#writer;
    writer.startPiece();
    writer.byte(SPANS);
    const content = writer.begin(SPAN_BYTES);
    writer.block(siblings.trace);
    writer.byte(SPAN.spanId);
    writer.hex(fields.spanId);
    writer.block(siblings.ancestry);
    writeExtent(writer, fields);
    writer.block(siblings.attributes);
    this.#spanAttributes.write(writer, fields.attributes);
    writer.block(CHILD_END);
    return this.#finish(content, siblings.resource);
  }

  #finish(content: number, resource: Resource): EncodedSpan {
    const writer = this.#writer;
    writer.end(content, SPAN_BYTES);
    return new EncodedSpan(writer.bytes, writer.start, writer.start + writer.written, resource);
  }

  #event({ name, timeNs, attributes }: EventFields): void {
    const writer = this.#writer;
    writer.byte(SPAN.events);
    const content = writer.begin(name.length);
    writer.byte(EVENT.time);
    writer.fixed64(timeNs);
    writer.byte(EVENT.name);
    writer.text(name);
    if (attributes !== undefined) this.#eventAttributes.write(writer, attributes);
    writer.pair(EVENT.droppedAttributes, 0);
    writer.end(content, name.length);
  }

  #link({ traceId, spanId, traceFlags, isRemote, attributes }: LinkFields): void {
    const writer = this.#writer;
    writer.byte(SPAN.links);
    const content = writer.begin(0);
    // The tags of trace and span id are the same in a link as in a span.
    this.#traceId = writeId(writer, LINK.traceId, traceId, this.#traceId);
    writer.byte(LINK.spanId);
    writer.hex(spanId);
    this.#linkAttributes.write(writer, attributes);
    writer.pair(LINK.droppedAttributes, 0);
    writer.byte(LINK.flags);
    writer.fixed32((traceFlags & 0xff) | HAS_IS_REMOTE | (isRemote ? IS_REMOTE : 0));
    writer.end(content, 0);
  }
}

interface Siblings {
  readonly resource: Resource;
  readonly trace: Block;
  readonly ancestry: Block;
  readonly attributes: Block;
}

const UNSET = blockOf((writer) => {
  writer.pair(SPAN.status, 2);
  writer.pair(STATUS.code, SpanStatusCode.UNSET);
});

/** End of a span without events, links, error and remote parent. */
const CHILD_END = blockOf((writer) => {
  for (const count of [SPAN.droppedAttributes, SPAN.droppedEvents, SPAN.droppedLinks]) writer.pair(count, 0);
  writer.block(UNSET);
  writer.pair(SPAN_FLAGS.first, SPAN_FLAGS.second);
  writer.fixed32(TraceFlags.SAMPLED | HAS_IS_REMOTE);
});

function blockOf(write: (writer: ByteWriter) => void): Block {
  const writer = new ByteWriter(SCRATCH_BYTES);
  write(writer);
  return writer.blockSince(0);
}

/** Writes an id, and returns its cache entry. */
function writeId(writer: ByteWriter, tag: number, digits: string, known: KnownId | undefined): KnownId {
  const isSame = known?.digits === digits;
  if (isSame && known.field !== undefined) {
    writer.block(known.field);
    return known;
  }
  const start = writer.written;
  writer.byte(tag);
  writer.hex(digits);
  return { digits, field: isSame ? writer.blockSince(start) : undefined };
}

function writeTraceState(writer: ByteWriter, traceState: string | undefined): void {
  if (traceState === undefined) return;
  writer.byte(SPAN.traceState);
  writer.text(traceState);
}

function writeExtent(writer: ByteWriter, { name, startNs, endNs }: Pick<SpanFields, 'name' | 'startNs' | 'endNs'>): void {
  writer.byte(SPAN.name);
  writer.text(name);
  // OTLP counts kinds from 1.
  writer.pair(SPAN.kind, SpanKind.INTERNAL + 1);
  writer.byte(SPAN.start);
  writer.fixed64(startNs);
  writer.byte(SPAN.end);
  writer.fixed64(endNs);
}

function writeStatus(writer: ByteWriter, errorMessage: string | undefined): void {
  if (errorMessage === undefined) {
    writer.block(UNSET);
    return;
  }
  writer.byte(SPAN.status);
  const content = writer.begin(errorMessage.length);
  if (errorMessage !== '') {
    writer.byte(STATUS.message);
    writer.text(errorMessage);
  }
  writer.pair(STATUS.code, SpanStatusCode.ERROR);
  writer.end(content, errorMessage.length);
}
