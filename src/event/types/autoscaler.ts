import { readMoment } from '../cluster-point.ts';
import { readMessage } from '../fields.ts';
import type { Payload } from '../payload.ts';
import type { ClusterPoint } from '../ray-event.ts';

const AUTOSCALER = 'AUTOSCALER';
const AUTOSCALER_NUMBER = 5;

/** Of an event's `source_type`. */
export function isAutoscaler(source: unknown): boolean {
  return source === AUTOSCALER || source === AUTOSCALER_NUMBER;
}

/**
 * An event whose `source_type` is AUTOSCALER and whose type has no decoder: named by its type, told by its message. No
 * release up to 2.60 sends one; the source type is reserved for them.
 */
export function decodeAutoscaler(payload: Payload, eventType: string): ClusterPoint {
  const { envelope, header, problem } = payload;
  return {
    ...header,
    ...readMoment(payload),
    type: 'cluster_point',
    source: 'autoscaler',
    name: eventType,
    message: readMessage(envelope, 'message', problem) ?? '',
    attributes: {},
  };
}
