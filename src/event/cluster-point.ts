import { readEnum, readTimestamp } from './fields.ts';
import type { Payload } from './payload.ts';
import type { TimeNs } from './ray-event.ts';

/** `RayEvent.Severity`. */
const SEVERITIES = ['EVENT_SEVERITY_UNSPECIFIED', 'TRACE', 'DEBUG', 'INFO', 'WARNING', 'ERROR', 'FATAL'];

/** When it happened and how bad it was: the envelope's own fields, which only events without states of their own need. */
export function readMoment({ envelope, problem }: Payload): { timeNs: TimeNs; severity: string } {
  const timeNs = readTimestamp(envelope, 'timestamp', problem);
  if (timeNs === undefined) problem.report('timestamp', 'is missing');
  return { timeNs: timeNs ?? 0n, severity: readEnum(envelope, 'severity', SEVERITIES, problem) };
}
