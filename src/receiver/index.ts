export { createReceiver, type Receiver, type ReceiverOptions } from './receiver.ts';
export type { ForwardPost, Pressure } from './receive-batch.ts';
export type { ReceiverTelemetry } from './receiver-telemetry.ts';
export { DEFAULT_RECEIVER_LIMITS, type ReceiverLimits } from './limits.ts';
export type { DecodedBatch } from './decode-batch.ts';
export { createSeenEvents } from './seen-events.ts';
