import { type ProfileEntry, sizeOf, type StateTransition } from '../../event/index.ts';
import { type Extra, NO_ENTRIES } from './rare-fields.ts';
import { addProfileEntries } from '../states/merge.ts';
import { addStates, areMany, hasState, NO_STATES } from './packed-states.ts';
import type { Attempt } from '../entities.ts';
import { addTransitions, sortedTransitions } from '../states/transitions.ts';

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

/** Adds the profile entries that are new. */
export function addEntries(extra: Extra, added: readonly ProfileEntry[]): void {
  if (added.length === 0) return;
  if (extra.profile === NO_ENTRIES) extra.profile = [];
  const { profile } = extra;
  const before = profile.length;
  addProfileEntries(profile, added);
  for (let index = before; index < profile.length; index += 1) extra.profileBytes += sizeOf(profile[index]);
}
