import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { EncodedSpan, encodeRequest } from '../otlp/index.ts';
import type { TraceSerializer } from './otlp-exporter.ts';

/** Puts spans together that are encoded already; the library encodes those of others. The bytes are the same. */
export const protobufSerializer: TraceSerializer = {
  serializeRequest: (spans) => (areEncoded(spans) ? encodeRequest(spans) : ProtobufTraceSerializer.serializeRequest(spans)),
};

function areEncoded(spans: readonly unknown[]): spans is EncodedSpan[] {
  return spans.every((span) => span instanceof EncodedSpan);
}
