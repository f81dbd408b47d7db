import type { Attributes } from '@opentelemetry/api';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { ByteReader } from './byte-reader.ts';
import { readAttribute } from './decode-span.ts';
import { EncodedSpan } from './encoded-span.ts';
import { protobufSerializer } from './protobuf-serializer.ts';
import { setResourceField } from './request.ts';
import { RESOURCE, SCOPE_SPANS, SPANS } from './tags.ts';

/** Maximum restored resources that later spans can share. */
const MAX_RESOURCES = 1_000;

/**
 * Encodes spans as an ExportTraceServiceRequest that keeps their order: only neighbours share the
 * message of their resource.
 */
export function storableSpans(spans: readonly ReadableSpan[]): Buffer {
  return Buffer.concat(runsOf(spans).map((run) => protobufSerializer.serializeRequest(run) ?? Buffer.alloc(0)));
}

function runsOf(spans: readonly ReadableSpan[]): ReadableSpan[][] {
  const runs: ReadableSpan[][] = [];
  let run: ReadableSpan[] = [];
  for (const span of spans) {
    if (run[0]?.resource !== span.resource) runs.push((run = []));
    run.push(span);
  }
  return runs;
}

/** Restores the spans of `storableSpans` in their order, byte for byte. */
export type SpanRestorer = (request: Buffer) => readonly EncodedSpan[];

/** Creates a restorer whose spans share equal resources, so that requests group them. */
export function createSpanRestorer(): SpanRestorer {
  const known = new Map<string, Resource>();
  const resourceOf = (field: Buffer): Resource => {
    const key = field.toString('latin1');
    const resource = known.get(key) ?? decodeResource(field);
    if (known.size >= MAX_RESOURCES) known.clear();
    known.set(key, resource);
    return resource;
  };
  return (request) => {
    const spans: EncodedSpan[] = [];
    const reader = new ByteReader(request, 0, request.length);
    while (!reader.isAtEnd) {
      reader.varint();
      readResourceSpans(request, reader.message(), resourceOf, spans);
    }
    return spans;
  };
}

function readResourceSpans(bytes: Buffer, reader: ByteReader, resourceOf: (field: Buffer) => Resource, spans: EncodedSpan[]): void {
  let resource: Resource | undefined;
  while (!reader.isAtEnd) {
    const start = reader.position;
    const tag = reader.varint();
    const content = reader.message();
    if (tag === RESOURCE.resource) resource = resourceOf(Buffer.from(bytes.subarray(start, reader.position)));
    else if (tag === SCOPE_SPANS && resource !== undefined) readScopeSpans(bytes, content, resource, spans);
  }
}

function readScopeSpans(bytes: Buffer, reader: ByteReader, resource: Resource, spans: EncodedSpan[]): void {
  while (!reader.isAtEnd) {
    const start = reader.position;
    const tag = reader.varint();
    reader.message();
    if (tag === SPANS) spans.push(new EncodedSpan(bytes, start, reader.position, resource));
  }
}

function decodeResource(field: Buffer): Resource {
  const attributes: Attributes = {};
  const outer = new ByteReader(field, 0, field.length);
  outer.varint();
  const reader = outer.message();
  while (!reader.isAtEnd) {
    if (reader.varint() === RESOURCE.attributes) readAttribute(attributes, reader.message());
    else reader.varint();
  }
  const resource = resourceFromAttributes(attributes);
  setResourceField(resource, field);
  return resource;
}
