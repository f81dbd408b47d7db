import type { RayEvent } from './ray-event.ts';
import type { Decoded } from './rejection.ts';

/** Turns one element of a posted array into a RayEvent, or says why not. Pure; never throws. */
export function decodeEvent(_raw: unknown): Decoded<RayEvent> {
  return { ok: false, rejection: { code: 'event_not_object', message: 'stub' } };
}
