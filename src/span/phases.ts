import { type FinishedAttempt, type AttemptTimes, inOrder } from '../correlate/index.ts';
import { isTerminal, type StateTransition, taskState } from '../event/index.ts';
import type { SpanOptions } from './options.ts';

/** A state of an attempt, from its time to that of the next state. */
export interface Phase {
  readonly state: string;
  readonly name: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly endClamped: boolean;
}

/** Returns the phases up to the terminal state, or to the end without one. */
export function phasesOf({ states, endNs }: FinishedAttempt, { skewNs }: AttemptTimes): Phase[] {
  const ordered = skewNs === 0n ? states : inOrder(states);
  return ordered.slice(0, countBeforeTerminal(ordered)).map(({ state, timeNs }, index) => {
    const nextNs = ordered[index + 1]?.timeNs ?? endNs;
    return {
      state,
      name: taskState(state)?.phase ?? state.toLowerCase().replaceAll('_', ' '),
      startNs: timeNs,
      endNs: nextNs < timeNs ? timeNs : nextNs,
      endClamped: nextNs < timeNs,
    };
  });
}

/** Counts the phases that `phasesOf` returns. */
export function countPhases({ states }: FinishedAttempt, { skewNs }: AttemptTimes): number {
  return countBeforeTerminal(skewNs === 0n ? states : inOrder(states));
}

function countBeforeTerminal(states: readonly StateTransition[]): number {
  const index = states.findIndex(({ state }) => isTerminal(state));
  return index === -1 ? states.length : index;
}

/** Returns the states without a phase: those after the terminal one. */
export function statesAfterPhases({ states }: FinishedAttempt, { terminalIndex, skewNs }: AttemptTimes): readonly StateTransition[] {
  return terminalIndex === -1 || skewNs > 0n ? [] : states.slice(terminalIndex + 1);
}

/**
 * Whether phases become spans. A phase lies between two states, so their clocks must agree and no
 * state between them may be left out.
 */
export function showsPhasesAsSpans(
  { isCompact, statesLeftOut }: FinishedAttempt,
  { pendingNs = 0n, isContradictory }: AttemptTimes,
  { phases, phaseMinWaitMs }: SpanOptions,
): boolean {
  if (isCompact === true || isContradictory || statesLeftOut !== undefined) return false;
  return phases === 'spans' || (phases === 'auto' && Number(pendingNs) >= phaseMinWaitMs * 1e6);
}
