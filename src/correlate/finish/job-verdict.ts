import { processExit } from '../../event/index.ts';
import { judgeJob, type JobVerdict } from './job-outcome.ts';
import { driverWorkerOf } from '../naming/ray-ids.ts';
import type { Job } from '../entities/entities.ts';
import { lastTimeOf, sortedTransitions } from '../states/transitions.ts';
import { SUBMISSION_END } from '../states/untimed.ts';

/** What a job came to, as far as is known now. */
export function verdictOf(job: Job): JobVerdict {
  const { session, definition, driverTransitions, driverError } = job;
  const submission = definition?.submissionId === undefined ? undefined : session.submissionJobs.get(definition.submissionId);
  const driver = { transitions: driverTransitions, leftOut: job.driverLeftOut };
  const exit = session.workers.get(driverWorkerOf(job.id))?.transitions.find(({ deathCause }) => deathCause !== undefined)?.deathCause;
  return judgeJob({
    submission:
      sortedTransitions(submission?.transitions ?? []).findLast(({ state }) => SUBMISSION_END.includes(state)) ?? submission?.untimedEnd,
    driverError,
    driver: {
      ran: driverTransitions.length > 0,
      finished: lastTimeOf(driver, 'FINISHED') !== undefined || job.driverUntimedEnd === 'FINISHED',
      failed: lastTimeOf(driver, 'FAILED') !== undefined || job.driverUntimedEnd === 'FAILED',
    },
    driverExit: (exit === undefined ? undefined : processExit(exit)) ?? job.driverExit,
    isFinished: lastTimeOf(job, 'FINISHED') !== undefined || job.untimedEnd !== undefined,
    tasks: { finished: job.finished, failed: job.failed, cancelled: job.cancelled, unfinished: job.unfinished },
    failedInternally: job.failedInternally,
    openAtEnd: job.openAtEnd,
  });
}
