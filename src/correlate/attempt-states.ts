import type { StateTransition } from '../event/index.ts';
import { addStates, areMany, hasState, NO_STATES } from './packed-states.ts';
import type { Attempt } from './records.ts';
import { addTransitions, sortedTransitions } from './transitions.ts';

/** Adds the transitions that are new. */
export function enterStates(attempt: Attempt, added: readonly StateTransition[]): void {
  let { transitions } = attempt.extra;
  if (transitions === undefined && !areMany(attempt.states, added)) {
    attempt.states = addStates(attempt.states, added);
    return;
  }
  const extra = attempt.ownExtra;
  if (transitions === undefined) {
    extra.transitions = transitions = sortedTransitions(attempt.transitions);
    extra.seen = true;
    attempt.states = NO_STATES;
  }
  extra.leftOut = addTransitions(transitions, added, extra.leftOut);
}

/** `state` must be one of Ray's. */
export function hasEntered({ extra, states }: Attempt, state: string): boolean {
  return extra.transitions?.some((transition) => transition.state === state) ?? hasState(states, state);
}
