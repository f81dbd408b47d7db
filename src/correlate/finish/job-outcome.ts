import { type ProcessExit, reasonLine, type TaskError } from '../../event/index.ts';
import type { TaskCounts } from '../entities/task-counts.ts';

/**
 * `stopped`: it ended before its work was done, and nothing says that it failed. `unknown`: Ray says nothing from which it follows. No release
 * up to 2.60 reports how a driver that shuts down ended: one that raised an exception looks like one that succeeded.
 */
export type JobOutcome = 'succeeded' | 'failed' | 'stopped' | 'unknown';

/** What the outcome of a job follows from. */
export type JobOutcomeReason =
  /** The job API says so. No release up to 2.60 sends its events. */
  | 'submission'
  /** The driver's own task failed. */
  | 'driver_failed'
  /** The driver's process ended without shutting down: it was killed, crashed, or left by `os._exit`. */
  | 'driver_died'
  /** The last attempt of some tasks failed. */
  | 'tasks_failed'
  /** The driver shut down while tasks of the job were open. */
  | 'tasks_open'
  /** The driver shut down, and no task failed or was open. */
  | 'driver_ended'
  /** Ray reports the end of the job, but nothing of its driver. */
  | 'driver_unknown'
  /** Ray reports no end. */
  | 'no_end';

export interface JobVerdict {
  readonly outcome: JobOutcome;
  readonly reason: JobOutcomeReason;
  /** In one sentence. */
  readonly message: string;
  /** Ray's error type, of a failure. */
  readonly errorType?: string;
  readonly exitCode?: number;
}

/** What is known when a job is closed. */
export interface JobFacts {
  /** The final state of its submission. */
  readonly submission:
    | { readonly state: string; readonly message?: string; readonly errorType?: string; readonly exitCode?: number }
    | undefined;
  readonly driverError: TaskError | undefined;
  /** States of the driver's own task. */
  readonly driver: { readonly ran: boolean; readonly finished: boolean; readonly failed: boolean };
  /** How Ray says that the driver's process ended. */
  readonly driverExit: ProcessExit | undefined;
  /** Ray reports the end of the job itself. */
  readonly isFinished: boolean;
  readonly tasks: TaskCounts;
  /** Of those that failed, calls of Ray's own libraries whose actor or worker was ended under them. */
  readonly failedInternally: number;
  /** Of the user's tasks, those that were open when the driver ended. */
  readonly openAtEnd: number;
}

const SUBMISSION_OUTCOMES: Readonly<Record<string, JobOutcome>> = { SUCCEEDED: 'succeeded', FAILED: 'failed', STOPPED: 'stopped' };
const INTENDED_EXITS: readonly string[] = ['INTENDED_USER_EXIT', 'INTENDED_SYSTEM_EXIT'];
const KILLED = 'The driver ended without shutting down: it was killed, crashed, or left by os._exit.';

/** The outcome of a job and why, from the best evidence there is. The only place that decides it. */
export function judgeJob(facts: JobFacts): JobVerdict {
  return bySubmission(facts) ?? byFailedDriver(facts) ?? byFailedTasks(facts) ?? byEnd(facts);
}

function bySubmission({ submission }: JobFacts): JobVerdict | undefined {
  const outcome = submission === undefined ? undefined : SUBMISSION_OUTCOMES[submission.state];
  if (submission === undefined || outcome === undefined) return undefined;
  const { state, exitCode, errorType } = submission;
  const code = exitCode === undefined ? '' : ` with exit code ${exitCode}`;
  return {
    outcome,
    reason: 'submission',
    message: reasonLine(submission.message ?? '') || `The submission is ${state}${code}.`,
    ...(outcome === 'failed' ? { errorType: errorType || 'SUBMISSION_FAILED' } : {}),
    ...(exitCode === undefined ? {} : { exitCode }),
  };
}

function byFailedDriver({ driver, driverError, driverExit, isFinished }: JobFacts): JobVerdict | undefined {
  if (driver.failed || driverError !== undefined) {
    const message = reasonLine(driverError?.message ?? '') || 'The driver failed.';
    return { outcome: 'failed', reason: 'driver_failed', message, errorType: driverError?.errorType ?? 'DRIVER_FAILED' };
  }
  const exitedBadly = driverExit !== undefined && !INTENDED_EXITS.includes(driverExit.type);
  const vanished = isFinished && driver.ran && !driver.finished && driverExit === undefined;
  if (!exitedBadly && !vanished) return undefined;
  return { outcome: 'failed', reason: 'driver_died', message: KILLED, errorType: 'DRIVER_DIED' };
}

function byFailedTasks({ tasks, failedInternally }: JobFacts): JobVerdict | undefined {
  const failed = tasks.failed - failedInternally;
  if (failed <= 0) return undefined;
  const count = tasks.finished + tasks.failed + tasks.cancelled + tasks.unfinished;
  return { outcome: 'failed', reason: 'tasks_failed', message: `${failed} of ${inTasks(count)} failed.`, errorType: 'TASKS_FAILED' };
}

function byEnd({ driver, driverExit, isFinished, openAtEnd, tasks }: JobFacts): JobVerdict {
  if (!driver.finished && driverExit === undefined) {
    return isFinished
      ? { outcome: 'unknown', reason: 'driver_unknown', message: 'Ray reported the end of the job, but nothing of its driver.' }
      : { outcome: 'unknown', reason: 'no_end', message: 'Ray reported no end of the job.' };
  }
  if (openAtEnd > 0) {
    const message = `The driver ended while ${inTasks(openAtEnd)} of the job ${openAtEnd === 1 ? 'was' : 'were'} open: it was stopped, or left them.`;
    return { outcome: 'stopped', reason: 'tasks_open', message };
  }
  const work = tasks.finished === 0 ? 'The driver ended' : `The driver ended, and ${inTasks(tasks.finished)} finished`;
  return { outcome: 'unknown', reason: 'driver_ended', message: `${work}. Ray does not report its exit code.` };
}

function inTasks(count: number): string {
  return `${count} ${count === 1 ? 'task' : 'tasks'}`;
}
