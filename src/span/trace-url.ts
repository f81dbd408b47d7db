/**
 * Returns the URL of a span in its trace. `pattern` contains `{traceId}` and optionally `{spanId}`,
 * with which some user interfaces open the span (`?uiFind={spanId}` in Jaeger). Ids are hex and
 * need no escaping.
 */
export function traceUrlOf(pattern: string, traceId: string, spanId: string): string {
  return pattern.replaceAll('{traceId}', traceId).replaceAll('{spanId}', spanId);
}
