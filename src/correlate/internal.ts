import type { Job } from './records.ts';

/**
 * Ray itself started the job's driver, as its job agent does for `ray job submit`. Ray sends no definition of such a job. A job of a user
 * whose definition was lost has tasks.
 */
export function isInternalJob({ definition, hasRayActor, session, attemptCount, own, guests }: Job): boolean {
  if (definition !== undefined) return false;
  return hasRayActor || (session.sendsJobs && attemptCount === 0 && own.size === 0 && guests.size === 0);
}
