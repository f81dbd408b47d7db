import { hash as digest } from 'node:crypto';
import type { SpanRef, TraceRef } from '../correlate/index.ts';

/**
 * The published formula of every trace and span id. `H(kind, session, ...parts)` is the SHA-256 of
 * a UTF-8 text: `ray-otel-bridge/v1`, kind, session name and parts, joined with NUL. A trace id is
 * its first 16 bytes, a span id its first 8. An id of zeros ends in 01 instead. Ids are lower-case
 * hex, numbers decimal. docs/reference/ids.md has the tables and test vectors.
 */
const VERSION = 'ray-otel-bridge/v1';
const TRACE_HEX = 32;
const SPAN_HEX = 16;

function hash(kind: string, session: string, parts: readonly (string | number | bigint)[], hexLength: number): string {
  let text = `${VERSION}\0${kind}\0${session}`;
  for (const part of parts) text += `\0${part}`;
  return idOf(text, hexLength);
}

function idOf(text: string, hexLength: number): string {
  const id = digest('sha256', text, 'hex').slice(0, hexLength);
  return id.startsWith('00000000') && /^0+$/.test(id) ? `${'0'.repeat(hexLength - 2)}01` : id;
}

/** Trace id of a job without a caller's `traceparent`. */
export function jobTraceId(session: string, jobId: string): string {
  return hash('trace.job', session, [jobId], TRACE_HEX);
}

/** Trace id of a detached actor. */
export function actorTraceId(session: string, actorId: string): string {
  return hash('trace.actor', session, [actorId], TRACE_HEX);
}

/** Trace id of the session: nodes, workers and placement groups. */
export function sessionTraceId(session: string): string {
  return hash('trace.session', session, [], TRACE_HEX);
}

export function jobSpanId(session: string, jobId: string): string {
  return hash('job', session, [jobId], SPAN_HEX);
}

/** `attempt` counts from 0. */
export function taskSpanId(session: string, taskId: string, attempt: number): string {
  return idOf(`${VERSION}\0task\0${session}\0${taskId}\0${attempt}`, SPAN_HEX);
}

export function actorSpanId(session: string, actorId: string): string {
  return hash('actor', session, [actorId], SPAN_HEX);
}

/** `number` counts from 0. */
export function incarnationSpanId(session: string, actorId: string, number: number): string {
  return hash('actor.incarnation', session, [actorId, number], SPAN_HEX);
}

export function nodeSpanId(session: string, nodeId: string): string {
  return hash('node', session, [nodeId], SPAN_HEX);
}

export function workerSpanId(session: string, workerId: string): string {
  return hash('worker', session, [workerId], SPAN_HEX);
}

/** Span id of a cold start, from the launch of the process until it registered. */
export function workerStartSpanId(session: string, workerId: string): string {
  return hash('worker.start', session, [workerId], SPAN_HEX);
}

export function sessionSpanId(session: string): string {
  return hash('session', session, [], SPAN_HEX);
}

export function placementGroupSpanId(session: string, placementGroupId: string): string {
  return hash('placement_group', session, [placementGroupId], SPAN_HEX);
}

export function submissionJobSpanId(session: string, submissionId: string): string {
  return hash('submission_job', session, [submissionId], SPAN_HEX);
}

/** `source` is `platform` or `autoscaler`. */
export function pointSpanId(session: string, source: string, eventId: string, timeNs: bigint): string {
  return hash(source, session, [eventId, timeNs], SPAN_HEX);
}

/** For an entry without a task, `taskId` is 24 bytes of ff. */
export function profileSpanId(session: string, taskId: string, attempt: number, name: string, startNs: bigint, endNs: bigint): string {
  return hash('profile', session, [taskId, attempt, name, startNs, endNs], SPAN_HEX);
}

export function phaseSpanId(session: string, taskId: string, attempt: number, state: string, startNs: bigint): string {
  return idOf(`${VERSION}\0phase\0${session}\0${taskId}\0${attempt}\0${state}\0${startNs}`, SPAN_HEX);
}

/** `round` counts the exports of rollups of one trace: 0 with its root, more for late ones. */
export function rollupSpanId(session: string, parentSpanId: string, name: string, round: number): string {
  return hash('fold', session, [parentSpanId, name, round], SPAN_HEX);
}

/** Span id of the in-flight span of `markedSpanId`. That span is its parent and comes later. */
export function inFlightSpanId(session: string, markedSpanId: string): string {
  return hash('mark', session, [markedSpanId], SPAN_HEX);
}

const TRACE_IDS = new WeakMap<TraceRef, string>();

/** Returns the trace id, cached by reference: all spans of a job share one. */
export function traceIdOf(trace: TraceRef): string {
  let traceId = TRACE_IDS.get(trace);
  if (traceId === undefined) {
    traceId = makeTraceId(trace);
    TRACE_IDS.set(trace, traceId);
  }
  return traceId;
}

function makeTraceId(trace: TraceRef): string {
  if (trace.kind === 'job') return trace.caller?.traceId ?? jobTraceId(trace.session, trace.jobId);
  return trace.kind === 'actor' ? actorTraceId(trace.session, trace.actorId) : sessionTraceId(trace.session);
}

interface KnownId {
  readonly session: string;
  readonly span: SpanRef;
  readonly spanId: string;
}

/** Last span id of each kind. Consecutive spans mostly share parents and links. */
const LAST_IDS = new Map<SpanRef['kind'], KnownId>();

/** Span ids of rollups. Each is derived from the ids of all rollups above it. */
const ROLLUP_IDS = new WeakMap<SpanRef, string>();

export function spanIdOf(session: string, span: SpanRef): string {
  if (span.kind === 'rollup') return rollupIdOf(session, span);
  const last = LAST_IDS.get(span.kind);
  if (last?.session === session && isSame(last.span, span)) return last.spanId;
  const spanId = makeSpanId(session, span);
  LAST_IDS.set(span.kind, { session, span, spanId });
  return spanId;
}

function rollupIdOf(session: string, rollup: Extract<SpanRef, { readonly kind: 'rollup' }>): string {
  let rollupId = ROLLUP_IDS.get(rollup);
  if (rollupId === undefined) {
    rollupId = rollupSpanId(session, spanIdOf(session, rollup.parent), rollup.name, rollup.round);
    ROLLUP_IDS.set(rollup, rollupId);
  }
  return rollupId;
}

function isSame(one: SpanRef, other: SpanRef): boolean {
  if (one === other) return true;
  if (one.kind === 'task') return other.kind === 'task' && one.taskId === other.taskId && one.attempt === other.attempt;
  return 'id' in one && 'id' in other && one.kind === other.kind && one.id === other.id;
}

function makeSpanId(session: string, span: Exclude<SpanRef, { readonly kind: 'rollup' }>): string {
  switch (span.kind) {
    case 'session':
      return sessionSpanId(session);
    case 'job':
      return jobSpanId(session, span.id);
    case 'actor':
      return actorSpanId(session, span.id);
    case 'node':
      return nodeSpanId(session, span.id);
    case 'worker':
      return workerSpanId(session, span.id);
    case 'placement_group':
      return placementGroupSpanId(session, span.id);
    case 'submission_job':
      return submissionJobSpanId(session, span.id);
    case 'task':
      return taskSpanId(session, span.taskId, span.attempt);
  }
}
