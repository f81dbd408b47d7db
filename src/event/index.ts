export * from './ray-event.ts';
export * from './rejection.ts';
export { decodeEvent, isDeduplicable } from './decode.ts';
export type { Draft } from './fields.ts';
export { ID_BYTES } from './hex-id.ts';
export { redactRawEvent } from './redact.ts';
export { ScanBytes } from './scan-bytes.ts';
export { EventScanner } from './scan-event.ts';
export { taskDefinitionEvent, taskLifecycleEvent } from './task-event.ts';
