import { reduceEntrypoint } from '../redaction/entrypoint.ts';
import { type Draft, type Problem, type RawObject, readId, readName, readObject, readPid, readRequiredId, setDefined } from '../fields.ts';
import { ID_BYTES } from '../hex-id.ts';
import type { Payload } from '../payload.ts';
import type { JobDefinition } from '../ray-event.ts';
import { readRuntimeEnv } from '../redaction/runtime-env.ts';

/**
 * Maximum length of `traceparent` and `tracestate`. A `traceparent` has 55 characters today, and
 * later versions may append to it. W3C Trace Context allows dropping a longer `tracestate`.
 */
const MAX_TRACE_CONTEXT_LENGTH = 512;
const DETAILS = ['all', 'slow', 'failed'] as const;

/**
 * Decodes `DriverJobDefinitionEvent` (`events_driver_job_definition_event.proto`), Ray 2.50 and
 * later.
 */
export function decodeDriverJobDefinition({ body, header, problem }: Payload): JobDefinition {
  const job: Draft<JobDefinition> = {
    ...header,
    type: 'job_definition',
    jobId: readRequiredId(body, 'jobId', ID_BYTES.job, problem),
  };
  setDefined(job, 'driverPid', readPid(body, 'driverPid', problem));
  setDefined(job, 'driverNodeId', readId(body, 'driverNodeId', ID_BYTES.node, problem));
  setDefined(job, 'entrypoint', readEntrypoint(body, problem));
  const config = readObject(body, 'config', problem);
  if (config === undefined) return job;
  setDefined(job, 'runtimeEnv', readRuntimeEnv(config, problem));
  const metadata = readObject(config, 'metadata', problem);
  if (metadata !== undefined) addMetadata(job, metadata, problem);
  return job;
}

export function readEntrypoint(body: RawObject, problem: Problem): string | undefined {
  const entrypoint = body['entrypoint'];
  if (typeof entrypoint === 'string') return reduceEntrypoint(entrypoint);
  if (entrypoint !== undefined && entrypoint !== null) problem.report('entrypoint', 'is not a string');
  return undefined;
}

/**
 * Reads the metadata keys that Ray or the bridge defines. Other values may be secret and are not
 * read.
 */
function addMetadata(job: Draft<JobDefinition>, metadata: RawObject, problem: Problem): void {
  setDefined(job, 'jobName', readName(metadata, 'job_name', problem));
  setDefined(job, 'submissionId', readName(metadata, 'job_submission_id', problem));
  setDefined(job, 'traceparent', readTraceContext(metadata, 'traceparent', problem));
  setDefined(job, 'tracestate', readTraceContext(metadata, 'tracestate', problem));
  setDefined(job, 'serviceName', readName(metadata, 'ray_otel.service_name', problem));
  const detail = readName(metadata, 'ray_otel.detail', problem);
  setDefined(
    job,
    'detail',
    DETAILS.find((known) => known === detail),
  );
}

function readTraceContext(metadata: RawObject, key: string, problem: Problem): string | undefined {
  const text = readName(metadata, key, problem);
  return text !== undefined && text.length <= MAX_TRACE_CONTEXT_LENGTH ? text : undefined;
}
