/** A value of `TaskStatus` of Ray's `common.proto`. */
export interface TaskState {
  /** Its number in the enum. Also its number in checkpoints: at most 127. */
  readonly number: number;
  readonly name: string;
  /** Its place in the life of an attempt, from 0. States of one step can follow each other either way. */
  readonly step: number;
  /** What the attempt waits for, or does: coarser than the states. */
  readonly stage: 'pending_args' | 'pending_node' | 'pending_worker' | 'running' | 'finished' | 'failed';
  /** Name of its phase; undefined for a state that ends an attempt. */
  readonly phase: string | undefined;
  /** Who reports it, on its own clock. */
  readonly reporter: 'owner' | 'executor';
}

/** Steps that rules refer to. */
export const TASK_STEP = { submitted: 2, running: 4, runningIn: 5, terminal: 6 } as const;

function row(
  number: number,
  name: string,
  step: number,
  stage: TaskState['stage'],
  phase: string | undefined,
  reporter: TaskState['reporter'],
): TaskState {
  return { number, name, step, stage, phase, reporter };
}

/** Every state of an attempt, in the order in which it passes through them. A new state is one row here. */
export const TASK_STATES: readonly TaskState[] = [
  row(1, 'PENDING_ARGS_AVAIL', 0, 'pending_args', 'pending args', 'owner'),
  row(2, 'PENDING_NODE_ASSIGNMENT', 1, 'pending_node', 'pending node assignment', 'owner'),
  row(3, 'PENDING_OBJ_STORE_MEM_AVAIL', 1, 'pending_node', 'pending object store memory', 'owner'),
  row(4, 'PENDING_ARGS_FETCH', 1, 'pending_node', 'pending args fetch', 'owner'),
  row(5, 'SUBMITTED_TO_WORKER', TASK_STEP.submitted, 'pending_worker', 'submitted to worker', 'owner'),
  row(6, 'PENDING_ACTOR_TASK_ARGS_FETCH', 3, 'pending_worker', 'pending actor task args fetch', 'executor'),
  row(7, 'PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY', 3, 'pending_worker', 'pending actor task ordering or concurrency', 'executor'),
  row(13, 'GETTING_AND_PINNING_ARGS', 3, 'pending_worker', 'getting and pinning args', 'executor'),
  row(8, 'RUNNING', TASK_STEP.running, 'running', 'running', 'executor'),
  row(9, 'RUNNING_IN_RAY_GET', TASK_STEP.runningIn, 'running', 'running in ray.get', 'executor'),
  row(10, 'RUNNING_IN_RAY_WAIT', TASK_STEP.runningIn, 'running', 'running in ray.wait', 'executor'),
  row(11, 'FINISHED', TASK_STEP.terminal, 'finished', undefined, 'owner'),
  row(12, 'FAILED', TASK_STEP.terminal, 'failed', undefined, 'owner'),
];

/** Names by number. */
export const TASK_STATE_NAMES: readonly string[] = ['NIL', ...TASK_STATES.toSorted((a, b) => a.number - b.number).map(({ name }) => name)];

const BY_NAME: ReadonlyMap<string, TaskState> = new Map(TASK_STATES.map((state) => [state.name, state]));

/** Undefined for a name that no release of Ray up to 2.60 has. */
export function taskState(name: string): TaskState | undefined {
  return BY_NAME.get(name);
}

/** FINISHED or FAILED. */
export function isTerminal(name: string): boolean {
  return BY_NAME.get(name)?.step === TASK_STEP.terminal;
}
