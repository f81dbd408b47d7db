import { type HrTime, SpanStatusCode } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { isTerminal, taskState } from '../event/index.ts';

/** A period in which an attempt waited or ran. */
export interface Segment {
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly isWaiting: boolean;
}

/** A span in the tree. Phases are not nodes but segments of the bar. */
export interface TraceNode {
  readonly span: ReadableSpan;
  readonly startNs: bigint;
  readonly endNs: bigint;
  /** Empty for spans that are not attempts: jobs, actors, nodes. */
  readonly segments: readonly Segment[];
  readonly children: readonly TraceNode[];
  /** Error type and message of a failed span. */
  readonly error?: string;
  readonly isEndInferred: boolean;
}

export interface TraceModel {
  readonly traceId: string;
  /** Spans whose parent is not among the given spans, in order of start. */
  readonly roots: readonly TraceNode[];
  readonly spanCount: number;
  readonly failedCount: number;
  readonly hasTasks: boolean;
  readonly startNs: bigint;
  readonly endNs: bigint;
}

/** Groups spans into traces, in order of start. Traces with tasks come first, then those of the cluster. */
export function traceModels(spans: readonly ReadableSpan[]): readonly TraceModel[] {
  const byTrace = groupBy(spans, (span) => span.spanContext().traceId);
  return [...byTrace]
    .map(([traceId, group]) => traceModel(traceId, group))
    .toSorted((left, right) => Number(right.hasTasks) - Number(left.hasTasks) || compare(left.startNs, right.startNs));
}

const NO_PARENT = '';

function traceModel(traceId: string, spans: readonly ReadableSpan[]): TraceModel {
  const ids = new Set(spans.map((span) => span.spanContext().spanId));
  const childrenOf = groupBy(spans, ({ parentSpanContext }) =>
    parentSpanContext !== undefined && ids.has(parentSpanContext.spanId) ? parentSpanContext.spanId : NO_PARENT,
  );
  return {
    traceId,
    roots: nodesOf(childrenOf.get(NO_PARENT) ?? [], childrenOf, 0),
    spanCount: spans.length,
    hasTasks: spans.some((span) => span.attributes['ray.task_id'] !== undefined),
    failedCount: spans.filter((span) => span.status.code === SpanStatusCode.ERROR).length,
    startNs: spans.map((span) => hrTimeNs(span.startTime)).reduce(earlier),
    endNs: spans.map((span) => hrTimeNs(span.endTime)).reduce(later),
  };
}

/** Maximum depth of the recursion. All deeper spans become children of one node. */
const MAX_DEPTH = 200;
const NO_CHILDREN: ReadonlyMap<string, readonly ReadableSpan[]> = new Map();

function descendants(span: ReadableSpan, childrenOf: ReadonlyMap<string, readonly ReadableSpan[]>): readonly ReadableSpan[] {
  const found: ReadableSpan[] = [];
  const stack = [span];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const children = childrenOf.get(next.spanContext().spanId) ?? [];
    found.push(...children);
    stack.push(...children);
  }
  return found;
}

function nodesOf(
  spans: readonly ReadableSpan[],
  childrenOf: ReadonlyMap<string, readonly ReadableSpan[]>,
  level: number,
): readonly TraceNode[] {
  return spans
    .map((span): TraceNode => {
      const isDeepest = level === MAX_DEPTH;
      const below = isDeepest ? descendants(span, childrenOf) : (childrenOf.get(span.spanContext().spanId) ?? []);
      const phases = below.filter((child) => isPhaseOf(span, child));
      const error = errorText(span);
      return {
        span,
        startNs: hrTimeNs(span.startTime),
        endNs: hrTimeNs(span.endTime),
        segments: segmentsOf(phases.length > 0 ? phases.map(stateOfSpan) : statesOfEvents(span)),
        children: nodesOf(
          below.filter((child) => !isPhaseOf(span, child) && !isInternalProfile(child)),
          isDeepest ? NO_CHILDREN : childrenOf,
          level + 1,
        ),
        isEndInferred: span.attributes['ray.end_inferred'] !== undefined,
        ...(error === undefined ? {} : { error }),
      };
    })
    .toSorted(
      (left, right) =>
        compare(left.startNs, right.startNs) || compare(left.endNs, right.endNs) || (left.span.name < right.span.name ? -1 : 1),
    );
}

/** Groups items by key. Groups keep the order of their first items. */
export function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

/** Whether the child is a phase of the parent's attempt, not an attempt itself. */
function isPhaseOf({ attributes: parent }: ReadableSpan, { attributes }: ReadableSpan): boolean {
  const isSameAttempt =
    parent['ray.task_id'] === attributes['ray.task_id'] && parent['ray.task.attempt'] === attributes['ray.task.attempt'];
  return isSameAttempt && attributes['ray.profile'] !== true && isOpenState(stateOfPhase(attributes));
}

function stateOfPhase(attributes: ReadableSpan['attributes']): string {
  const state = attributes['ray.task.state'];
  return typeof state === 'string' ? state : '';
}

/** Whether Ray itself recorded this profile span (`task:execute` and others), which every attempt has. The tree hides it. */
function isInternalProfile({ name, attributes }: ReadableSpan): boolean {
  return attributes['ray.profile'] === true && name.startsWith('task:');
}

interface TimedState {
  readonly state: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
}

/** Converts states to segments. Without a RUNNING state, SUBMITTED_TO_WORKER counts as running. */
function segmentsOf(states: readonly TimedState[]): readonly Segment[] {
  const hasRun = states.some(({ state }) => state.startsWith('RUNNING'));
  const ran = hasRun ? 'RUNNING' : 'SUBMITTED_TO_WORKER';
  return states.map(({ state, startNs, endNs }) => ({ startNs, endNs, isWaiting: !state.startsWith(ran) }));
}

function stateOfSpan({ startTime, endTime, attributes }: ReadableSpan): TimedState {
  return { state: stateOfPhase(attributes), startNs: hrTimeNs(startTime), endNs: hrTimeNs(endTime) };
}

/** Reads states from span events. A state ends with the next one, and the last open state ends with the span. */
function statesOfEvents(span: ReadableSpan): readonly TimedState[] {
  const entered = span.events
    .map(({ name, time }) => ({ state: name, startNs: hrTimeNs(time) }))
    .filter(({ state }) => taskState(state) !== undefined)
    .toSorted((left, right) => compare(left.startNs, right.startNs));
  return entered
    .map(({ state, startNs }, index) => ({ state, startNs, endNs: entered[index + 1]?.startNs ?? hrTimeNs(span.endTime) }))
    .filter(({ state }) => isOpenState(state));
}

/** A state of an open attempt. All except RUNNING... mean waiting. */
function isOpenState(state: string): boolean {
  return taskState(state) !== undefined && !isTerminal(state);
}

function errorText(span: ReadableSpan): string | undefined {
  if (span.status.code !== SpanStatusCode.ERROR) return undefined;
  const type = span.attributes['error.type'];
  const message = span.status.message ?? '';
  const parts = [typeof type === 'string' && type !== message ? type : '', message].filter((part) => part !== '');
  return parts.length === 0 ? 'failed' : parts.join(': ');
}

function hrTimeNs([seconds, nanos]: HrTime): bigint {
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanos);
}

function compare(left: bigint, right: bigint): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

export function earlier(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}

export function later(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}
