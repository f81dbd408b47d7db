import { type Attributes, type AttributeValue, createTraceState, TraceFlags } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { EndInferred, Finished, LinkRef, SpanRef, TraceRef } from '../correlate/index.ts';
import { cutText } from '../event/index.ts';
import { type AttributeList, EncodedAttributes, type EventFields, type LinkFields, type SpanEncoder } from '../otlp/index.ts';
import { type AttributeKey, TRUNCATED_SUFFIX } from './attributes.ts';
import { spanIdOf, traceIdOf } from './ids.ts';

/**
 * Maximum events of a span: the default of `OTEL_SPAN_EVENT_COUNT_LIMIT` in the OpenTelemetry
 * specification.
 */
const MAX_EVENTS = 128;
const MAX_NAME_LENGTH = 256;
const MAX_FREE_SETS = 8;

/**
 * Attributes of a span in the making. Absent values are skipped; long ones are cut and marked as
 * truncated.
 */
export class AttributeSet implements AttributeList {
  count = 0;
  readonly keys: string[] = [];
  readonly values: (AttributeValue | EncodedAttributes)[] = [];
  readonly #valueLengthMax: number;

  constructor(valueLengthMax: number) {
    this.#valueLengthMax = valueLengthMax;
  }

  set(key: AttributeKey, value: AttributeValue | undefined): this {
    this.#put(key, value);
    return this;
  }

