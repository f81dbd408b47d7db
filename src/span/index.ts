export { ATTRIBUTES, type AttributeKey, type AttributeRow } from './attributes.ts';
export * from './ids.ts';
export type { SpanOptions } from './options.ts';
export { createSampling, type CreatedSampling, type IsSampled } from './sampling.ts';
export { createSpanMapper, type SpanMapper } from './span.ts';
export { createMapping, type MappingOptions } from './mapping.ts';
export { traceUrlOf } from './trace-url.ts';
export { readSpanEnvironment, type SpanEnvironment } from './environment.ts';
