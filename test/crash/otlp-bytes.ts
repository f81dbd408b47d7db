/**
 * A field of a protobuf message with its bytes. Only what OTLP uses: varints, fixed numbers and
 * parts with a length.
 */
interface Field {
  readonly number: number;
  readonly value: Uint8Array;
}

/** A span of an ExportTraceServiceRequest as it was encoded. */
export interface EncodedSpan {
  /** Hex. */
  readonly traceId: string;
  readonly spanId: string;
  readonly name: string;
  /** The encoded span, resource and scope: everything that a backend can compare. */
  readonly parts: readonly Uint8Array[];
}

/**
 * Splits the body of `POST /v1/traces` into its spans without any code of the bridge or of
 * OpenTelemetry.
 */
export function encodedSpans(request: Uint8Array): EncodedSpan[] {
  const spans: EncodedSpan[] = [];
  for (const resourceSpans of parts(request, 1)) {
    const resource = parts(resourceSpans, 1);
    const resourceSchema = parts(resourceSpans, 3);
    for (const scopeSpans of parts(resourceSpans, 2)) {
      const scope = [...parts(scopeSpans, 1), ...parts(scopeSpans, 3)];
      for (const span of parts(scopeSpans, 2)) {
        spans.push({
          traceId: Buffer.from(parts(span, 1)[0] ?? []).toString('hex'),
          spanId: Buffer.from(parts(span, 2)[0] ?? []).toString('hex'),
          name: Buffer.from(parts(span, 5)[0] ?? []).toString('utf8'),
          parts: [span, ...resource, ...resourceSchema, ...scope],
        });
      }
    }
  }
  return spans;
}

/** The whole numbers among a span's attributes, by key. */
export function numbersOf({ parts: [span] }: EncodedSpan): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const attribute of parts(span ?? new Uint8Array(), 9)) {
    const [key] = parts(attribute, 1);
    const [value] = parts(attribute, 2);
    const [number] = value === undefined ? [] : parts(value, 3);
    if (key !== undefined && number !== undefined) numbers.set(Buffer.from(key).toString('utf8'), varintOf(number));
  }
  return numbers;
}

function varintOf(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 128 + (byte & 0x7f), 0);
}

function parts(message: Uint8Array, number: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const field of fields(message)) if (field.number === number) found.push(field.value);
  return found;
}

function* fields(message: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at];
      if (byte === undefined || shift > 63) throw new Error('a varint without an end');
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const wireType = tag & 7;
    const from = at;
    if (wireType === 0) varint();
    else if (wireType === 1) at += 8;
    else if (wireType === 5) at += 4;
    else if (wireType === 2) {
      const length = varint();
      const start = at;
      at += length;
      if (at > message.length) throw new Error('a part that is longer than its message');
      yield { number: Math.floor(tag / 8), value: message.subarray(start, at) };
      continue;
    } else throw new Error(`wire type ${wireType}`);
    yield { number: Math.floor(tag / 8), value: message.subarray(from, at) };
  }
}
