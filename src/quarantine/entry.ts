import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { redactRawEvent, type Rejection } from '../event/index.ts';
import { otlpJsonLines } from '../export/index.ts';
import { parseJson } from '../runtime/index.ts';
import type { EntryKind } from './files.ts';

interface EntryHead {
  /** Kind, file number and offset. Never changes while the entry exists. */
  readonly id: string;
  /** Time at which the event was received or the span refused, in ISO 8601. */
  readonly time: string;
  /** `RejectionCode` of an event; `span_refused` for a span. */
  readonly code: string;
  /** Message for people. Untrusted: it may quote the event. */
  readonly reason: string;
}

/** A line of a quarantine file, with its id. */
export type QuarantineEntry =
  | (EntryHead & {
      readonly kind: 'event';
      /** The event as posted, without its secrets. */
      readonly event: unknown;
    })
  | (EntryHead & {
      readonly kind: 'span';
      /** Name of the exporter whose backend refused the span. */
      readonly exporter: string;
      readonly traceId: string;
      readonly spanId: string;
      /** An OTLP JSON ExportTraceServiceRequest with this one span. */
      readonly request: unknown;
    });

/** Line for an event, without its secrets. Undefined when the event is not JSON. */
export function eventLine(json: Uint8Array, rejection: Rejection, timeMs: number): string | undefined {
  const raw = parseJson(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString('utf8'));
  if (raw === undefined) return undefined;
  const { code, message } = rejection;
  return `${JSON.stringify({ kind: 'event', time: isoTime(timeMs), code, reason: message, event: redactRawEvent(raw) })}\n`;
}

/** Line for a span. Undefined when the span cannot be encoded. */
export function spanLine(span: ReadableSpan, reason: string, exporter: string, timeMs: number): string | undefined {
  const [request] = otlpJsonLines([span]);
  if (request === undefined) return undefined;
  const { traceId, spanId } = span.spanContext();
  const head = JSON.stringify({ kind: 'span', time: isoTime(timeMs), code: 'span_refused', reason, exporter, traceId, spanId });
  return `${head.slice(0, -1)},"request":${request.trimEnd()}}\n`;
}

/** Reads a line. Undefined when the line is damaged. */
export function parseEntry(id: string, kind: EntryKind, line: string): QuarantineEntry | undefined {
  const parsed = parseJson(line);
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const stored: Readonly<Record<string, unknown>> = { ...parsed };
  const texts = (...keys: readonly string[]): boolean => keys.every((key) => typeof stored[key] === 'string');
  if (stored['kind'] !== kind || !texts('time', 'code', 'reason')) return undefined;
  const isWhole = kind === 'event' ? 'event' in stored : 'request' in stored && texts('exporter', 'traceId', 'spanId');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the lines above checked each field
  return isWhole ? ({ id, ...stored } as QuarantineEntry) : undefined;
}

export function entryId(kind: EntryKind, file: number, offset: number): string {
  return `${kind.charAt(0)}${file}-${offset}`;
}

export interface EntryPosition {
  readonly kind: EntryKind;
  readonly file: number;
  /** Bytes before the entry. */
  readonly offset: number;
}

/** Position of the entry with this id. Undefined when the text is not an id. */
export function entryPosition(id: string): EntryPosition | undefined {
  const match = /^([es])(\d{1,15})-(\d{1,15})$/.exec(id);
  if (match === null) return undefined;
  return { kind: match[1] === 'e' ? 'event' : 'span', file: Number(match[2]), offset: Number(match[3]) };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
