import type { Problem, RawObject } from './fields.ts';
import type { EventHeader, RayEvent } from './ray-event.ts';

/** Input of a payload decoder. */
export interface Payload {
  /** The payload object of this type in the envelope. */
  readonly body: RawObject;
  readonly header: EventHeader;
  /** The whole envelope, for types that use its fields. */
  readonly envelope: RawObject;
  readonly problem: Problem;
}

/** Decodes a payload. It reports faults to `payload.problem`; the result is then discarded. */
export type PayloadDecoder = (payload: Payload) => RayEvent;
