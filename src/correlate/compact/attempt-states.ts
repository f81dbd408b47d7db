import { type ProfileEntry, sizeOf, type StateTransition } from '../../event/index.ts';
import { type RareFields, NO_ENTRIES } from './rare-fields.ts';
import { addProfileEntries } from '../states/merge.ts';
import { addStates, areMany, hasState, NO_STATES } from './packed-states.ts';
import type { Attempt } from '../entities/entities.ts';
import { addTransitions, sortedTransitions } from '../states/transitions.ts';

/** Adds the transitions that are new. */
export function enterStates(attempt: Attempt, added: readonly StateTransition[]): void {
  let { transitions } = attempt.rareFields;
  if (transitions === undefined && !areMany(attempt.states, added)) {
    attempt.states = addStates(attempt.states, added);
    return;
  }
  const rareFields = attempt.writableRareFields;
  if (transitions === undefined) {
    rareFields.transitions = transitions = sortedTransitions(attempt.transitions);
    rareFields.seen = true;
    attempt.states = NO_STATES;
  }
  rareFields.leftOut = addTransitions(transitions, added, rareFields.leftOut);
}

/** `state` must be one of Ray's. */
export function hasEntered({ rareFields, states }: Attempt, state: string): boolean {
  return rareFields.transitions?.some((transition) => transition.state === state) ?? hasState(states, state);
}

/** Adds the profile entries that are new. */
export function addEntries(rareFields: RareFields, added: readonly ProfileEntry[]): void {
  if (added.length === 0) return;
  if (rareFields.profile === NO_ENTRIES) rareFields.profile = [];
  const { profile } = rareFields;
  const before = profile.length;
  addProfileEntries(profile, added);
  for (let index = before; index < profile.length; index += 1) rareFields.profileBytes += sizeOf(profile[index]);
}
