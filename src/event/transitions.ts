import { isRawObject, type Problem, type RawObject, readEnum, readList, readTimestamp } from './fields.ts';
import type { StateTransition, TimeNs, Transitions, Untimed } from './ray-event.ts';

/** Adds the fields that transitions of one type carry beside state and time. */
export type TransitionDetails<Transition> = (transition: StateTransition, raw: RawObject, problem: Problem) => Transition;

/** Reads the time of a state from another field, for a transition without a timestamp. */
type OtherTime = (state: string, raw: RawObject, problem: Problem) => TimeNs | undefined;

/** Whether a state is unset: `TaskStatus.NIL`, or the zero value of the other enums. */
export function isUnsetState(state: string): boolean {
  return state === 'NIL' || state === 'UNSPECIFIED';
}

/**
 * Reads `state_transitions` of a lifecycle event: elements `{state, timestamp, ...details}`. Unset
 * states are skipped.
 */
export function readTransitions<Transition extends StateTransition>(
  payload: RawObject,
  states: readonly string[],
  withDetails: TransitionDetails<Transition>,
  problem: Problem,
  otherTime?: OtherTime,
): Transitions<Transition> {
  const transitions: Transition[] = [];
  const untimed: Untimed<Transition>[] = [];
  const list = readList(payload, 'stateTransitions', problem);
  for (let index = 0; index < list.length && problem.message === undefined; index += 1) {
    const raw = list[index];
    if (isRawObject(raw)) {
      const state = readEnum(raw, 'state', states, problem);
      const timeNs = readTimestamp(raw, 'timestamp', problem) ?? otherTime?.(state, raw, problem);
      if (isUnsetState(state)) continue;
      const transition = withDetails({ state, timeNs: timeNs ?? 0n }, raw, problem);
      if (timeNs === undefined) untimed.push(withoutTime(transition));
      else transitions.push(transition);
    } else {
      problem.report('element', 'is not an object');
    }
    if (problem.message !== undefined) problem.prefix(`stateTransitions[${index}]`);
  }
  return withUntimed(transitions, untimed);
}

export function withUntimed<Transition extends StateTransition>(
  transitions: readonly Transition[],
  untimed: readonly Untimed<Transition>[],
): Transitions<Transition> {
  return untimed.length === 0 ? { transitions } : { transitions, untimed };
}

export function noDetails(transition: StateTransition): StateTransition {
  return transition;
}

function withoutTime<Transition extends StateTransition>(transition: Transition): Untimed<Transition> {
  const { timeNs: _timeNs, ...untimed } = transition;
  return untimed;
}
