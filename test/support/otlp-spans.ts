/** A span of OTLP JSON with its resource's attributes, as any consumer of the files reads it. */
export interface FlatSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** '' for a root. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
  /** 0 unset, 1 ok, 2 error. */
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly links: readonly { readonly traceId: string; readonly spanId: string; readonly attributes: Readonly<Record<string, unknown>> }[];
  readonly events: readonly { readonly name: string; readonly timeNs: bigint; readonly attributes: Readonly<Record<string, unknown>> }[];
}

interface OtlpValue {
  stringValue?: string;
  intValue?: string | number;
  doubleValue?: number;
  boolValue?: boolean;
  arrayValue?: { values?: OtlpValue[] };
  kvlistValue?: { values?: OtlpAttribute[] };
}
interface OtlpAttribute {
  key: string;
  value: OtlpValue;
}
interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: OtlpAttribute[];
  status?: { code?: number | string; message?: string };
  links?: { traceId: string; spanId: string; attributes?: OtlpAttribute[] }[];
  events?: { name: string; timeUnixNano: string; attributes?: OtlpAttribute[] }[];
}
interface OtlpRequest {
  resourceSpans?: { resource?: { attributes?: OtlpAttribute[] }; scopeSpans?: { spans?: OtlpSpan[] }[] }[];
}

/** Reads OTLP JSON lines (one ExportTraceServiceRequest a line): what `convert`, the `file` exporter and the Collector's file exporter write. */
export function readOtlpJsonLines(text: string): FlatSpan[] {
  const spans: FlatSpan[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const request: unknown = JSON.parse(line);
    if (!isOtlpRequest(request)) throw new Error(`not an ExportTraceServiceRequest: ${line.slice(0, 100)}`);
    for (const { resource, scopeSpans } of request.resourceSpans ?? []) {
      const resourceAttributes = readAttributes(resource?.attributes);
      for (const scope of scopeSpans ?? []) for (const span of scope.spans ?? []) spans.push(flatten(span, resourceAttributes));
    }
  }
  return spans;
}

function isOtlpRequest(value: unknown): value is OtlpRequest {
  return typeof value === 'object' && value !== null && 'resourceSpans' in value && Array.isArray(value.resourceSpans);
}

function flatten(span: OtlpSpan, resource: Record<string, unknown>): FlatSpan {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId ?? '',
    name: span.name,
    startNs: BigInt(span.startTimeUnixNano),
    endNs: BigInt(span.endTimeUnixNano),
    attributes: readAttributes(span.attributes),
    resource,
    statusCode: statusCode(span.status?.code),
    statusMessage: span.status?.message ?? '',
    links: (span.links ?? []).map((link) => ({ traceId: link.traceId, spanId: link.spanId, attributes: readAttributes(link.attributes) })),
    events: (span.events ?? []).map((event) => ({
      name: event.name,
      timeNs: BigInt(event.timeUnixNano),
      attributes: readAttributes(event.attributes),
    })),
  };
}

function statusCode(code: number | string | undefined): number {
  if (typeof code !== 'string') return code ?? 0;
  return ['STATUS_CODE_UNSET', 'STATUS_CODE_OK', 'STATUS_CODE_ERROR'].indexOf(code);
}

function readAttributes(attributes: OtlpAttribute[] | undefined): Record<string, unknown> {
  return Object.fromEntries((attributes ?? []).map(({ key, value }) => [key, readValue(value)]));
}

function readValue(value: OtlpValue): unknown {
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(readValue);
  if (value.kvlistValue) return readAttributes(value.kvlistValue.values);
  if (value.intValue !== undefined) return Number(value.intValue);
  return value.stringValue ?? value.doubleValue ?? value.boolValue ?? null;
}
