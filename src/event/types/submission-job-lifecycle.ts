import { type Draft, type Problem, type RawObject, readMessage, readName, readSignedInt32, setDefined } from '../fields.ts';
import type { Payload } from '../payload.ts';
import type { StateTransition, SubmissionJobLifecycle, SubmissionJobTransition } from '../ray-event.ts';
import { readSubmissionId } from './submission-job-definition.ts';
import { readTransitions } from '../transitions.ts';

const STATES = ['UNSPECIFIED', 'PENDING', 'RUNNING', 'STOPPED', 'SUCCEEDED', 'FAILED'];

/**
 * Decodes `SubmissionJobLifecycleEvent` (`events_submission_job_lifecycle_event.proto`). In the
 * schema since Ray 2.55; no release up to 2.60 sends it.
 */
export function decodeSubmissionJobLifecycle({ body, header, problem }: Payload): SubmissionJobLifecycle {
  return {
    ...header,
    type: 'submission_job_lifecycle',
    submissionId: readSubmissionId(body, problem),
    ...readTransitions(body, STATES, withDetails, problem),
  };
}

function withDetails(base: StateTransition, raw: RawObject, problem: Problem): SubmissionJobTransition {
  const transition: Draft<SubmissionJobTransition> = base;
  setDefined(transition, 'message', readMessage(raw, 'message', problem));
  setDefined(transition, 'errorType', readName(raw, 'errorType', problem));
  setDefined(transition, 'exitCode', readSignedInt32(raw, 'driverExitCode', problem));
  return transition;
}
