/**
 * Reads what a sink needs of an ExportTraceServiceRequest in protobuf: no more, so that the sink is
 * fast.
 */

export interface SpanBytes {
  /** Of both ids, one character a byte. */
  readonly traceId: string;
  readonly spanId: string;
  readonly bytes: Buffer;
}

const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/**
 * Calls `see` for each field; `value` holds the number of a varint, and where the bytes of the
 * others are.
 */
function readFields(bytes: Buffer, see: (field: number, value: number, from: number, to: number) => void): void {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = bytes[at] ?? 0;
      at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const wire = key & 7;
    let value = 0;
    let from = at;
    if (wire === WIRE.varint) value = varint();
    else if (wire === WIRE.fixed64) at += 8;
    else if (wire === WIRE.fixed32) at += 4;
    else if (wire === WIRE.bytes) {
      const length = varint();
      from = at;
      at += length;
    } else throw new Error(`wire type ${wire} is in no OTLP message`);
    see(Math.floor(key / 8), value, from, at);
  }
}

/**
 * Every span of a request: resource_spans = 1, scope_spans = 2, spans = 2, trace_id = 1, span_id =
 * 2.
 */
export function readSpans(request: Buffer, see: (span: SpanBytes) => void): void {
  readFields(request, (resourceField, _1, resourceFrom, resourceTo) => {
    if (resourceField !== 1) return;
    const resourceSpans = request.subarray(resourceFrom, resourceTo);
    readFields(resourceSpans, (scopeField, _2, scopeFrom, scopeTo) => {
      if (scopeField !== 2) return;
      const scopeSpans = resourceSpans.subarray(scopeFrom, scopeTo);
      readFields(scopeSpans, (spanField, _3, spanFrom, spanTo) => {
        if (spanField !== 2) return;
        see(spanOf(scopeSpans.subarray(spanFrom, spanTo)));
      });
    });
  });
}

function spanOf(bytes: Buffer): SpanBytes {
  // The bridge writes both ids first: 0a 10 and 16 bytes, 12 08 and 8 bytes. A Collector has an
  // order of its own.
  if (bytes[0] === 0x0a && bytes[18] === 0x12) {
    return { traceId: bytes.toString('latin1', 2, 18), spanId: bytes.toString('latin1', 20, 28), bytes };
  }
  let traceId = '';
  let spanId = '';
  readFields(bytes, (field, _value, from, to) => {
    if (field === 1) traceId = bytes.toString('latin1', from, to);
    if (field === 2) spanId = bytes.toString('latin1', from, to);
  });
  return { traceId, spanId, bytes };
}

/**
 * Name and whole-number attributes of a span: name = 5, attributes = 9, key = 1, value = 2,
 * int_value = 3.
 */
export function readSpan(span: Buffer): { readonly name: string; readonly numbers: Readonly<Record<string, number>> } {
  let name = '';
  const numbers: Record<string, number> = {};
  readFields(span, (field, _value, from, to) => {
    if (field === 5) name = span.toString('utf8', from, to);
    if (field !== 9) return;
    const attribute = span.subarray(from, to);
    let key = '';
    readFields(attribute, (part, _1, partFrom, partTo) => {
      if (part === 1) key = attribute.toString('utf8', partFrom, partTo);
      if (part !== 2) return;
      readFields(attribute.subarray(partFrom, partTo), (kind, number) => {
        if (kind === 3) numbers[key] = number;
      });
    });
  });
  return { name, numbers };
}
