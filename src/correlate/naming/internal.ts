import { hasOpenAttempts } from '../entities/open-attempts.ts';
import type { JobState } from '../read-model.ts';

/**
 * Ray itself started the job's driver, as its job agent does for `ray job submit`. Ray sends no definition of such a job. A job of a user
 * whose definition was lost has tasks.
 */
export function isInternalJob(job: JobState): boolean {
  if (job.definition !== undefined) return false;
  return job.hasRayActor || (job.session.sendsJobs && job.closedAttempts === 0 && !hasOpenAttempts(job));
}

/** Functions of Ray's own libraries: Ray Data's trackers, Serve's controller... */
export function isRayModule(moduleName: string | undefined): boolean {
  return moduleName === 'ray' || moduleName?.startsWith('ray.') === true;
}
