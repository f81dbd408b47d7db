import type { SpanContext } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { decodeContext, decodeSpan } from './decode-span.ts';
import { INSTRUMENTATION_SCOPE } from './scope.ts';

/** A span stored only as OTLP protobuf. Fields are decoded on first access. */
export class EncodedSpan implements ReadableSpan {
  /** Memory that contains the field `spans` of a ScopeSpans, from `start` to `end`. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly resource: Resource;
  #plain: ReadableSpan | undefined;

  constructor(bytes: Buffer, start: number, end: number, resource: Resource) {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.resource = resource;
  }

  /** Returns all fields as a plain object, which can be spread and compared. */
  plain(): ReadableSpan {
    return (this.#plain ??= decodeSpan(this, this.resource));
  }

  spanContext(): SpanContext {
    return this.#plain?.spanContext() ?? decodeContext(this);
  }

  get instrumentationScope(): ReadableSpan['instrumentationScope'] {
    return INSTRUMENTATION_SCOPE;
  }
  get name(): string {
    return this.plain().name;
  }
  get kind(): ReadableSpan['kind'] {
    return this.plain().kind;
  }
  get parentSpanContext(): SpanContext {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- undefined for a root: a getter cannot be absent, as the interface has it
    return this.plain().parentSpanContext as SpanContext;
  }
  get startTime(): ReadableSpan['startTime'] {
    return this.plain().startTime;
  }
  get endTime(): ReadableSpan['endTime'] {
    return this.plain().endTime;
  }
  get duration(): ReadableSpan['duration'] {
    return this.plain().duration;
  }
  get status(): ReadableSpan['status'] {
    return this.plain().status;
  }
  get attributes(): ReadableSpan['attributes'] {
    return this.plain().attributes;
  }
  get links(): ReadableSpan['links'] {
    return this.plain().links;
  }
  get events(): ReadableSpan['events'] {
    return this.plain().events;
  }
  get ended(): boolean {
    return true;
  }
  get droppedAttributesCount(): number {
    return this.plain().droppedAttributesCount;
  }
  get droppedEventsCount(): number {
    return this.plain().droppedEventsCount;
  }
  get droppedLinksCount(): number {
    return this.plain().droppedLinksCount;
  }
}

/** Returns any span as a plain object. */
export function plainSpan(span: ReadableSpan): ReadableSpan {
  return span instanceof EncodedSpan ? span.plain() : span;
}
