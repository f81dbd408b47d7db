import { readEnum, readTimestamp } from './fields.ts';
import type { Payload } from './payload.ts';
import type { ClusterPoint } from './ray-event.ts';

/** `RayEvent.Severity`. */
const SEVERITIES = ['EVENT_SEVERITY_UNSPECIFIED', 'TRACE', 'DEBUG', 'INFO', 'WARNING', 'ERROR', 'FATAL'];

/** When it happened and how bad it was: the envelope's own fields, which only events without states of their own need. */
export function readMoment({ envelope, problem }: Payload): Pick<ClusterPoint, 'timeNs' | 'severity'> {
  const timeNs = readTimestamp(envelope, 'timestamp', problem);
  const severity = readEnum(envelope, 'severity', SEVERITIES, problem);
  return timeNs === undefined ? { severity } : { timeNs, severity };
}
