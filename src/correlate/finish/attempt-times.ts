import { type ProfileEntry, type StateTransition, TASK_STEP, taskState, type TimeNs } from '../../event/index.ts';
import type { FinishedAttempt } from '../finished.ts';
import { wholeTaskEntry } from '../states/merge.ts';

/** A length that two clocks give is kept where they contradict each other by less than this part of it. */
const SMALL_PART = 20n;

/** What the times of an attempt say, read once. Owner and executor have clocks of their own. */
export interface AttemptTimes {
  /** Before RUNNING; where that was lost, before SUBMITTED_TO_WORKER, else until the end. Undefined where the clocks contradict each other. */
  readonly pendingNs: TimeNs | undefined;
  /** How long it ran. Undefined where RUNNING or the time of the end was lost, or the clocks contradict each other and no profile entry has the length. */
  readonly ranNs: TimeNs | undefined;
  /** RUNNING, as it was reported. */
  readonly runningAtNs: TimeNs | undefined;
  /** Index of the terminal state; -1 without one. */
  readonly terminalIndex: number;
  /** So much at least the clocks differ: the states cannot have happened in the order of their times. 0 where they can. */
  readonly skewNs: TimeNs;
  /** The times of RUNNING and of the other states cannot be compared. */
  readonly isContradictory: boolean;
}

/** First time of each step. Made once: it is used for one attempt at a time. */
const firstNs: (TimeNs | undefined)[] = [];

export function timesOf(attempt: FinishedAttempt): AttemptTimes {
  const { states, startNs, endNs } = attempt;
  firstNs.length = 0;
  let runningAtNs: TimeNs | undefined;
  let terminalIndex = -1;
  let skewNs = attempt.clockSkewNs ?? 0n;
  let stepBefore = 0;
  let isOpen = false;
  let index = 0;
  for (const { state, timeNs } of states) {
    const step = taskState(state)?.step;
    if (state === 'RUNNING') runningAtNs ??= timeNs;
    if (step === TASK_STEP.terminal) terminalIndex = terminalIndex === -1 ? index : terminalIndex;
    else isOpen = true;
    if (step !== undefined) {
      // Most attempts are in order: nothing is looked for.
      if (step < stepBefore) skewNs = larger(skewNs, skewAt(step, timeNs));
      else stepBefore = step;
      firstNs[step] ??= timeNs;
    }
    index += 1;
  }
  const submittedNs = firstNs[TASK_STEP.submitted];
  const whole = wholeTaskEntry(attempt.profile);
  if (whole !== undefined) skewNs = larger(skewNs, skewOfEntry(whole, states[terminalIndex]?.timeNs));
  // An end that is inferred does not follow a wrong clock.
  const lastNs = states.at(-1)?.timeNs ?? endNs;
  if (terminalIndex === -1) skewNs = larger(skewNs, lastNs - endNs);
  const enteredNs = earlier(runningAtNs, firstNs[TASK_STEP.runningIn]) ?? submittedNs ?? (isOpen ? endNs : startNs);
  const untilNs = untilOf(attempt, terminalIndex, runningAtNs);
  const pendingNs = enteredNs - startNs;
  // When it ended is not known where Ray reported no time for it.
  const ranNs = runningAtNs === undefined || attempt.endInferred === 'last_state' ? undefined : untilNs - runningAtNs;
  const isClamped = attempt.endClamped === true && runningAtNs !== undefined;
  if (skewNs === 0n && !isClamped) return { pendingNs, ranNs, runningAtNs, terminalIndex, skewNs, isContradictory: false };
  const isSmall = !isClamped && ranNs !== undefined && skewNs * SMALL_PART <= ranNs;
  return {
    pendingNs: skewNs === 0n || (isSmall && skewNs * SMALL_PART <= pendingNs) ? pendingNs : ownersWait(submittedNs),
    ranNs: whole !== undefined && whole.endNs >= whole.startNs ? whole.endNs - whole.startNs : isSmall ? ranNs : undefined,
    runningAtNs,
    terminalIndex,
    skewNs,
    isContradictory: !isSmall,
  };
}

/** How much a state that is entered at `timeNs` comes after one that it must precede. One that was entered before may come again. */
function skewAt(step: number, timeNs: TimeNs): TimeNs {
  if (firstNs[step] !== undefined) return 0n;
  let skewNs = 0n;
  for (const laterNs of firstNs.slice(step + 1)) if (laterNs !== undefined) skewNs = larger(skewNs, timeNs - laterNs);
  return skewNs;
}

/** The executor's entry lies between the states of the owner. */
function skewOfEntry(whole: ProfileEntry, terminalNs: TimeNs | undefined): TimeNs {
  let skewNs = terminalNs === undefined ? 0n : larger(0n, whole.endNs - terminalNs);
  for (let step = 0; step <= TASK_STEP.submitted; step += 1) skewNs = larger(skewNs, (firstNs[step] ?? 0n) - whole.startNs);
  return skewNs;
}

/** By the clock of the owner alone: from its first state until it submitted the attempt to a worker. */
function ownersWait(submittedNs: TimeNs | undefined): TimeNs | undefined {
  const firstOwnNs = earlier(firstNs[0], firstNs[1]) ?? submittedNs;
  return submittedNs === undefined || firstOwnNs === undefined || firstOwnNs > submittedNs ? undefined : submittedNs - firstOwnNs;
}

function untilOf({ states, endNs }: FinishedAttempt, terminalIndex: number, runningAtNs: TimeNs | undefined): TimeNs {
  const terminalNs = states[terminalIndex]?.timeNs;
  return terminalNs === undefined || (runningAtNs !== undefined && terminalNs < runningAtNs) ? endNs : terminalNs;
}

/** In the order in which they must have happened, whatever their times say. */
export function inOrder(states: readonly StateTransition[]): readonly StateTransition[] {
  return states.toSorted((a, b) => stepOf(a.state) - stepOf(b.state));
}

/** Treats RUNNING after RUNNING_IN_RAY_GET as the first RUNNING: Ray repeats the state. */
function stepOf(state: string): number {
  const step = taskState(state)?.step ?? TASK_STEP.running;
  return step === TASK_STEP.runningIn ? TASK_STEP.running : step;
}

function larger(a: TimeNs, b: TimeNs): TimeNs {
  return a >= b ? a : b;
}

function earlier(a: TimeNs | undefined, b: TimeNs | undefined): TimeNs | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a <= b ? a : b;
}
