import { type Attributes, type AttributeValue, type HrTime, type Link, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { createTraceState } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan, TimedEvent } from '@opentelemetry/sdk-trace-base';
import type { Interval, Lifecycle, LinkRef, SpanRef, TraceRef } from '../correlate/index.ts';
import { type AttributeKey, TRUNCATED_SUFFIX } from './attributes.ts';
import { spanIdOf, traceIdOf } from './ids.ts';

/** `OTEL_LINK_ATTRIBUTE_COUNT_LIMIT` and its like default to 128 in the OpenTelemetry specification. */
const EVENTS_MAX = 128;
const NAME_LENGTH_MAX = 256;

export const INSTRUMENTATION_SCOPE = { name: 'ray-otel-bridge' };

/** Attributes under construction: values that are absent are left out, long ones are cut and say so. */
export class AttributeSet {
  readonly values: Attributes = {};
  readonly #valueLengthMax: number;

  constructor(valueLengthMax: number) {
    this.#valueLengthMax = valueLengthMax;
  }

  set(key: AttributeKey, value: AttributeValue | undefined): this {
    if (value === undefined || value === '') return this;
    const cut = this.#cut(value);
    this.values[key] = cut;
    if (cut !== value) this.values[`${key}${TRUNCATED_SUFFIX}`] = true;
    return this;
  }

  /** One attribute for each entry; `prefix` ends in a dot. */
  setEach(
    prefix: 'ray.resources.' | 'ray.label_selector.' | 'ray.node.label.' | 'ray.event.',
    entries: Readonly<Record<string, AttributeValue>> | undefined,
  ): this {
    for (const [name, value] of Object.entries(entries ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))) this.set(`${prefix}${name}`, value);
    return this;
  }

  #cut(value: AttributeValue): AttributeValue {
    if (typeof value === 'string') return cutText(value, this.#valueLengthMax);
    if (!isTexts(value) || value.every((item) => item.length <= this.#valueLengthMax)) return value;
    return value.map((item) => cutText(item, this.#valueLengthMax));
  }
}

function isTexts(value: AttributeValue): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** Never between the halves of a surrogate pair. */
function cutText(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text;
  const last = text.charCodeAt(lengthMax - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? lengthMax - 1 : lengthMax);
}

export interface SpanParts extends Interval {
  readonly name: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly attributes: AttributeSet;
  readonly resource: Resource;
  readonly links?: readonly Link[];
  readonly events?: readonly TimedEvent[];
  /** Sets the status to ERROR. */
  readonly error?: string | undefined;
}

/** The one shape of our spans. */
export function makeSpan(trace: TraceRef, parts: SpanParts): ReadableSpan {
  const caller = trace.kind === 'job' ? trace.caller : undefined;
  const common = { traceId: traceIdOf(trace), traceFlags: TraceFlags.SAMPLED, ...traceState(caller?.traceState) };
  const context = { ...common, spanId: parts.spanId };
  // Only the root hangs under the caller, which is in another process.
  const isRootOfCaller = parts.parentSpanId === undefined && caller !== undefined;
  const parentSpanId = isRootOfCaller ? caller.spanId : parts.parentSpanId;
  if (parts.endInferred !== undefined) parts.attributes.set('ray.end_inferred', parts.endInferred);
  if (parts.endClamped === true) parts.attributes.set('ray.end_clamped', true);
  const events = parts.events ?? [];
  return {
    name: cutText(parts.name, NAME_LENGTH_MAX),
    kind: SpanKind.INTERNAL,
    spanContext: () => context,
    ...(parentSpanId === undefined ? {} : { parentSpanContext: { ...common, spanId: parentSpanId, isRemote: isRootOfCaller } }),
    startTime: hrTime(parts.startNs),
    endTime: hrTime(parts.endNs),
    duration: hrTime(parts.endNs - parts.startNs),
    status:
      parts.error === undefined
        ? { code: SpanStatusCode.UNSET }
        : { code: SpanStatusCode.ERROR, message: cutText(parts.error, NAME_LENGTH_MAX) },
    attributes: parts.attributes.values,
    links: [...(parts.links ?? [])],
    events: events.slice(0, EVENTS_MAX),
    ended: true,
    resource: parts.resource,
    instrumentationScope: INSTRUMENTATION_SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: Math.max(0, events.length - EVENTS_MAX),
    droppedLinksCount: 0,
  };
}

function traceState(text: string | undefined): { readonly traceState?: ReturnType<typeof createTraceState> } {
  return text === undefined ? {} : { traceState: createTraceState(text) };
}

export function hrTime(ns: bigint): HrTime {
  return [Number(ns / 1_000_000_000n), Number(ns % 1_000_000_000n)];
}

export function seconds(ns: bigint): number {
  return Number(ns) / 1e9;
}

/** The parent's span id; undefined for the root of a trace. */
export function parentIdOf({ session, parent }: { readonly session: string; readonly parent?: SpanRef }): string | undefined {
  return parent === undefined ? undefined : spanIdOf(session, parent);
}

export function linksOf({ session, links }: Pick<Lifecycle, 'session' | 'links'>): Link[] {
  return links.map((link) => toLink(session, link));
}

function toLink(session: string, link: LinkRef): Link {
  const attributes: Attributes = { ['ray.link' satisfies AttributeKey]: link.relation };
  if (link.relation === 'caller') {
    const { traceId, spanId, traceFlags } = link.context;
    return { context: { traceId, spanId, traceFlags, isRemote: true }, attributes };
  }
  return { context: { traceId: traceIdOf(link.trace), spanId: spanIdOf(session, link.span), traceFlags: TraceFlags.SAMPLED }, attributes };
}

/** A span event for each state, at its time. */
export function stateEvents(states: readonly { readonly state: string; readonly timeNs: bigint }[]): TimedEvent[] {
  return states.map(({ state, timeNs }) => ({ name: state, time: hrTime(timeNs) }));
}
