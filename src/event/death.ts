import type { DeathCause } from './ray-event.ts';

/** How the process of a worker ended: `WorkerExitType` of Ray's `common.proto`, and Ray's words. */
export interface ProcessExit {
  readonly type: string;
  readonly detail: string;
}

/** What the death of a worker or actor means for what it was doing. */
export type DeathMeaning =
  /** Its process or its node failed, or it was killed: what it did has failed. */
  | 'failure'
  /** A `ray.cancel` with force ends the process. */
  | 'cancelled'
  /** Ray ends what belongs to a driver that ended. */
  | 'driver_ended'
  /** `exit_actor()`, an exit code of 0, a worker without work, an actor that nobody refers to. */
  | 'intended';

export const WORKER_EXIT_TYPES = [
  'SYSTEM_ERROR',
  'INTENDED_SYSTEM_EXIT',
  'USER_ERROR',
  'INTENDED_USER_EXIT',
  'NODE_OUT_OF_MEMORY',
] as const;

/** `CoreWorker::HandleCancelTask`. */
const FORCE_CANCEL = /has received a force ray\.cancel request/;
/** `CoreWorker`: the raylet sends it to idle and running workers of a job that finished. */
const JOB_FINISHED = /exited because its job has finished/;
/** `GcsActorManager` on the death of an owner. A driver's worker id is its job id, filled up with ff. */
const OWNER = /\bOwner Id: ([0-9a-f]{8})([0-9a-f]{48})\b[\s\S]*?\bOwner worker exit type: ([A-Z_]+)(?: Worker exit detail: ([\s\S]*))?/;
const OF_A_DRIVER = 'f'.repeat(48);
/** `GcsActorManager` on the death of an actor's own worker. */
const OWN_WORKER = /\bits worker process has died\. Worker exit type: ([A-Z_]+)(?: Worker exit detail: ([\s\S]*))?/;
const ACTOR_KILLED = /^Worker exits because the actor is killed\. /;
/** `NodeManager`: what runs in a placement group ends with it. */
const GROUP_REMOVED = /placement group was removed/;
const SIGTERM = /\bThe process receives a SIGTERM\b/;
/** Reasons of an actor's death: nobody can call it any more. */
const UNREFERENCED: readonly string[] = ['OUT_OF_SCOPE', 'REF_DELETED'];

export function deathMeaning({ reason, message }: DeathCause): DeathMeaning {
  if (FORCE_CANCEL.test(message)) return 'cancelled';
  if (JOB_FINISHED.test(message) || endedDriver(message) !== undefined) return 'driver_ended';
  if (UNREFERENCED.includes(reason)) return 'intended';
  const exit = OWN_WORKER.exec(message)?.[1] ?? reason;
  const isIntended = exit === 'INTENDED_USER_EXIT' || exit === 'INTENDED_SYSTEM_EXIT';
  return isIntended && !ACTOR_KILLED.test(message) && !GROUP_REMOVED.test(message) ? 'intended' : 'failure';
}

/** How the process ended: the worker itself, or the worker of an actor. Undefined for a death that is none of a process. */
export function processExit({ reason, message }: DeathCause): ProcessExit | undefined {
  if (WORKER_EXIT_TYPES.some((type) => type === reason)) return { type: reason, detail: message };
  const [, type, detail] = OWN_WORKER.exec(message) ?? [];
  return type === undefined ? undefined : { type, detail: detail ?? '' };
}

/** The driver whose end caused a death, and how it ended. */
export function endedDriver(message: string): { readonly jobId: string; readonly exit: ProcessExit } | undefined {
  const [, jobId, rest, type, detail] = OWNER.exec(message) ?? [];
  if (jobId === undefined || rest !== OF_A_DRIVER || type === undefined) return undefined;
  return { jobId, exit: { type, detail: detail ?? '' } };
}

/** Its worker was told to end. Ray does so with the workers of a driver that ended, but does not say so. */
export function endedBySigterm(message: string): boolean {
  return SIGTERM.test(message);
}

/** Why the actor of a worker is dead, where that is why the worker ended. */
export function killedActorReason(message: string): string | undefined {
  return ACTOR_KILLED.test(message) ? message.replace(ACTOR_KILLED, '') : undefined;
}
