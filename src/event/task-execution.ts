import { enumName, type Problem, type RawObject, readObject, readTimestamp } from './fields.ts';
import type { Payload } from './payload.ts';
import type { StateTransition, TaskLifecycle } from './ray-event.ts';
import { readLifecycle, TASK_STATES } from './task-lifecycle.ts';

const MAX_STATES = 64;
const NIL = '0';

/** `TaskExecutionEvent` of Ray 2.49 and 2.50, the predecessor of `TaskLifecycleEvent`, in the latter's shape. */
export function decodeTaskExecution(payload: Payload): TaskLifecycle {
  return readLifecycle(payload, readTaskState(payload.body, payload.problem));
}

/** `task_state`: `{"<number of TaskStatus>": "<time>"}`, in no order. */
function readTaskState(body: RawObject, problem: Problem): readonly StateTransition[] {
  const transitions: StateTransition[] = [];
  const times = readObject(body, 'taskState', problem);
  if (times === undefined) return transitions;
  const keys = Object.keys(times);
  if (keys.length > MAX_STATES) problem.report('taskState', `has more than ${MAX_STATES} states`);
  for (const key of keys.slice(0, MAX_STATES)) {
    const timeNs = readTimestamp(times, key, problem);
    if (timeNs === undefined || key === NIL) continue;
    transitions.push({ state: readStateKey(key, problem), timeNs });
  }
  if (problem.message !== undefined) problem.prefix('taskState');
  return transitions;
}

function readStateKey(key: string, problem: Problem): string {
  const number = Number(key);
  if (key.length > 0 && key.length <= 10 && Number.isInteger(number) && number >= 0) return enumName(number, TASK_STATES);
  if (TASK_STATES.includes(key)) return key;
  problem.report('key', 'is not the number of a state');
  return '';
}
