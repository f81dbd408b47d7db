import { readActorDeathCause } from './death-cause.ts';
import { type Problem, type RawObject, readEnum, readMessage, readObject } from './fields.ts';
import type { TaskError } from './ray-event.ts';

/** `ErrorType` of Ray's `common.proto`; numbers 30 to 33 as in Ray 2.55 and later. */
const ERROR_TYPES = [
  'WORKER_DIED',
  'ACTOR_DIED',
  'OBJECT_UNRECONSTRUCTABLE',
  'TASK_EXECUTION_EXCEPTION',
  'OBJECT_IN_PLASMA',
  'TASK_CANCELLED',
  'ACTOR_CREATION_FAILED',
  'RUNTIME_ENV_SETUP_FAILED',
  'OBJECT_LOST',
  'OWNER_DIED',
  'OBJECT_DELETED',
  'DEPENDENCY_RESOLUTION_FAILED',
  'OBJECT_UNRECONSTRUCTABLE_MAX_ATTEMPTS_EXCEEDED',
  'OBJECT_UNRECONSTRUCTABLE_LINEAGE_EVICTED',
  'OBJECT_FETCH_TIMED_OUT',
  'LOCAL_RAYLET_DIED',
  'TASK_PLACEMENT_GROUP_REMOVED',
  'ACTOR_PLACEMENT_GROUP_REMOVED',
  'TASK_UNSCHEDULABLE_ERROR',
  'ACTOR_UNSCHEDULABLE_ERROR',
  'OUT_OF_DISK_ERROR',
  'OBJECT_FREED',
  'OUT_OF_MEMORY',
  'NODE_DIED',
  'END_OF_STREAMING_GENERATOR',
  'ACTOR_UNAVAILABLE',
  'GENERATOR_TASK_FAILED_FOR_OBJECT_RECONSTRUCTION',
  'OBJECT_UNRECONSTRUCTABLE_PUT',
  'OBJECT_UNRECONSTRUCTABLE_RETRIES_DISABLED',
  'OBJECT_UNRECONSTRUCTABLE_BORROWED',
  'OBJECT_UNRECONSTRUCTABLE_REF_NOT_FOUND',
  'OBJECT_UNRECONSTRUCTABLE_TASK_CANCELLED',
  'OBJECT_UNRECONSTRUCTABLE_LINEAGE_DISABLED',
  'WORKER_STARTUP_FAILED',
  'STREAMING_GENERATOR_REPLAY_INCONSISTENT',
];

/**
 * Reads `RayErrorInfo`: its type and message. An empty message is replaced by that of the error
 * that is set.
 */
export function readTaskError(payload: RawObject, problem: Problem): TaskError | undefined {
  const info = readObject(payload, 'rayErrorInfo', problem);
  if (info === undefined) return undefined;
  const errorType = readEnum(info, 'errorType', ERROR_TYPES, problem);
  const message = readMessage(info, 'errorMessage', problem) ?? readErrorContext(info, problem) ?? '';
  return { errorType, message };
}

function readErrorContext(info: RawObject, problem: Problem): string | undefined {
  const died = readActorDeathCause(info, 'actorDiedError', problem);
  if (died !== undefined) return died.message;
  const setup = readObject(info, 'runtimeEnvSetupFailedError', problem);
  return setup === undefined ? undefined : readMessage(setup, 'errorMessage', problem);
}
