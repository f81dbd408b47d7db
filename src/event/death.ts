import type { DeathCause } from './ray-event.ts';

/** How a worker process ended: `WorkerExitType` of Ray's `common.proto`, and Ray's explanation. */
export interface ProcessExit {
  readonly type: string;
  readonly detail: string;
}

/** What the death of a worker or actor means for the work that it was doing. */
export type DeathMeaning =
  /** The process or its node failed, or it was killed: its work has failed. */
  | 'failure'
  /** A `ray.cancel` with `force=True` ended the process. */
  | 'cancelled'
  /** Ray ended it because the driver that owned it ended. */
  | 'driver_ended'
  /** A planned end: `exit_actor()`, exit code 0, an idle worker, an unreferenced actor. */
  | 'intended';

export const WORKER_EXIT_TYPES = [
  'SYSTEM_ERROR',
  'INTENDED_SYSTEM_EXIT',
  'USER_ERROR',
  'INTENDED_USER_EXIT',
  'NODE_OUT_OF_MEMORY',
] as const;

/** Text of `CoreWorker::HandleCancelTask`. */
const FORCE_CANCEL = /has received a force ray\.cancel request/;
/** Text of `CoreWorker`. The raylet ends idle and busy workers of a finished job with it. */
const JOB_FINISHED = /exited because its job has finished/;
/**
 * Text of `GcsActorManager` on the death of an owner. The worker id of a driver is its job id,
 * padded with ff.
 */
const OWNER = /\bOwner Id: ([0-9a-f]{8})([0-9a-f]{48})\b[\s\S]*?\bOwner worker exit type: ([A-Z_]+)(?: Worker exit detail: ([\s\S]*))?/;
const DRIVER_SUFFIX = 'f'.repeat(48);
/** Text of `GcsActorManager` on the death of the actor's own worker. */
const OWN_WORKER = /\bits worker process has died\. Worker exit type: ([A-Z_]+)(?: Worker exit detail: ([\s\S]*))?/;
const ACTOR_KILLED = /^Worker exits because the actor is killed\. /;
/** Text of `NodeManager`: removing a placement group ends the workers in it. */
const GROUP_REMOVED = /placement group was removed/;
const SIGTERM = /\bThe process receives a SIGTERM\b/;
/** Death reasons of an actor that no reference points to. */
const UNREFERENCED: readonly string[] = ['OUT_OF_SCOPE', 'REF_DELETED'];

export function deathMeaning({ reason, message }: DeathCause): DeathMeaning {
  if (FORCE_CANCEL.test(message)) return 'cancelled';
  if (JOB_FINISHED.test(message) || endedDriver(message) !== undefined) return 'driver_ended';
  if (UNREFERENCED.includes(reason)) return 'intended';
  const exit = OWN_WORKER.exec(message)?.[1] ?? reason;
  const isIntended = exit === 'INTENDED_USER_EXIT' || exit === 'INTENDED_SYSTEM_EXIT';
  return isIntended && !ACTOR_KILLED.test(message) && !GROUP_REMOVED.test(message) ? 'intended' : 'failure';
}

/** Returns how the process of a worker or actor ended; undefined when no process ended. */
export function processExit({ reason, message }: DeathCause): ProcessExit | undefined {
  if (WORKER_EXIT_TYPES.some((type) => type === reason)) return { type: reason, detail: message };
  const [, type, detail] = OWN_WORKER.exec(message) ?? [];
  return type === undefined ? undefined : { type, detail: detail ?? '' };
}

/** Returns the driver whose end caused a death, and how that driver ended. */
export function endedDriver(message: string): { readonly jobId: string; readonly exit: ProcessExit } | undefined {
  const [, jobId, rest, type, detail] = OWNER.exec(message) ?? [];
  if (jobId === undefined || rest !== DRIVER_SUFFIX || type === undefined) return undefined;
  return { jobId, exit: { type, detail: detail ?? '' } };
}

/**
 * Whether a SIGTERM ended the worker. Ray sends one to workers of an ended driver without naming
 * the driver.
 */
export function endedBySigterm(message: string): boolean {
  return SIGTERM.test(message);
}

/** Returns why the actor was killed, when its death ended the worker. */
export function killedActorReason(message: string): string | undefined {
  return ACTOR_KILLED.test(message) ? message.replace(ACTOR_KILLED, '') : undefined;
}
