import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { EncodedSpan } from './encoded-span.ts';
import { encodeRequest } from './request.ts';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';

export interface TraceSerializer {
  serializeRequest(spans: ReadableSpan[]): Uint8Array | undefined;
}

/** Puts spans together that are encoded already; the library encodes those of others. The bytes are the same. */
export const protobufSerializer: TraceSerializer = {
  serializeRequest: (spans) => (areEncoded(spans) ? encodeRequest(spans) : ProtobufTraceSerializer.serializeRequest(spans)),
};

function areEncoded(spans: readonly unknown[]): spans is EncodedSpan[] {
  return spans.every((span) => span instanceof EncodedSpan);
}
