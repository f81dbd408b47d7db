/**
 * Stages of an attempt, coarser than Ray's states:
 * - `pending_args`: waits for its arguments.
 * - `pending_node`: waits for a node with enough free resources.
 * - `pending_worker`: was sent to a worker or actor, and waits there.
 * - `cancelled`: by `ray.cancel`.
 * - `unfinished`: the job ended, but Ray never reported the end of the attempt.
 * - `unknown`: Ray reported a definition but no state yet.
 */
export const STAGES = [
  'unknown',
  'pending_args',
  'pending_node',
  'pending_worker',
  'running',
  'finished',
  'failed',
  'cancelled',
  'unfinished',
] as const;

export type Stage = (typeof STAGES)[number];

export const PENDING_STAGES: readonly Stage[] = ['pending_args', 'pending_node', 'pending_worker'];

/**
 * Keys are `TaskStatus` of Ray's `common.proto`. The clocks of two nodes differ, so states are
 * ordered by rank first and time second.
 */
const STAGE_OF_STATE: Readonly<Record<string, readonly [stage: Stage, rank: number]>> = {
  PENDING_ARGS_AVAIL: ['pending_args', 1],
  PENDING_NODE_ASSIGNMENT: ['pending_node', 2],
  PENDING_OBJ_STORE_MEM_AVAIL: ['pending_node', 2],
  PENDING_ARGS_FETCH: ['pending_node', 2],
  GETTING_AND_PINNING_ARGS: ['pending_worker', 3],
  SUBMITTED_TO_WORKER: ['pending_worker', 3],
  PENDING_ACTOR_TASK_ARGS_FETCH: ['pending_worker', 3],
  PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY: ['pending_worker', 3],
  RUNNING: ['running', 4],
  RUNNING_IN_RAY_GET: ['running', 4],
  RUNNING_IN_RAY_WAIT: ['running', 4],
  FINISHED: ['finished', 5],
  FAILED: ['failed', 6],
};

/** States that the executor reports, on its own clock. The owner reports all others. */
const EXECUTOR_STATES: readonly string[] = [
  'PENDING_ACTOR_TASK_ARGS_FETCH',
  'PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY',
  'GETTING_AND_PINNING_ARGS',
  'RUNNING',
  'RUNNING_IN_RAY_GET',
  'RUNNING_IN_RAY_WAIT',
];

export function isOfExecutor(state: string): boolean {
  return EXECUTOR_STATES.includes(state);
}

const NOT_REPORTED = ['unknown', 0] as const;

export function stageOf(state: string): Stage {
  return (STAGE_OF_STATE[state] ?? NOT_REPORTED)[0];
}

export function rankOf(state: string): number {
  return (STAGE_OF_STATE[state] ?? NOT_REPORTED)[1];
}

export function isOver(stage: Stage): boolean {
  return stage === 'finished' || stage === 'failed' || stage === 'cancelled' || stage === 'unfinished';
}

/** Number of attempts or tasks in each stage. */
export type StageCounts = Record<Stage, number>;

export function noCounts(): StageCounts {
  return {
    unknown: 0,
    pending_args: 0,
    pending_node: 0,
    pending_worker: 0,
    running: 0,
    finished: 0,
    failed: 0,
    cancelled: 0,
    unfinished: 0,
  };
}
