import { JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';

/**
 * OTLP JSON lines: one ExportTraceServiceRequest a line, each line with its line feed. The same spans in the same order give the same bytes,
 * as long as spans of one resource share one Resource object (spans are grouped by it).
 * Source: https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/
 */
export function* otlpJsonLines(spans: readonly ReadableSpan[], spansPerLine = 512): Generator<string, void, undefined> {
  const decoder = new TextDecoder();
  for (let start = 0; start < spans.length; start += spansPerLine) {
    const request = JsonTraceSerializer.serializeRequest(spans.slice(start, start + spansPerLine));
    if (request !== undefined) yield `${decoder.decode(request)}\n`;
  }
}