  #put(key: string, value: AttributeValue | undefined): void {
    if (value === undefined || value === '') return;
    const isCuttable = typeof value === 'string' || typeof value === 'object';
    const cut = isCuttable ? this.#cut(value) : value;
    this.keys[this.count] = key;
    this.values[this.count] = cut;
    this.count += 1;
    if (isCuttable && cut !== value) this.#setIfAbsent(`${key}${TRUNCATED_SUFFIX}`, true);
  }

  /** Sets one attribute for each entry; `prefix` ends in a dot. */
  setEach(
    prefix: 'ray.resources.' | 'ray.label_selector.' | 'ray.node.label.' | 'ray.event.',
    entries: Readonly<Record<string, AttributeValue>> | undefined,
  ): this {
    if (entries === undefined) return this;
    const names = Object.keys(entries);
    if (names.length > 1) names.sort();
    for (const name of names) this.#setIfAbsent(`${prefix}${name}`, entries[name]);
    return this;
  }

  /** Includes the attributes of an encoded set. */
  include(attributes: EncodedAttributes): this {
    this.keys[this.count] = '';
    this.values[this.count] = attributes;
    this.count += 1;
    return this;
  }

  toObject(): Attributes {
    const entries = this.keys.slice(0, this.count).map((key, index) => [key, this.values[index]] as const);
    return Object.fromEntries(entries.filter((entry): entry is [string, AttributeValue] => !(entry[1] instanceof EncodedAttributes)));
  }

  /** Sets an event-derived key without overwriting an existing one. */
  #setIfAbsent(key: string, value: AttributeValue | undefined): void {
    const at = this.keys.indexOf(key);
    if (at === -1 || at >= this.count) this.#put(key, value);
  }

  #cut(value: AttributeValue): AttributeValue {
    if (typeof value === 'string') return cutText(value, this.#valueLengthMax);
    if (!isTexts(value) || value.every((item) => item.length <= this.#valueLengthMax)) return value;
    return value.map((item) => cutText(item, this.#valueLengthMax));
  }
}

/** Pool of attribute sets. Their arrays would be most of the garbage of mapping. */
export class AttributeSets {
  readonly #valueLengthMax: number;
  readonly #free: AttributeSet[] = [];

  constructor(valueLengthMax: number) {
    this.#valueLengthMax = valueLengthMax;
  }

  take(): AttributeSet {
    return this.#free.pop() ?? new AttributeSet(this.#valueLengthMax);
  }

  giveBack(set: AttributeSet): void {
    set.count = 0;
    if (this.#free.length < MAX_FREE_SETS) this.#free.push(set);
  }
}

function isTexts(value: AttributeValue): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

export interface SpanParts {
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly endInferred?: EndInferred | undefined;
  readonly endClamped?: boolean | undefined;
  /** Number of states without an event, because there were too many. */
  readonly statesLeftOut?: number | undefined;
  readonly clockSkewNs?: bigint | undefined;
  readonly name: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly attributes: AttributeSet;
  readonly resource: Resource;
  readonly links?: readonly LinkFields[];
  readonly events?: readonly EventFields[];
  /** Error message; sets the status to ERROR. */
  readonly error?: string | undefined;
}

const NONE: readonly never[] = [];

export interface SpanBuilding {
  readonly encoder: SpanEncoder;
  readonly sets: AttributeSets;
}

/** Builds a span. Releases `parts.attributes` to the pool. */
export function makeSpan({ encoder, sets }: SpanBuilding, trace: TraceRef, parts: SpanParts): ReadableSpan {
  const caller = trace.kind === 'job' ? trace.caller : undefined;
  // Only the root has the caller as parent, which is in another process.
  const isRootOfCaller = parts.parentSpanId === undefined && caller !== undefined;
  if (parts.endInferred !== undefined) parts.attributes.set('ray.end_inferred', parts.endInferred);
  if (parts.endClamped === true) parts.attributes.set('ray.end_clamped', true);
  const { statesLeftOut = 0, events = NONE } = parts;
  if (parts.clockSkewNs !== undefined) parts.attributes.set('ray.clock_skew_seconds', seconds(parts.clockSkewNs));
  if (statesLeftOut > 0) parts.attributes.set('ray.states_left_out', statesLeftOut);
  const span = encoder.encode({
    resource: parts.resource,
    traceId: traceIdOf(trace),
    spanId: parts.spanId,
    traceState: traceStateOf(trace),
    parentSpanId: isRootOfCaller ? caller.spanId : parts.parentSpanId,
    isParentRemote: isRootOfCaller,
    name: cutText(parts.name, MAX_NAME_LENGTH),
    startNs: parts.startNs,
    endNs: parts.endNs,
    attributes: parts.attributes,
    events: events.length > MAX_EVENTS ? firstAndLast(events) : events,
    droppedEventsCount: Math.max(0, events.length - MAX_EVENTS) + statesLeftOut,
    links: parts.links ?? NONE,
    errorMessage: parts.error === undefined ? undefined : cutText(parts.error, MAX_NAME_LENGTH),
  });
  sets.giveBack(parts.attributes);
  return span;
}

/** Keeps the first and last events; the last ones show how the work ended. */
function firstAndLast<Event>(events: readonly Event[]): Event[] {
  return [...events.slice(0, MAX_EVENTS / 2), ...events.slice(-MAX_EVENTS / 2)];
}

/** Returns the valid entries of the caller's `tracestate`; undefined without any. */
function traceStateOf(trace: TraceRef): string | undefined {
  const text = trace.kind === 'job' ? trace.caller?.traceState : undefined;
  return text === undefined ? undefined : createTraceState(text).serialize() || undefined;
}

/**
 * Starts sibling spans: the next calls of `makeSibling` share this parent and begin with these
 * attributes.
 */
export function startSiblings(
  { encoder, sets }: SpanBuilding,
  trace: TraceRef,
  { resource, parentSpanId, attributes }: Required<Pick<SpanParts, 'resource' | 'attributes'>> & { readonly parentSpanId: string },
): void {
  encoder.startSiblings({ resource, traceId: traceIdOf(trace), traceState: traceStateOf(trace), parentSpanId, attributes });
  sets.giveBack(attributes);
}

export function seconds(ns: bigint): number {
  return Number(ns) / 1e9;
}

type SiblingParts = Pick<SpanParts, 'startNs' | 'endNs' | 'endClamped' | 'name' | 'spanId' | 'attributes'>;

/** Builds a span without links, events and error. Releases `parts.attributes` to the pool. */
export function makeSibling({ encoder, sets }: SpanBuilding, parts: SiblingParts): ReadableSpan {
  const { spanId, startNs, endNs, attributes } = parts;
  if (parts.endClamped === true) attributes.set('ray.end_clamped', true);
  const span = encoder.encodeSibling({ name: cutText(parts.name, MAX_NAME_LENGTH), spanId, startNs, endNs, attributes });
  sets.giveBack(attributes);
  return span;
}

/** Returns the span id of the parent; undefined for the root of a trace. */
export function parentIdOf({ session, parent }: { readonly session: string; readonly parent?: SpanRef | undefined }): string | undefined {
  return parent === undefined ? undefined : spanIdOf(session, parent);
}

export function linksOf({ session, links }: Pick<Finished, 'session' | 'links'>): readonly LinkFields[] {
  return links.length === 0 ? NONE : links.map((link) => toLink(session, link));
}

function toLink(session: string, link: LinkRef): LinkFields {
  if (link.relation !== 'caller') return spanLink(traceIdOf(link.trace), spanIdOf(session, link.span), link.relation);
  const { traceId, spanId, traceFlags } = link.context;
  return { traceId, spanId, traceFlags, isRemote: true, attributes: relationAttribute(link.relation) };
}

/** Makes a link to a span of the bridge. */
export function spanLink(traceId: string, spanId: string, relation: LinkRef['relation']): LinkFields {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: false, attributes: relationAttribute(relation) };
}

const RELATION_KEYS: readonly AttributeKey[] = ['ray.link'];

function relationAttribute(relation: LinkRef['relation']): AttributeList {
  return { count: 1, keys: RELATION_KEYS, values: [relation] };
}

/** Makes a span event for each state, at its time. */
export function stateEvents(states: readonly { readonly state: string; readonly timeNs: bigint }[]): EventFields[] {
  return states.map(({ state, timeNs }) => ({ name: state, timeNs }));
}
