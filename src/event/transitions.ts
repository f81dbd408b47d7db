import { isRawObject, type Problem, type RawObject, readEnum, readList, readTimestamp } from './fields.ts';
import type { StateTransition } from './ray-event.ts';

/** Adds to state and time what else a type's transitions carry. */
export type TransitionDetails<Transition> = (transition: StateTransition, raw: RawObject, problem: Problem) => Transition;

/** The states that say nothing: `TaskStatus.NIL`, and the unset value of the other enums. */
export function isNothing(state: string): boolean {
  return state === 'NIL' || state === 'UNSPECIFIED';
}

/**
 * `state_transitions` of a lifecycle event: elements `{state, timestamp, ...details}`. A transition without a time, or into
 * no state, is left out: it tells nothing.
 */
export function readTransitions<Transition extends StateTransition>(
  payload: RawObject,
  states: readonly string[],
  withDetails: TransitionDetails<Transition>,
  problem: Problem,
): readonly Transition[] {
  const transitions: Transition[] = [];
  const list = readList(payload, 'stateTransitions', problem);
  for (let index = 0; index < list.length && problem.message === undefined; index += 1) {
    const transition = readTransition(list[index], states, withDetails, problem);
    if (problem.message !== undefined) problem.prefix(`stateTransitions[${index}]`);
    else if (transition !== undefined) transitions.push(transition);
  }
  return transitions;
}

export function noDetails(transition: StateTransition): StateTransition {
  return transition;
}

function readTransition<Transition extends StateTransition>(
  raw: unknown,
  states: readonly string[],
  withDetails: TransitionDetails<Transition>,
  problem: Problem,
): Transition | undefined {
  if (!isRawObject(raw)) {
    problem.report('element', 'is not an object');
    return undefined;
  }
  const state = readEnum(raw, 'state', states, problem);
  const timeNs = readTimestamp(raw, 'timestamp', problem);
  if (timeNs === undefined || isNothing(state)) return undefined;
  return withDetails({ state, timeNs }, raw, problem);
}
