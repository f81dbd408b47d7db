import { readFields } from './byte-reader.ts';

/**
 * Message and retry delay of a google.rpc.Status, the error response of an OTLP server.
 * Sources: google/rpc/status.proto, google/rpc/error_details.proto;
 * https://opentelemetry.io/docs/specs/otlp/#otlpgrpc-throttling
 */
export interface RpcStatus {
  readonly message: string;
  /** RetryInfo.retry_delay, if present. */
  readonly retryAfterMs?: number;
}

/** Reads a google.rpc.Status. Returns undefined for any other bytes. */
export function readRpcStatus(bytes: Uint8Array): RpcStatus | undefined {
  const fields = readFields(bytes);
  if (fields === undefined) return undefined;
  const retryAfterMs = fields
    .filter((field) => field.number === 3)
    .map((detail) => readRetryInfo(detail.bytes))
    .find((ms) => ms !== undefined);
  return { message: text(fields.find((field) => field.number === 2)?.bytes), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/**
 * Reads the delay from google.protobuf.Any { type_url = 1, value = 2 } with RetryInfo { retry_delay
 * = 1 }, a Duration { seconds = 1, nanos = 2 }.
 */
function readRetryInfo(any: Uint8Array = NOTHING): number | undefined {
  const parts = readFields(any) ?? [];
  if (!text(parts.find((field) => field.number === 1)?.bytes).endsWith('/google.rpc.RetryInfo')) return undefined;
  const info = readFields(parts.find((field) => field.number === 2)?.bytes ?? NOTHING) ?? [];
  const duration = readFields(info.find((field) => field.number === 1)?.bytes ?? NOTHING) ?? [];
  const number = (wanted: number): number => duration.find((field) => field.number === wanted)?.varint ?? 0;
  return number(1) * 1000 + Math.ceil(number(2) / 1_000_000);
}

const NOTHING = new Uint8Array(0);

function text(bytes: Uint8Array = NOTHING): string {
  return new TextDecoder().decode(bytes);
}
