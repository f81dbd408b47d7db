export { createReceiver, type ReceiverOptions } from './receiver.ts';
export type { Pressure } from './receive-batch.ts';
export type { BatchAnswered, ReceiverTelemetry } from './receiver-telemetry.ts';
export { DEFAULT_RECEIVER_LIMITS, type ReceiverLimits } from './limits.ts';
export { type RefusalCode, STATUS_OF_REFUSAL } from './refusal.ts';
export type { DecodedBatch, RejectedEvent } from './decode-batch.ts';
export { createSeenEvents, type SeenEvents } from './seen-events.ts';
export { createTurns, type Turn, type Turns, type TurnsOptions } from './turns.ts';
