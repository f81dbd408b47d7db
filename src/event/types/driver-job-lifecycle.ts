import { readRequiredId } from '../fields.ts';
import { ID_BYTES } from '../hex-id.ts';
import type { Payload } from '../payload.ts';
import type { JobLifecycle } from '../ray-event.ts';
import { noDetails, readTransitions } from '../transitions.ts';

const STATES = ['UNSPECIFIED', 'CREATED', 'FINISHED'];

/**
 * Decodes `DriverJobLifecycleEvent` (`events_driver_job_lifecycle_event.proto`), Ray 2.50 and
 * later. FINISHED does not mean success.
 */
export function decodeDriverJobLifecycle({ body, header, problem }: Payload): JobLifecycle {
  return {
    ...header,
    type: 'job_lifecycle',
    jobId: readRequiredId(body, 'jobId', ID_BYTES.job, problem),
    ...readTransitions(body, STATES, noDetails, problem),
  };
}
