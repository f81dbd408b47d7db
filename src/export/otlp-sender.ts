import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import { readFields, readRpcStatus, type TraceSerializer } from '../otlp/index.ts';
import { parseJson, printableExcerpt } from '../runtime/index.ts';
import { type ExportOutcome, type FailedOutcome, outcomeOfUnexpectedAnswer } from './outcome.ts';
import { SenderExporter } from './sender.ts';

/** A 2xx answer from the server. */
interface Answered {
  readonly kind: 'answered';
  /** The status as text: HTTP 200, gRPC OK. */
  readonly status: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** The result of one request: the server's answer, or the failure. */
export type TransportAnswer = Answered | FailedOutcome;

export interface OtlpTransport {
  /** Never rejects. Ends early, as `retry_after`, when `signal` aborts. */
  send(body: Uint8Array, signal: AbortSignal): Promise<TransportAnswer>;
  close(): void;
  /** Registers a listener for the log lines of the library below. */
  readonly onNote?: (listener: (note: string) => void) => void;
}

/**
 * An OTLP exporter that sends once and reports exactly what happened.
 *
 * The exporters of @opentelemetry/exporter-trace-otlp-* lose information that the bridge needs in
 * order to lose no span:
 * 1. A retryable failure arrives without its status and Retry-After, after waits that cannot be
 *    cancelled.
 * 2. A partial success is logged and reported as a success.
 *
 * The bytes are the same: it uses their serializers, and a test compares the requests.
 */
export function createOtlpExporter(serializer: TraceSerializer, transport: OtlpTransport): SpanExporter {
  const stop = new AbortController();
  return new SenderExporter({
    send: async (spans) => {
      let body: Uint8Array | undefined;
      try {
        body = serializer.serializeRequest([...spans]);
      } catch (error) {
        return { kind: 'refused', reason: `the span cannot be encoded: ${printableExcerpt(String(error))}` };
      }
      if (body === undefined) return { kind: 'refused', reason: 'the span cannot be encoded' };
      const answer = await transport.send(body, stop.signal);
      return answer.kind === 'answered' ? outcomeOfAnswer(answer, spans.length) : answer;
    },
    close: () => {
      stop.abort();
      transport.close();
      return Promise.resolve();
    },
  });
}

function outcomeOfAnswer({ status, contentType, body }: Answered, sentSpans: number): ExportOutcome {
  const answer = readOtlpAnswer(body, contentType);
  if (answer === undefined) return outcomeOfUnexpectedAnswer(status, textOfAnswer(body, contentType));
  const { rejectedSpans, message } = answer;
  if (rejectedSpans > 0) {
    return { kind: 'refused', reason: `partial success, ${rejectedSpans} of ${sentSpans} rejected: ${message}`, rejectedSpans };
  }
  return message === '' ? { kind: 'delivered' } : { kind: 'delivered', warning: message };
}

/**
 * An ExportTraceServiceResponse. Source: https://opentelemetry.io/docs/specs/otlp/#partial-success
 */
export interface OtlpAnswer {
  readonly rejectedSpans: number;
  /** The backend's message, safe to print; empty when it sent none. */
  readonly message: string;
}

const PLAIN_SUCCESS: OtlpAnswer = { rejectedSpans: 0, message: '' };
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\b/i;
const PROTOBUF_TYPE = /^application\/(?:x-|vnd\.google\.)?protobuf\b/i;
/** A longer body of white space alone is not an OTLP answer. */
const MAX_BLANK_BYTES = 1024;

/**
 * Reads the body of a 2xx answer. The content type decides the format, whatever the request used:
 * some backends always answer JSON.
 * 1. An empty body is a plain success.
 * 2. Without a content type for JSON or protobuf, both are tried.
 *
 * Undefined when the body is not OTLP, because another service answered.
 */
export function readOtlpAnswer(body: Uint8Array, contentType: string): OtlpAnswer | undefined {
  if (PROTOBUF_TYPE.test(contentType)) return readProtobuf(body, false) ?? (isBlank(body) ? PLAIN_SUCCESS : undefined);
  if (isBlank(body)) return PLAIN_SUCCESS;
  const text = new TextDecoder().decode(body).trim();
  return JSON_TYPE.test(contentType) ? readJson(text) : (readJson(text) ?? readProtobuf(body, true));
}

function isBlank(body: Uint8Array): boolean {
  return body.length <= MAX_BLANK_BYTES && new TextDecoder().decode(body).trim() === '';
}

/**
 * partial_success = 1 { rejected_spans = 1, error_message = 2 }. A guess allows no other field,
 * because text can look like protobuf.
 */
function readProtobuf(body: Uint8Array, isGuess: boolean): OtlpAnswer | undefined {
  const fields = readFields(body);
  if (fields === undefined || (isGuess && fields.some(({ number }) => number !== 1))) return undefined;
  const partial = fields.findLast(({ number }) => number === 1);
  if (partial === undefined) return PLAIN_SUCCESS;
  const inner = partial.bytes === undefined ? undefined : readFields(partial.bytes);
  if (inner === undefined) return undefined;
  const rejected = inner.findLast(({ number }) => number === 1)?.varint ?? 0;
  const message = inner.findLast(({ number }) => number === 2)?.bytes;
  return { rejectedSpans: Math.max(0, rejected), message: printableExcerpt(new TextDecoder().decode(message)) };
}

/** Field names as in OTLP/JSON, or as in the .proto file, which some libraries use. */
function readJson(text: string): OtlpAnswer | undefined {
  const answer = parseObject(text);
  if (answer === undefined) return undefined;
  if (Object.keys(answer).length === 0) return PLAIN_SUCCESS;
  if (!('partialSuccess' in answer || 'partial_success' in answer)) return undefined;
  const partial = answer['partialSuccess'] ?? answer['partial_success'] ?? {};
  if (!isObject(partial)) return undefined;
  const rejectedSpans = int64Of(partial['rejectedSpans'] ?? partial['rejected_spans'] ?? 0);
  const message = partial['errorMessage'] ?? partial['error_message'] ?? '';
  if (rejectedSpans === undefined || typeof message !== 'string') return undefined;
  return { rejectedSpans: Math.max(0, rejectedSpans), message: printableExcerpt(message) };
}

/** JSON writes an int64 as a number or as a string. */
function int64Of(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) ? number : undefined;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  const value = parseJson(text);
  return isObject(value) ? value : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** How much of an HTML page is read: the status and its reason are at its top. */
const MAX_PAGE_CHARACTERS = 4096;

/**
 * The server's message in an answer, for people: the message of a google.rpc.Status in protobuf or
 * JSON, the visible text of an HTML page, or plain text.
 */
export function textOfAnswer(body: Uint8Array, contentType: string): string {
  if (contentType.startsWith('application/x-protobuf')) return readRpcStatus(body)?.message ?? '';
  const text = new TextDecoder().decode(body);
  if (/^text\/html|^application\/xhtml/i.test(contentType) || /^\s*<(?:!doctype html|html)/i.test(text)) return visibleText(text);
  return messageOfJson(text) ?? text;
}

function messageOfJson(text: string): string | undefined {
  const message = parseObject(text)?.['message'];
  return typeof message === 'string' ? message : undefined;
}

function visibleText(page: string): string {
  return page
    .slice(0, MAX_PAGE_CHARACTERS)
    .replaceAll(/<(script|style)\b[^>]*>.*?<\/\1>/gis, ' ')
    .replaceAll(/<[^>]*>?/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
