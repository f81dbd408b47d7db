import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { envelopeBytes } from '../otlp/index.ts';

/** A span in the pipeline, shared by the lanes of all exporters. */
export interface QueuedSpan {
  readonly span: ReadableSpan;
  /** Its size in OTLP protobuf. */
  readonly bytes: number;
}

/** The longest beginning of `queue` within both bounds; always at least one span. */
export function takeBatch<Item extends QueuedSpan>(queue: readonly Item[], maxSpans: number, maxBytes: number): readonly Item[] {
  let bytes = 0;
  let count = 0;
  const resources = new Set<unknown>();
  let lastResource: unknown;
  for (const item of queue) {
    if (count === maxSpans) break;
    bytes += item.bytes;
    const { resource } = item.span;
    // A resource is sent once for all of its spans in a request.
    if (resource !== lastResource && !resources.has(resource)) bytes += envelopeBytes(resource, item.span.instrumentationScope);
    if (resource !== lastResource) resources.add(resource);
    lastResource = resource;
    if (count > 0 && bytes > maxBytes) break;
    count += 1;
  }
  return queue.slice(0, count);
}

export function totalBytes(items: readonly QueuedSpan[]): number {
  return items.reduce((sum, item) => sum + item.bytes, 0);
}

export type Halves<Item> = readonly [first: readonly Item[], second: readonly Item[]];

/** Two parts of nearly equal count, for looking for a bad span. */
export function halvesByCount<Item>(items: readonly Item[]): Halves<Item> {
  return cutAt(items, Math.ceil(items.length / 2));
}

/** Two parts of nearly equal size, for a request that was too large. */
export function halvesByBytes<Item extends QueuedSpan>(items: readonly Item[]): Halves<Item> {
  const half = totalBytes(items) / 2;
  let bytes = 0;
  const index = items.findIndex((item) => (bytes += item.bytes) > half);
  return cutAt(items, Math.min(Math.max(index, 1), items.length - 1));
}

function cutAt<Item>(items: readonly Item[], index: number): Halves<Item> {
  return [items.slice(0, index), items.slice(index)];
}
