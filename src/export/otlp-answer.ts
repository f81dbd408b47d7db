import { printable } from '../runtime/index.ts';
import { readFields } from '../otlp/index.ts';

/** An ExportTraceServiceResponse. Source: https://opentelemetry.io/docs/specs/otlp/#partial-success */
export interface OtlpAnswer {
  readonly rejectedSpans: number;
  /** The backend's own text, made safe to print; empty if it has none. */
  readonly message: string;
}

const PLAIN_SUCCESS: OtlpAnswer = { rejectedSpans: 0, message: '' };
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\b/i;
const PROTOBUF_TYPE = /^application\/(?:x-|vnd\.google\.)?protobuf\b/i;

/**
 * Reads the body of a 2xx answer by its content type, which need not be that of the request: some backends always answer JSON. Without a
 * content type that says it, both are tried. An empty body is a plain success, whatever its type. Undefined when the body is not an
 * answer of OTLP: then another service took the request.
 */
export function readOtlpAnswer(body: Uint8Array, contentType: string): OtlpAnswer | undefined {
  if (PROTOBUF_TYPE.test(contentType)) return readProtobuf(body, false) ?? (isBlank(body) ? PLAIN_SUCCESS : undefined);
  if (isBlank(body)) return PLAIN_SUCCESS;
  const text = new TextDecoder().decode(body).trim();
  return JSON_TYPE.test(contentType) ? readJson(text) : (readJson(text) ?? readProtobuf(body, true));
}

/** Longest text that a body of white space alone may be. */
const MAX_BLANK_BYTES = 1024;

function isBlank(body: Uint8Array): boolean {
  return body.length <= MAX_BLANK_BYTES && new TextDecoder().decode(body).trim() === '';
}

/** partial_success = 1 { rejected_spans = 1, error_message = 2 }. `isGuess`: no other field may be in it, as text could be read as one. */
function readProtobuf(body: Uint8Array, isGuess: boolean): OtlpAnswer | undefined {
  const fields = readFields(body);
  if (fields === undefined || (isGuess && fields.some(({ number }) => number !== 1))) return undefined;
  const partial = fields.findLast(({ number }) => number === 1);
  if (partial === undefined) return PLAIN_SUCCESS;
  const inner = partial.bytes === undefined ? undefined : readFields(partial.bytes);
  if (inner === undefined) return undefined;
  const rejected = inner.findLast(({ number }) => number === 1)?.varint ?? 0;
  const message = inner.findLast(({ number }) => number === 2)?.bytes;
  return { rejectedSpans: Math.max(0, rejected), message: printable(new TextDecoder().decode(message)) };
}

/** Names of fields as in OTLP/JSON, or as in the .proto file, which some libraries write. */
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
  return { rejectedSpans: Math.max(0, rejectedSpans), message: printable(message) };
}

/** JSON spells an int64 as a number or as a string. */
function int64Of(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) ? number : undefined;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
