import { type Problem, type RawObject, readEnum, readMessage, readObject } from './fields.ts';
import type { DeathCause } from './ray-event.ts';

/** `ActorDiedErrorContext.Reason`. */
const ACTOR_DEATH_REASONS = ['UNSPECIFIED', 'WORKER_DIED', 'OWNER_DIED', 'NODE_DIED', 'RAY_KILL', 'OUT_OF_SCOPE', 'REF_DELETED'];

/** The members of `ActorDeathCause.context` that have no reason of their own: field, text field, and the reason they stand for. */
const CONTEXTS = [
  ['creationTaskFailureContext', 'formattedExceptionString', 'CREATION_TASK_FAILED'],
  ['runtimeEnvFailedContext', 'errorMessage', 'RUNTIME_ENV_FAILED'],
  ['actorUnschedulableContext', 'errorMessage', 'UNSCHEDULABLE'],
  ['oomContext', 'errorMessage', 'OUT_OF_MEMORY'],
] as const;

/**
 * `ActorDeathCause` (Ray's `common.proto`): `reason` is the name of `ActorDiedErrorContext.reason`, or CREATION_TASK_FAILED,
 * RUNTIME_ENV_FAILED, UNSCHEDULABLE, OUT_OF_MEMORY after the context that is set. The pickled exception is never read.
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

/** A death told as an enum and a text: of an actor, a node, a worker. */
export function readReason(
  raw: RawObject,
  reasonField: string,
  reasons: readonly string[],
  textField: string,
  problem: Problem,
): DeathCause {
  return { reason: readEnum(raw, reasonField, reasons, problem), message: readMessage(raw, textField, problem) ?? '' };
}
