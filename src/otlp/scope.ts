/** Instrumentation scope of every span of the bridge. */
export const INSTRUMENTATION_SCOPE = { name: 'ray-otel-bridge' };
