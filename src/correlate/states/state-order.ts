import type { StateTransition, TimeNs } from '../../event/index.ts';

/** The order in which an entity passes through its states: a state's number, and the number of those that end it. */
export interface StateOrder {
  readonly stages: Readonly<Record<string, number>>;
  readonly end: number;
  /** After it the entity begins again. */
  readonly again?: string;
}

export const MACHINE_ORDER: StateOrder = { stages: { ALIVE: 0, DEAD: 1 }, end: 1 };
export const JOB_ORDER: StateOrder = { stages: { CREATED: 0, FINISHED: 1 }, end: 1 };
export const DRIVER_ORDER: StateOrder = { stages: { RUNNING: 0, FINISHED: 1, FAILED: 1 }, end: 1 };
export const ACTOR_ORDER: StateOrder = {
  stages: { DEPENDENCIES_UNREADY: 0, PENDING_CREATION: 1, ALIVE: 2, RESTARTING: 2, DEAD: 3 },
  end: 3,
  again: 'RESTARTING',
};
export const PLACEMENT_GROUP_ORDER: StateOrder = {
  stages: { PENDING: 0, PREPARED: 0, CREATED: 0, RESCHEDULING: 0, REMOVED: 1 },
  end: 1,
};
export const SUBMISSION_JOB_ORDER: StateOrder = { stages: { PENDING: 0, RUNNING: 1, STOPPED: 2, SUCCEEDED: 2, FAILED: 2 }, end: 2 };

/**
 * How much the clocks behind the states of an entity differ at least: the longest time by which a state comes after one that it must precede.
 * `earlier` are times that must precede all states.
 *
 * @param states in time order
 * @returns undefined where the states can have happened in their order
 */
export function skewOf(
  states: readonly StateTransition[],
  { stages, end, again }: StateOrder,
  ...earlier: readonly (TimeNs | undefined)[]
): TimeNs | undefined {
  let skewNs = 0n;
  const firstNs: (TimeNs | undefined)[] = [];
  for (const { state, timeNs } of states) {
    const stage = stages[state];
    if (stage === undefined) continue;
    for (let later = stage + 1; later <= end; later += 1) {
      const laterNs = firstNs[later];
      if (laterNs !== undefined && (later === end || firstNs[stage] === undefined)) skewNs = larger(skewNs, timeNs - laterNs);
    }
    // Only its end stays true.
    if (state === again) firstNs.fill(undefined, 0, end);
    else firstNs[stage] ??= timeNs;
  }
  const beginNs = states[0]?.timeNs;
  if (beginNs !== undefined) for (const ns of earlier) if (ns !== undefined) skewNs = larger(skewNs, ns - beginNs);
  return skewNs === 0n ? undefined : skewNs;
}

/** The first time that is not one of an end, where there is one: an entity does not begin with its end. */
export function beginOf(states: readonly StateTransition[], { stages, end }: StateOrder): TimeNs | undefined {
  return (states.find(({ state }) => stages[state] !== end) ?? states[0])?.timeNs;
}

function larger(a: TimeNs, b: TimeNs): TimeNs {
  return a >= b ? a : b;
}
