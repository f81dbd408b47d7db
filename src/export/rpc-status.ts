/**
 * Reads the two parts of google.rpc.Status that an OTLP server answers a failure with: its message, and the delay in a RetryInfo detail.
 * Sources: google/rpc/status.proto, google/rpc/error_details.proto; https://opentelemetry.io/docs/specs/otlp/#otlpgrpc-throttling
 */
export interface RpcStatus {
  readonly message: string;
  /** RetryInfo.retry_delay, if it is there. */
  readonly retryAfterMs?: number;
}

/** Undefined when the bytes are not a google.rpc.Status. */
export function readRpcStatus(bytes: Uint8Array): RpcStatus | undefined {
  const fields = readFields(bytes);
  if (fields === undefined) return undefined;
  const retryAfterMs = fields
    .filter((field) => field.number === 3)
    .map((detail) => readRetryInfo(detail.bytes))
    .find((ms) => ms !== undefined);
  return { message: text(fields.find((field) => field.number === 2)?.bytes), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** google.protobuf.Any { type_url = 1, value = 2 } holding RetryInfo { retry_delay = 1 }, a Duration { seconds = 1, nanos = 2 }. */
function readRetryInfo(any: Uint8Array): number | undefined {
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

interface Field {
  readonly number: number;
  /** Of a length-delimited field; else empty. */
  readonly bytes: Uint8Array;
  /** Of a varint field; else 0. */
  readonly varint: number;
}

/** The fields of one protobuf message, or undefined when it isn't one. */
function readFields(bytes: Uint8Array): readonly Field[] | undefined {
  const fields: Field[] = [];
  let position = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[position++];
      if (byte === undefined) return Number.NaN;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  };
  while (position < bytes.length) {
    const tag = readVarint();
    const [number, wireType] = [Math.floor(tag / 8), tag % 8];
    if (wireType === 0) fields.push({ number, bytes: NOTHING, varint: readVarint() });
    else if (wireType === 1) position += 8;
    else if (wireType === 5) position += 4;
    else if (wireType === 2) {
      const length = readVarint();
      if (!(position + length <= bytes.length)) return undefined;
      fields.push({ number, bytes: bytes.subarray(position, position + length), varint: 0 });
      position += length;
    } else return undefined;
  }
  return fields.some((field) => Number.isNaN(field.varint)) || position > bytes.length ? undefined : fields;
}
