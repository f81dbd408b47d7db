import { WORKER_EXIT_TYPES } from '../death.ts';
import { readReason } from '../death-cause.ts';
import {
  type Draft,
  type Problem,
  type RawObject,
  readEpochMs,
  readId,
  readInt64,
  readObject,
  readRequiredId,
  setDefined,
} from '../fields.ts';
import { ID_BYTES } from '../hex-id.ts';
import type { Payload } from '../payload.ts';
import type { StateTransition, TimeNs, WorkerLifecycle, WorkerTransition } from '../ray-event.ts';
import { readTransitions } from '../transitions.ts';

const STATES = ['ALIVE', 'DEAD'];
const EXIT_TYPES = WORKER_EXIT_TYPES;

/** Decodes `WorkerLifecycleEvent` (`events_worker_lifecycle_event.proto`), Ray 2.58 and later. */
export function decodeWorkerLifecycle({ body, header, problem }: Payload): WorkerLifecycle {
  const worker: Draft<WorkerLifecycle> = {
    ...header,
    type: 'worker_lifecycle',
    workerId: readRequiredId(body, 'workerId', ID_BYTES.worker, problem),
    ...readTransitions(body, STATES, withDetails, problem, processTime),
  };
  setDefined(worker, 'jobId', readId(body, 'jobId', ID_BYTES.job, problem));
  return worker;
}

/** Reads when the process began or ended, by its own clock. */
function processTime(state: string, raw: RawObject, problem: Problem): TimeNs | undefined {
  if (state === 'ALIVE') return readEpochMs(raw, 'startTimeMs', problem);
  return state === 'DEAD' ? readEpochMs(raw, 'endTimeMs', problem) : undefined;
}

function withDetails(base: StateTransition, raw: RawObject, problem: Problem): WorkerTransition {
  const transition: Draft<WorkerTransition> = base;
  setDefined(transition, 'launchNs', readEpochMs(raw, 'workerLaunchTimeMs', problem));
  setDefined(transition, 'launchedNs', readEpochMs(raw, 'workerLaunchedTimeMs', problem));
  const info = readObject(raw, 'deathInfo', problem);
  if (info === undefined) return transition;
  transition.deathCause = readReason(info, 'exitType', EXIT_TYPES, 'exitDetail', problem);
  setDefined(transition, 'memoryUsedBytes', readInt64(info, 'memoryUsedBytes', problem));
  return transition;
}
