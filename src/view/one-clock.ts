import { isTerminal } from '../event/index.ts';
import type { FinishedAttempt, AttemptTimes } from '../correlate/index.ts';
import type { AttemptView } from './records.ts';
import { isOfExecutor } from './stage.ts';
import { earlier, toMs } from './times.ts';

/**
 * Puts the times of an ended attempt on its owner's clock, where the clocks of owner and executor
 * contradict each other: on that clock the attempts of a job are comparable. The start of running
 * follows from the end and the run time, if that is known.
 */
export function putOnOwnersClock(attempt: AttemptView, { states }: FinishedAttempt, { ranNs, skewNs }: AttemptTimes): void {
  attempt.clockSkewMs = toMs(skewNs);
  attempt.workerWaitMs = Number.NaN;
  attempt.runningMs = Number.NaN;
  let startMs = Number.NaN;
  let endMs = Number.NaN;
  for (const { state, timeNs } of states) {
    if (isOfExecutor(state)) continue;
    const ms = toMs(timeNs);
    startMs = earlier(startMs, ms);
    if (state === 'SUBMITTED_TO_WORKER') attempt.workerWaitMs = earlier(attempt.workerWaitMs, ms);
    if (isTerminal(state)) endMs = ms;
  }
  if (!Number.isNaN(startMs)) attempt.startMs = startMs;
  if (!Number.isNaN(endMs)) attempt.endMs = endMs;
  const beganMs = Number.isNaN(attempt.workerWaitMs) ? attempt.startMs : attempt.workerWaitMs;
  if (ranNs !== undefined) attempt.runningMs = Math.max(beganMs, attempt.endMs - toMs(ranNs));
}
