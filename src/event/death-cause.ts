import { type Problem, type RawObject, readEnum, readMessage, readObject } from './fields.ts';
import type { DeathCause } from './ray-event.ts';

/** Names of `ActorDiedErrorContext.Reason`, by number. */
const ACTOR_DEATH_REASONS = ['UNSPECIFIED', 'WORKER_DIED', 'OWNER_DIED', 'NODE_DIED', 'RAY_KILL', 'OUT_OF_SCOPE', 'REF_DELETED'];

/**
 * Members of `ActorDeathCause.context` without a reason field: field, text field, and the reason
 * that we derive.
 */
const CONTEXTS = [
  ['creationTaskFailureContext', 'formattedExceptionString', 'CREATION_TASK_FAILED'],
  ['runtimeEnvFailedContext', 'errorMessage', 'RUNTIME_ENV_FAILED'],
  ['actorUnschedulableContext', 'errorMessage', 'UNSCHEDULABLE'],
  ['oomContext', 'errorMessage', 'OUT_OF_MEMORY'],
] as const;

/**
 * Reads `ActorDeathCause` (Ray's `common.proto`). The reason is the name of
 * `ActorDiedErrorContext.reason`. Other contexts give CREATION_TASK_FAILED, RUNTIME_ENV_FAILED,
 * UNSCHEDULABLE or OUT_OF_MEMORY. The pickled exception is never read.
 */
export function readActorDeathCause(raw: RawObject, name: string, problem: Problem): DeathCause | undefined {
  const cause = readObject(raw, name, problem);
  if (cause === undefined) return undefined;
  const died = readObject(cause, 'actorDiedErrorContext', problem);
  if (died !== undefined) return readReason(died, 'reason', ACTOR_DEATH_REASONS, 'errorMessage', problem);
  for (const [field, textField, reason] of CONTEXTS) {
    const context = readObject(cause, field, problem);
    if (context !== undefined) return { reason, message: readMessage(context, textField, problem) ?? '' };
  }
  return undefined;
}

/** Reads a death reported as an enum and a text, for an actor, a node or a worker. */
export function readReason(
  raw: RawObject,
  reasonField: string,
  reasons: readonly string[],
  textField: string,
  problem: Problem,
): DeathCause {
  return { reason: readEnum(raw, reasonField, reasons, problem), message: readMessage(raw, textField, problem) ?? '' };
}
