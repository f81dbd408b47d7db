import { taskState } from '../event/index.ts';

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

/** The executor reports the state, on its own clock. */
export function isOfExecutor(state: string): boolean {
  return taskState(state)?.reporter === 'executor';
}

export function stageOf(state: string): Stage {
  return taskState(state)?.stage ?? 'unknown';
}

/** The clocks of two nodes differ, so states are ordered by rank first and time second. */
export function rankOf(state: string): number {
  return STAGES.indexOf(stageOf(state));
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
