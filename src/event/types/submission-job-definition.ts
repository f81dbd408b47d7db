import { readEntrypoint } from './driver-job-definition.ts';
import { type Draft, MAX_KEY_LENGTH, type Problem, type RawObject, readName, readObject, setDefined } from '../fields.ts';
import type { Payload } from '../payload.ts';
import type { SubmissionJobDefinition } from '../ray-event.ts';
import { readRuntimeEnv } from '../redaction/runtime-env.ts';

/**
 * Decodes `SubmissionJobDefinitionEvent` (`events_submission_job_definition_event.proto`). In the
 * schema since Ray 2.55; no release up to 2.60 sends it.
 */
export function decodeSubmissionJobDefinition({ body, header, problem }: Payload): SubmissionJobDefinition {
  const job: Draft<SubmissionJobDefinition> = {
    ...header,
    type: 'submission_job_definition',
    submissionId: readSubmissionId(body, problem),
  };
  setDefined(job, 'entrypoint', readEntrypoint(body, problem));
  const config = readObject(body, 'config', problem);
  if (config === undefined) return job;
  setDefined(job, 'runtimeEnv', readRuntimeEnv(config, problem));
  const metadata = readObject(config, 'metadata', problem);
  if (metadata !== undefined) setDefined(job, 'jobName', readName(metadata, 'job_name', problem));
  return job;
}

export function readSubmissionId(body: RawObject, problem: Problem): string {
  const id = readName(body, 'submissionId', problem);
  if (id === undefined) problem.report('submissionId', 'is missing');
  else if (id.length > MAX_KEY_LENGTH) problem.report('submissionId', `is longer than ${MAX_KEY_LENGTH} characters`);
  return id ?? '';
}
