import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { redactRawEvent, type Rejection } from '../event/index.ts';
import { otlpJsonLines } from '../export/index.ts';
import type { EntryKind } from './files.ts';

interface EntryHead {
  /** Where it stands: kind, number of the file, offset. Stays the same as long as the entry is there. */
  readonly id: string;
  /** When it was received or refused, as ISO 8601. */
  readonly time: string;
  /** Of an event: its `RejectionCode`. Of a span: `span_refused`. */
  readonly code: string;
  /** For people. Hostile: it may quote the event. */
  readonly reason: string;
}

/** One line of a quarantine file, and its id. */
export type QuarantineEntry =
  | (EntryHead & {
      readonly kind: 'event';
      /** As posted, without secrets. */
      readonly event: unknown;
    })
  | (EntryHead & {
      readonly kind: 'span';
      /** The exporter whose backend would not take it. */
      readonly exporter: string;
      readonly traceId: string;
      readonly spanId: string;
      /** An OTLP JSON ExportTraceServiceRequest with this one span. */
      readonly request: unknown;
    });

/** The line of an event; undefined when it is not JSON. Secrets are taken out here, before anything is written. */
export function eventLine(json: Uint8Array, rejection: Rejection, timeMs: number): string | undefined {
  const raw = parseJson(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString('utf8'));
  if (raw === undefined) return undefined;
  const { code, message } = rejection;
  return `${JSON.stringify({ kind: 'event', time: isoTime(timeMs), code, reason: message, event: redactRawEvent(raw) })}\n`;
}

/** The line of a span; undefined when it cannot be encoded. */
export function spanLine(span: ReadableSpan, reason: string, exporter: string, timeMs: number): string | undefined {
  const [request] = otlpJsonLines([span]);
  if (request === undefined) return undefined;
  const { traceId, spanId } = span.spanContext();
  const head = JSON.stringify({ kind: 'span', time: isoTime(timeMs), code: 'span_refused', reason, exporter, traceId, spanId });
  return `${head.slice(0, -1)},"request":${request.trimEnd()}}\n`;
}

/** Undefined when the line is not one of ours. */
export function parseEntry(id: string, kind: EntryKind, line: string): QuarantineEntry | undefined {
  const parsed = parseJson(line);
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const stored: Readonly<Record<string, unknown>> = { ...parsed };
  const texts = (...keys: readonly string[]): boolean => keys.every((key) => typeof stored[key] === 'string');
  if (stored['kind'] !== kind || !texts('time', 'code', 'reason')) return undefined;
  const isWhole = kind === 'event' ? 'event' in stored : 'request' in stored && texts('exporter', 'traceId', 'spanId');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each field was looked at
  return isWhole ? ({ id, ...stored } as QuarantineEntry) : undefined;
}

export function entryId(kind: EntryKind, file: number, offset: number): string {
  return `${kind.charAt(0)}${file}-${offset}`;
}

export interface EntryPlace {
  readonly kind: EntryKind;
  readonly file: number;
  readonly offset: number;
}

export function placeOfId(id: string): EntryPlace | undefined {
  const match = /^([es])(\d{1,15})-(\d{1,15})$/.exec(id);
  if (match === null) return undefined;
  return { kind: match[1] === 'e' ? 'event' : 'span', file: Number(match[2]), offset: Number(match[3]) };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
