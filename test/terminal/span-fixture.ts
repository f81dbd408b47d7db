import { type Attributes, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';

export interface SpanFacts {
  readonly name: string;
  /** Milliseconds since the start of the trace. */
  readonly startMs: number;
  readonly endMs: number;
  readonly id?: string;
  readonly parent?: string;
  readonly trace?: string;
  readonly error?: string;
  readonly attributes?: Attributes;
  /** States with their start in milliseconds. */
  readonly states?: Readonly<Record<string, number>>;
}

let spanCount = 0;

function hrTime(ms: number): [number, number] {
  return [1_700_000_000 + Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)];
}

function context(traceId: string, spanId: string) {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
}

/** Creates a span like those of the bridge. */
export function spanOf(facts: SpanFacts): ReadableSpan {
  spanCount += 1;
  const {
    name,
    startMs,
    endMs,
    id = `span-${spanCount}`,
    parent,
    trace = '0af7651916cd43dd8448eb211c80319c',
    error,
    attributes = {},
    states = {},
  } = facts;
  return {
    name,
    kind: SpanKind.INTERNAL,
    spanContext: () => context(trace, id),
    ...(parent === undefined ? {} : { parentSpanContext: context(trace, parent) }),
    startTime: hrTime(startMs),
    endTime: hrTime(endMs),
    duration: hrTime(endMs - startMs),
    status: error === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: error },
    attributes,
    links: [],
    events: Object.entries(states).map(([state, ms]) => ({ name: state, time: hrTime(ms) })),
    ended: true,
    resource: emptyResource(),
    instrumentationScope: { name: 'test' },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}
