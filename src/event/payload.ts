import type { Problem, RawObject } from './fields.ts';
import type { EventHeader, RayEvent } from './ray-event.ts';

/** One payload on its way to a RayEvent. */
export interface Payload {
  /** The object in the envelope's slot of this type. */
  readonly body: RawObject;
  readonly header: EventHeader;
  /** The whole `RayEvent`, for the types that speak through its own fields. */
  readonly envelope: RawObject;
  readonly problem: Problem;
}

/** Reports what is wrong to `payload.problem`; the result is then worthless. */
export type PayloadDecoder = (payload: Payload) => RayEvent;
