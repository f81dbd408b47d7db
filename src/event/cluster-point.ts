import { readEnum, readTimestamp } from './fields.ts';
import type { Payload } from './payload.ts';
import type { ClusterPoint } from './ray-event.ts';

/** Names of `RayEvent.Severity`, by number. */
const SEVERITIES = ['EVENT_SEVERITY_UNSPECIFIED', 'TRACE', 'DEBUG', 'INFO', 'WARNING', 'ERROR', 'FATAL'];

/** Reads time and severity from the envelope, for events whose payload has no states. */
export function readTimeAndSeverity({ envelope, problem }: Payload): Pick<ClusterPoint, 'timeNs' | 'severity'> {
  const timeNs = readTimestamp(envelope, 'timestamp', problem);
  const severity = readEnum(envelope, 'severity', SEVERITIES, problem);
  return timeNs === undefined ? { severity } : { timeNs, severity };
}
