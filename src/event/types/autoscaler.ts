import { readTimeAndSeverity } from '../cluster-point.ts';
import { readMessage } from '../fields.ts';
import type { Payload } from '../payload.ts';
import type { ClusterPoint } from '../ray-event.ts';

const AUTOSCALER = 'AUTOSCALER';
const AUTOSCALER_NUMBER = 5;

/** Whether a `source_type` is that of the autoscaler. */
export function isAutoscaler(source: unknown): boolean {
  return source === AUTOSCALER || source === AUTOSCALER_NUMBER;
}

/**
 * Decodes an event whose `source_type` is AUTOSCALER and whose type has no decoder. The type
 * becomes the name. Ray reserves the source type; no release up to 2.60 sends such an event.
 */
export function decodeAutoscaler(payload: Payload, eventType: string): ClusterPoint {
  const { envelope, header, problem } = payload;
  return {
    ...header,
    ...readTimeAndSeverity(payload),
    type: 'cluster_point',
    source: 'autoscaler',
    name: eventType,
    message: readMessage(envelope, 'message', problem) ?? '',
    attributes: {},
  };
}
