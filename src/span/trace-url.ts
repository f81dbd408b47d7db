/**
 * The link to a span in its trace. `pattern` has `{traceId}`, and may have `{spanId}`, with which some user interfaces show the span at once
 * (`?uiFind={spanId}` in Jaeger). Ids are hex, so nothing needs to be escaped.
 */
export function traceUrlOf(pattern: string, traceId: string, spanId: string): string {
  return pattern.replaceAll('{traceId}', traceId).replaceAll('{spanId}', spanId);
}
