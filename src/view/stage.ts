/**
 * Where an attempt stands, as people ask for it. `pending_args`: it waits for its arguments. `pending_node`: for a node that has room.
 * `pending_worker`: it was sent to a worker or actor and waits its turn there. `cancelled`: by `ray.cancel`. `unfinished`: its job's driver ended
 * while it was open, or Ray never reported its end.
 * `unknown`: it is defined, and no state of it was told.
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

/** `TaskStatus` of Ray's `common.proto`. The clocks of two nodes differ, so a later state is told by its rank before its time. */
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

/** States that the executor reports, by its own clock; all others are the owner's. */
const OF_EXECUTOR: readonly string[] = [
  'PENDING_ACTOR_TASK_ARGS_FETCH',
  'PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY',
  'GETTING_AND_PINNING_ARGS',
  'RUNNING',
  'RUNNING_IN_RAY_GET',
  'RUNNING_IN_RAY_WAIT',
];

export function isOfExecutor(state: string): boolean {
  return OF_EXECUTOR.includes(state);
}

const NOTHING_TOLD = ['unknown', 0] as const;

export function stageOf(state: string): Stage {
  return (STAGE_OF_STATE[state] ?? NOTHING_TOLD)[0];
}

export function rankOf(state: string): number {
  return (STAGE_OF_STATE[state] ?? NOTHING_TOLD)[1];
}

export function isOver(stage: Stage): boolean {
  return stage === 'finished' || stage === 'failed' || stage === 'cancelled' || stage === 'unfinished';
}

/** How many attempts or tasks stand where. */
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
