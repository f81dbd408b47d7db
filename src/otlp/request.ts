import type { Resource } from '@opentelemetry/resources';
import { AttributeEncoder } from './attribute-encoder.ts';
import { ByteWriter, putVarint, varintBytes } from './byte-writer.ts';
import type { EncodedSpan } from './encoded-span.ts';
import { INSTRUMENTATION_SCOPE } from './scope.ts';
import { RESOURCE, RESOURCE_SPANS, SCOPE, SCOPE_SPANS } from './tags.ts';

const RESOURCE_BYTES = 1024;

/**
 * Encodes an ExportTraceServiceRequest. Spans are grouped by resource, in the order of first use.
 */
export function encodeRequest(spans: readonly EncodedSpan[]): Buffer {
  const groups = groupsOf(spans);
  const request = Buffer.allocUnsafeSlow(groups.reduce((sum, group) => sum + field(group.resourceSpansBytes), 0));
  let at = 0;
  for (const group of groups) {
    at = putHead(request, at, RESOURCE_SPANS, group.resourceSpansBytes);
    at += group.resource.copy(request, at);
    at = putHead(request, at, SCOPE_SPANS, group.scopeSpansBytes);
    at += SCOPE_FIELD.copy(request, at);
    at = putSpans(request, at, group.spans);
  }
  return request;
}

interface Group {
  readonly spans: readonly EncodedSpan[];
  readonly resource: Buffer;
  readonly scopeSpansBytes: number;
  readonly resourceSpansBytes: number;
}

function groupsOf(spans: readonly EncodedSpan[]): Group[] {
  const byResource = new Map<Resource, EncodedSpan[]>();
  let last: { readonly resource: Resource; readonly spans: EncodedSpan[] } | undefined;
  for (const span of spans) {
    if (last?.resource !== span.resource) {
      const known = byResource.get(span.resource) ?? [];
      byResource.set(span.resource, known);
      last = { resource: span.resource, spans: known };
    }
    last.spans.push(span);
  }
  return [...byResource].map(([resource, spansOfIt]) => groupOf(resource, spansOfIt));
}

function groupOf(resource: Resource, spans: readonly EncodedSpan[]): Group {
  let scopeSpansBytes = SCOPE_FIELD.length;
  for (const { start, end } of spans) scopeSpansBytes += end - start;
  const bytes = resourceField(resource);
  return { spans, resource: bytes, scopeSpansBytes, resourceSpansBytes: bytes.length + field(scopeSpansBytes) };
}

/** Copies spans. Those that are adjacent in memory are copied together. */
function putSpans(request: Buffer, start: number, spans: readonly EncodedSpan[]): number {
  let at = start;
  let index = 0;
  while (index < spans.length) {
    const first = spans[index];
    if (first === undefined) break;
    let { end } = first;
    for (index += 1; index < spans.length; index += 1) {
      const next = spans[index];
      if (next === undefined || next.bytes !== first.bytes || next.start !== end) break;
      ({ end } = next);
    }
    at += first.bytes.copy(request, at, first.start, end);
  }
  return at;
}

function putHead(bytes: Buffer, at: number, tag: number, length: number): number {
  bytes[at] = tag;
  return putVarint(bytes, at + 1, length);
}

function field(contentBytes: number): number {
  return 1 + varintBytes(contentBytes) + contentBytes;
}

const SCOPE_FIELD = (() => {
  const writer = new ByteWriter(RESOURCE_BYTES);
  writer.byte(SCOPE.scope);
  const content = writer.begin(0);
  writer.byte(SCOPE.name);
  writer.text(INSTRUMENTATION_SCOPE.name);
  writer.end(content, 0);
  return bytesOf(writer);
})();

function bytesOf({ bytes, start, written }: ByteWriter): Buffer {
  return bytes.subarray(start, start + written);
}

const RESOURCE_FIELDS = new WeakMap<Resource, Buffer>();

/** Sets the encoded form of a resource that was decoded from it, tag and length included. */
export function setResourceField(resource: Resource, encoded: Buffer): void {
  RESOURCE_FIELDS.set(resource, encoded);
}

/** Returns the encoded resource, cached because the spans of a node share it. */
function resourceField(resource: Resource): Buffer {
  let bytes = RESOURCE_FIELDS.get(resource);
  if (bytes === undefined) {
    const { attributes } = resource;
    const writer = new ByteWriter(RESOURCE_BYTES);
    writer.byte(RESOURCE.resource);
    const content = writer.begin(RESOURCE_BYTES);
    const keys = Object.keys(attributes);
    new AttributeEncoder(RESOURCE.attributes).write(writer, { count: keys.length, keys, values: Object.values(attributes) });
    writer.pair(RESOURCE.droppedAttributes, 0);
    writer.end(content, RESOURCE_BYTES);
    bytes = bytesOf(writer);
    RESOURCE_FIELDS.set(resource, bytes);
  }
  return bytes;
}
