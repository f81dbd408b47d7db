import type { AttributeValue } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { Block } from './byte-writer.ts';

/** Attributes of a span that many spans have, written once. */
export class EncodedAttributes {
  readonly block: Block;

  constructor(block: Block) {
    this.block = block;
  }
}

/** The first `count` of keys and values, by position; no key stands twice. */
export interface AttributeList {
  readonly count: number;
  readonly keys: readonly string[];
  /** Where it is `EncodedAttributes`, the key is of no meaning. */
  readonly values: readonly (AttributeValue | EncodedAttributes | undefined)[];
}

export interface LinkFields {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote: boolean;
  readonly attributes: AttributeList;
}

export interface EventFields {
  readonly name: string;
  readonly timeNs: bigint;
  readonly attributes?: AttributeList;
}

/** A span of the bridge: kind INTERNAL, sampled, ids in lower-case hex. */
export interface SpanFields {
  readonly resource: Resource;
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState: string | undefined;
  readonly parentSpanId: string | undefined;
  readonly isParentRemote: boolean;
  readonly name: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: AttributeList;
  readonly events: readonly EventFields[];
  readonly droppedEventsCount: number;
  readonly links: readonly LinkFields[];
  /** Set: status ERROR. */
  readonly errorMessage: string | undefined;
}

/** What the spans under one parent have in common. */
export interface SiblingFields {
  readonly resource: Resource;
  readonly traceId: string;
  readonly traceState: string | undefined;
  readonly parentSpanId: string;
  /** These stand before the attributes of each. */
  readonly attributes: AttributeList;
}

/** What one of them has of its own: no events, no links, no error. */
export interface ChildFields {
  readonly spanId: string;
  readonly name: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: AttributeList;
}
