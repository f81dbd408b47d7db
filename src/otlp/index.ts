export { EncodedSpan, plainSpan, spanKey, spanKeys } from './encoded-span.ts';
export { encodeRequest } from './request.ts';
export { INSTRUMENTATION_SCOPE } from './scope.ts';
export { SpanEncoder } from './span-encoder.ts';
export { type AttributeList, EncodedAttributes, type EventFields, type LinkFields, type SpanFields } from './span-fields.ts';
