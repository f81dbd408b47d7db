import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import { textOfAnswer } from './answer-text.ts';
import { readOtlpAnswer } from './otlp-answer.ts';
import { type ExportOutcome, type FailedOutcome, outcomeOfStrangeAnswer, report } from './outcome.ts';
import type { TraceSerializer } from '../otlp/index.ts';
import { printable } from '../runtime/index.ts';

/** The server's answer to a request that it accepted. */
interface Answered {
  readonly kind: 'answered';
  /** In its words: HTTP 200, gRPC OK. */
  readonly status: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** One request on the wire: its answer, or what went wrong. */
export type TransportAnswer = Answered | FailedOutcome;

export interface OtlpTransport {
  /** Never rejects; ends early, as `retry_after`, when `signal` aborts. */
  send(body: Uint8Array, signal: AbortSignal): Promise<TransportAnswer>;
  close(): void;
  /** Hands on what a library below writes to its own log. */
  readonly onNote?: (listener: (note: string) => void) => void;
}

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
    return answer.kind === 'answered' ? outcomeOfAnswer(answer, spans.length) : answer;
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

function outcomeOfAnswer({ status, contentType, body }: Answered, sentSpans: number): ExportOutcome {
  const answer = readOtlpAnswer(body, contentType);
  if (answer === undefined) return outcomeOfStrangeAnswer(status, textOfAnswer(body, contentType));
  const { rejectedSpans, message } = answer;
  if (rejectedSpans > 0) {
    return { kind: 'refused', reason: `partial success, ${rejectedSpans} of ${sentSpans} rejected: ${message}`, rejectedSpans };
  }
  return message === '' ? { kind: 'delivered' } : { kind: 'delivered', warning: message };
}
