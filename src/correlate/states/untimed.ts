import type { StateTransition, TimeNs, Untimed } from '../../event/index.ts';
import { nextOf, type WithTransitions } from './transitions.ts';

/**
 * An end without a time. Ray sent the state that ends a record, but no time for it, or an impossible one. The record ends all the
 * same, at the last time that is known of it, and `ray.end_inferred` says so. An end with a time always wins.
 */

/** The states that end an actor, a node or a worker. */
export const DEATH: readonly string[] = ['DEAD'];
export const JOB_END: readonly string[] = ['FINISHED'];
/** Of a placement group. */
export const REMOVAL: readonly string[] = ['REMOVED'];
export const SUBMISSION_END: readonly string[] = ['STOPPED', 'SUCCEEDED', 'FAILED'];

export interface WithUntimedEnd<T extends StateTransition> extends WithTransitions<T> {
  readonly untimedEnd: Untimed<T> | undefined;
}

/** Of ends without a time always the same one, whatever the order in which they came. */
export function withUntimedEnd<T extends StateTransition>(
  known: Untimed<T> | undefined,
  untimed: readonly Untimed<T>[] | undefined,
  endStates: readonly string[],
): Untimed<T> | undefined {
  let end = known;
  for (const transition of untimed ?? []) {
    if (endStates.includes(transition.state) && (end === undefined || textOf(transition) < textOf(end))) end = transition;
  }
  return end;
}

export function hasEnded(
  { untimedEnd }: { readonly untimedEnd: unknown },
  added: readonly StateTransition[],
  endStates: readonly string[],
): boolean {
  return untimedEnd !== undefined || added.some(({ state }) => endStates.includes(state));
}

/** The states of an entity and its end. An end without a time is placed at `lastNs`. */
export function statesWithEnd<T extends StateTransition>(
  record: WithUntimedEnd<T>,
  endStates: readonly string[],
  lastNs: TimeNs,
): { readonly states: readonly T[]; readonly endNs?: TimeNs; readonly endInferred?: 'last_state' } {
  const end = nextOf(record, endStates);
  // Ray reports some deaths twice, seconds apart: the first one counts.
  if (end !== undefined) return { states: record.transitions.filter(({ timeNs }) => timeNs <= end.timeNs), endNs: end.timeNs };
  const states = [...record.transitions];
  if (record.untimedEnd === undefined) return { states };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a transition is its untimed form and a time
  states.push({ ...record.untimedEnd, timeNs: lastNs } as T);
  return { states, endNs: lastNs, endInferred: 'last_state' };
}

export type UntimedOutcome = 'FINISHED' | 'FAILED';

/** How a task ended at an unknown time. A failure wins, as among ends that have a time. */
export function withUntimedOutcome(
  known: UntimedOutcome | undefined,
  untimed: readonly Untimed<StateTransition>[] | undefined,
): UntimedOutcome | undefined {
  let outcome = known;
  for (const { state } of untimed ?? []) if (state === 'FAILED' || (state === 'FINISHED' && outcome === undefined)) outcome = state;
  return outcome;
}

function textOf(untimed: object): string {
  return JSON.stringify(untimed, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}
