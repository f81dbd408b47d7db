import type { AttributeValue } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { Block } from './byte-writer.ts';

/** Attributes that many spans share, encoded once. */
export class EncodedAttributes {
  readonly block: Block;

  constructor(block: Block) {
    this.block = block;
  }
}

/** Attributes by position: the first `count` of keys and values. Keys are unique. */
export interface AttributeList {
  readonly count: number;
  readonly keys: readonly string[];
  /** The key of `EncodedAttributes` is ignored. */
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
  /** Error message; sets the status to ERROR. */
  readonly errorMessage: string | undefined;
}

/** Fields that sibling spans share. */
export interface SiblingFields {
  readonly resource: Resource;
  readonly traceId: string;
  readonly traceState: string | undefined;
  readonly parentSpanId: string;
  /** Attributes before those of each sibling. */
  readonly attributes: AttributeList;
}

/** Fields of one sibling. It has no events, links and error. */
export interface ChildFields {
  readonly spanId: string;
  readonly name: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: AttributeList;
}
