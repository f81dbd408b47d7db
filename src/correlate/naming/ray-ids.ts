/**
 * How Ray's ids nest, so that job and actor of a task are known without any definition.
 * Source: `src/ray/design_docs/id_specification.md` and `src/ray/common/id.h`. All ids are lower-case hex.
 */

const ACTOR_HEX = 32;
const JOB_HEX = 8;
const NO_ACTOR = 'f'.repeat(ACTOR_HEX - JOB_HEX);
const NO_WORKER = 'f'.repeat(48);
const DRIVER_PREFIX = 'f'.repeat(40);
const CREATION_PREFIX = 'f'.repeat(16);

/** The last 4 bytes of a task's or an actor's id. */
export function jobIdOf(id: string): string {
  return id.slice(-JOB_HEX);
}

/** The last 16 bytes of a task id, unless they are the filler of a task that is no actor's. */
export function actorIdOf(taskId: string): string | undefined {
  return taskId.startsWith(NO_ACTOR, taskId.length - ACTOR_HEX) ? undefined : taskId.slice(-ACTOR_HEX);
}

/** The driver is a task itself: 20 bytes of ff and the job id. */
export function isDriverTask(taskId: string): boolean {
  return taskId.startsWith(DRIVER_PREFIX);
}

/** The driver's own task of a job. */
export function driverTaskOf(jobId: string): string {
  return DRIVER_PREFIX + jobId;
}

/** The worker that a driver is: the job id, filled up with ff. */
export function driverWorkerOf(jobId: string): string {
  return jobId + NO_WORKER;
}

/** 8 bytes of ff and the actor id. */
export function isCreationTask(taskId: string): boolean {
  return taskId.startsWith(CREATION_PREFIX) && !isDriverTask(taskId);
}

/** Ray reserves this prefix for its own actors, for example the `JobSupervisor` of each submitted job. */
const RAY_NAME_PREFIX = '_ray_internal_';

/** Ray itself started an actor of this name. */
export function isRayActorName(name: string | undefined): boolean {
  return name?.startsWith(RAY_NAME_PREFIX) === true;
}

/** The creation task of an actor. */
export function creationTaskOf(actorId: string): string {
  return CREATION_PREFIX + actorId;
}
