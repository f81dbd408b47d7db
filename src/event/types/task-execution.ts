import { enumName, type Problem, type RawObject, readObject, timestampOf } from '../fields.ts';
import type { Payload } from '../payload.ts';
import type { StateTransition, TaskLifecycle, Transitions, Untimed } from '../ray-event.ts';
import { TASK_STATE_NAMES } from '../task-states.ts';
import { readLifecycle } from './task-lifecycle.ts';
import { isUnsetState, withUntimed } from '../transitions.ts';

const MAX_STATES = 64;
const STATE_NUMBER = /^\d{1,10}$/;

/**
 * Decodes `TaskExecutionEvent` of Ray 2.49 and 2.50, the predecessor of `TaskLifecycleEvent`, to
 * the same shape.
 */
export function decodeTaskExecution(payload: Payload): TaskLifecycle {
  return readLifecycle(payload, readTaskState(payload.body, payload.problem));
}

/** Reads `task_state`: `{"<number of TaskStatus>": "<time>"}`, unordered. */
function readTaskState(body: RawObject, problem: Problem): Transitions<StateTransition> {
  const transitions: StateTransition[] = [];
  const untimed: Untimed<StateTransition>[] = [];
  const times = readObject(body, 'taskState', problem) ?? {};
  const keys = Object.keys(times);
  if (keys.length > MAX_STATES) problem.report('taskState', `has more than ${MAX_STATES} states`);
  for (const key of keys.slice(0, MAX_STATES)) {
    const timeNs = timestampOf(times[key], problem);
    const state = readStateKey(key, problem);
    if (isUnsetState(state)) continue;
    if (timeNs === undefined) untimed.push({ state });
    else transitions.push({ state, timeNs });
  }
  if (problem.message !== undefined) problem.prefix('taskState');
  return withUntimed(transitions, untimed);
}

function readStateKey(key: string, problem: Problem): string {
  if (STATE_NUMBER.test(key)) return enumName(Number(key), TASK_STATE_NAMES);
  if (TASK_STATE_NAMES.includes(key)) return key;
  problem.report('key', 'is not the number of a state');
  return '';
}
