import type { HrTime } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { type CorrelateOptions, createCorrelator, lastTimeMs } from './correlate/index.ts';
import { decodeEvent, type RayEvent, type Rejection } from './event/index.ts';
import { plainSpan } from './otlp/index.ts';
import { createMapping, type SpanOptions } from './span/index.ts';

export type ConvertOptions = Partial<CorrelateOptions & SpanOptions>;

/** An event as Ray posts it, with its receive time in milliseconds since the epoch, if known. */
export interface ReceivedEvent {
  readonly event: unknown;
  readonly receivedMs: number | undefined;
}

export interface Converted {
  /** Ordered by trace, oldest first, and by start within a trace. */
  readonly spans: readonly ReadableSpan[];
  /** Events that could not be used, in the order of the input. */
  readonly rejected: readonly Rejection[];
  /** Impossible times (before 2000, after 2199, or not a time) that were ignored. */
  readonly ignoredTimes: number;
}

/**
 * Converts a complete stream of events to spans. Entities still open at its end are closed as after
 * `orphanTimeoutMs`.
 *
 * @param rawEvents events as Ray posts them (elements of the posted arrays), in any order
 * @returns the same spans for the same events, whatever their order and however often they are
 * repeated
 */
export function rayEventsToSpans(rawEvents: Iterable<unknown>, options: ConvertOptions = {}): Converted {
  return receivedEventsToSpans(withoutReceiveTime(rawEvents), options);
}

function* withoutReceiveTime(rawEvents: Iterable<unknown>): Generator<ReceivedEvent> {
  for (const event of rawEvents) yield { event, receivedMs: undefined };
}

/**
 * Like `rayEventsToSpans`, for events with known receive times. The spans are the same that `serve`
 * produces.
 */
export function receivedEventsToSpans(received: Iterable<ReceivedEvent>, options: ConvertOptions = {}): Converted {
  // No tombstone may be forgotten before the end of the stream.
  const correlator = createCorrelator({
    ...options,
    maxTombstones: Number.POSITIVE_INFINITY,
    mapping: createMapping(options),
  });
  const rejected: Rejection[] = [];
  const undated = new Map<string, RayEvent[]>();
  let ignoredTimes = 0;
  for (const { event: raw, receivedMs } of received) {
    const decoded = decodeEvent(raw);
    if (!decoded.ok) {
      rejected.push(decoded.rejection);
      continue;
    }
    ignoredTimes += decoded.ignoredTimes ?? 0;
    if (receivedMs === undefined) addTo(undated, decoded.event);
    else correlator.apply(decoded.event, 0, receivedMs);
  }
  for (const events of undated.values()) {
    const receivedMs = lastTimeMs(events);
    for (const event of events) correlator.apply(event, 0, receivedMs);
  }
  const spans: ReadableSpan[] = [];
  for (const output of correlator.closeAll(0)) spans.push(...(output.spans ?? []).map(plainSpan));
  return { spans: inTraceOrder(spans), rejected, ignoredTimes };
}

function addTo(bySession: Map<string, RayEvent[]>, event: RayEvent): void {
  const events = bySession.get(event.session);
  if (events === undefined) bySession.set(event.session, [event]);
  else events.push(event);
}

function inTraceOrder(spans: readonly ReadableSpan[]): ReadableSpan[] {
  const starts = new Map<string, HrTime>();
  for (const span of spans) {
    const { traceId } = span.spanContext();
    const known = starts.get(traceId);
    if (known === undefined || compareTimes(span.startTime, known) < 0) starts.set(traceId, span.startTime);
  }
  const traceStart = (span: ReadableSpan): HrTime => starts.get(span.spanContext().traceId) ?? span.startTime;
  return [...spans].sort(
    (a, b) =>
      compareTimes(traceStart(a), traceStart(b)) ||
      compareTexts(a.spanContext().traceId, b.spanContext().traceId) ||
      compareTimes(a.startTime, b.startTime) ||
      compareTimes(b.endTime, a.endTime) ||
      compareTexts(a.spanContext().spanId, b.spanContext().spanId),
  );
}

function compareTimes(a: HrTime, b: HrTime): number {
  return a[0] - b[0] || a[1] - b[1];
}

function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
