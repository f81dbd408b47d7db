import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { EncodedSpan } from './encoded-span.ts';
import { encodeRequest } from './request.ts';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';

export interface TraceSerializer {
  serializeRequest(spans: ReadableSpan[]): Uint8Array | undefined;
}

/**
 * Joins encoded spans into a request. The library serializes other spans. The bytes are the same.
 */
export const protobufSerializer: TraceSerializer = {
  serializeRequest: (spans) => (areEncoded(spans) ? encodeRequest(spans) : ProtobufTraceSerializer.serializeRequest(spans)),
};

function areEncoded(spans: readonly unknown[]): spans is EncodedSpan[] {
  return spans.every((span) => span instanceof EncodedSpan);
}
