/**
 * ray-otel-bridge as a library: converts Ray's events to OpenTelemetry spans.
 * - `rayEventsToSpans` converts a complete stream.
 * - `createBridge` runs the bridge inside another service.
 * - The id functions compute the id of a span before it exists.
 */
export { type Bridge, type BridgeOptions, type BridgeState, type BridgeStats, createBridge, type StopOutcome } from './bridge/index.ts';
export { type Converted, type ConvertOptions, rayEventsToSpans, type ReceivedEvent, receivedEventsToSpans } from './convert.ts';
export type { Decoded, RayEvent, Rejection, RejectionCode } from './event/index.ts';
export { decodeEvent, redactRawEvent } from './event/index.ts';
export { createExporters, createFileExporter, type NamedExporter, otlpJsonLines } from './export/index.ts';
export { createMemoryJournal, type DiskJournalOptions, type Journal, type JournalEntry, openDiskJournal } from './journal/index.ts';
export {
  actorSpanId,
  actorTraceId,
  ATTRIBUTES,
  incarnationSpanId,
  jobSpanId,
  jobTraceId,
  inFlightSpanId,
  inFlightSpanId as markSpanId,
  nodeSpanId,
  phaseSpanId,
  profileSpanId,
  sessionSpanId,
  sessionTraceId,
  taskSpanId,
  workerSpanId,
} from './span/index.ts';
