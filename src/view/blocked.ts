import type { ViewModel } from './model.ts';
import { SessionNow } from './session-now.ts';
import { verdictOf } from './verdict-facts.ts';

/** Maximum jobs that the metric names. */
const MAX_JOBS = 20;
/** Maximum open attempts that are examined, over all jobs. */
const MAX_OPEN = 50_000;

/** How long jobs have been blocked, by `<session>/<job id>`: those that have been blocked longest. */
export function blockedSeconds(model: ViewModel, nowMs: number): ReadonlyMap<string, number> {
  const blocked: [job: string, seconds: number][] = [];
  let left = MAX_OPEN;
  for (const session of model.sessions.values()) {
    const now = new SessionNow(session, nowMs);
    for (const job of session.jobs.values()) {
      if (job.open.size === 0 || job.isInternal || !job.hasContent || job.closedMs !== undefined || left <= 0) continue;
      const { kind, sinceMs } = verdictOf(job, now, { nowMs, maxOpen: left });
      left -= job.open.size;
      if (kind === 'blocked' && sinceMs !== undefined) blocked.push([`${session.name}/${job.id}`, Math.max(0, now.nowMs - sinceMs) / 1000]);
    }
  }
  return new Map(blocked.toSorted((a, b) => b[1] - a[1]).slice(0, MAX_JOBS));
}
