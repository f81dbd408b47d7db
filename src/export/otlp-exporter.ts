import type { IExportTraceServiceResponse, ISerializer } from '@opentelemetry/otlp-transformer';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import { type ExportOutcome, type FailedOutcome, report } from './outcome.ts';
import { printable } from './printable.ts';

/** One request on the wire. Either the server's answer to an accepted request, or what went wrong. */
export type TransportAnswer = { readonly kind: 'answered'; readonly body: Uint8Array } | FailedOutcome;

export interface OtlpTransport {
  /** Never rejects; ends early, as `retry_after`, when `signal` aborts. */
  send(body: Uint8Array, signal: AbortSignal): Promise<TransportAnswer>;
  close(): void;
}

export type TraceSerializer = ISerializer<ReadableSpan[], IExportTraceServiceResponse>;

/**
 * An OTLP SpanExporter that sends once and reports exactly what happened.
 *
 * The exporters of @opentelemetry/exporter-trace-otlp-* are not used, because their answer is too coarse to lose nothing: a retryable failure
 * arrives without its status and its Retry-After, after uncancellable waits on a clock of their own, and a partial success is logged and
 * reported as success. The bytes are the same: their serializers are used here, and a test compares the requests.
 */
export function createOtlpExporter(serializer: TraceSerializer, transport: OtlpTransport): SpanExporter {
  const stop = new AbortController();
  const send = async (spans: ReadableSpan[]): Promise<ExportOutcome> => {
    let body: Uint8Array | undefined;
    try {
      body = serializer.serializeRequest(spans);
    } catch (error) {
      return { kind: 'refused', reason: `the span cannot be encoded: ${printable(String(error))}` };
    }
    if (body === undefined) return { kind: 'refused', reason: 'the span cannot be encoded' };
    const answer = await transport.send(body, stop.signal);
    return answer.kind === 'answered' ? outcomeOfResponse(serializer, answer.body, spans.length) : answer;
  };
  return {
    export: (spans, callback) => void report(send(spans), callback),
    forceFlush: () => Promise.resolve(),
    shutdown: () => {
      stop.abort();
      transport.close();
      return Promise.resolve();
    },
  };
}

/** Partial success as https://opentelemetry.io/docs/specs/otlp/#partial-success tells it: rejected spans, or just a remark. */
function outcomeOfResponse(serializer: TraceSerializer, body: Uint8Array, sentSpans: number): ExportOutcome {
  // What the wire can hold, not what the type says: OTLP JSON may spell an int64 as a string, and a stranger may send anything.
  let partial: { readonly rejectedSpans?: unknown; readonly errorMessage?: unknown } | null | undefined;
  try {
    const response: IExportTraceServiceResponse | null = serializer.deserializeResponse(body);
    partial = response?.partialSuccess;
  } catch {
    return { kind: 'delivered', warning: 'the backend accepted the spans, and its answer is not OTLP' };
  }
  const message = typeof partial?.errorMessage === 'string' ? printable(partial.errorMessage) : '';
  const rejectedSpans = Number(partial?.rejectedSpans ?? 0);
  if (rejectedSpans > 0) {
    return { kind: 'refused', reason: `partial success, ${rejectedSpans} of ${sentSpans} rejected: ${message}`, rejectedSpans };
  }
  return message === '' ? { kind: 'delivered' } : { kind: 'delivered', warning: message };
}
