export * from './ray-event.ts';
export * from './rejection.ts';
export { decodeEvent } from './decode.ts';
export { redactRawEvent } from './redact.ts';
