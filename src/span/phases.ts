import type { AttemptLifecycle } from '../correlate/index.ts';
import type { StateTransition } from '../event/index.ts';
import type { SpanOptions } from './options.ts';

/** One state of an attempt, from its time to that of the next. */
export interface Phase {
  readonly state: string;
  readonly name: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
}

/** `TaskStatus` in words that people read in a waterfall. */
const PHASE_NAMES: Readonly<Record<string, string>> = {
  PENDING_ARGS_AVAIL: 'pending args',
  PENDING_NODE_ASSIGNMENT: 'pending node assignment',
  PENDING_OBJ_STORE_MEM_AVAIL: 'pending object store memory',
  PENDING_ARGS_FETCH: 'pending args fetch',
  SUBMITTED_TO_WORKER: 'submitted to worker',
  PENDING_ACTOR_TASK_ARGS_FETCH: 'pending actor task args fetch',
  PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY: 'pending actor task ordering or concurrency',
  GETTING_AND_PINNING_ARGS: 'getting and pinning args',
  RUNNING: 'running',
  RUNNING_IN_RAY_GET: 'running in ray.get',
  RUNNING_IN_RAY_WAIT: 'running in ray.wait',
};

export function isTerminal(state: string): boolean {
  return state === 'FINISHED' || state === 'FAILED';
}

/** The phases up to the terminal state, or to the end where there is none. */
export function phasesOf({ states, endNs }: AttemptLifecycle): Phase[] {
  const phases: Phase[] = [];
  for (const [index, { state, timeNs }] of states.entries()) {
    if (isTerminal(state)) break;
    phases.push({
      state,
      name: PHASE_NAMES[state] ?? state.toLowerCase().replaceAll('_', ' '),
      startNs: timeNs,
      endNs: states[index + 1]?.timeNs ?? endNs,
    });
  }
  return phases;
}

/** States that no phase tells: from the terminal one on. */
export function statesAfterPhases(states: readonly StateTransition[]): readonly StateTransition[] {
  const terminal = states.findIndex(({ state }) => isTerminal(state));
  return terminal === -1 ? [] : states.slice(terminal + 1);
}

/** Time before RUNNING; where that state was lost, before SUBMITTED_TO_WORKER, else until the end. */
export function pendingNs({ states, startNs, endNs }: AttemptLifecycle): bigint {
  const ran = states.find(({ state }) => state.startsWith('RUNNING')) ?? states.find(({ state }) => state === 'SUBMITTED_TO_WORKER');
  if (ran !== undefined) return ran.timeNs - startNs;
  return states.some(({ state }) => !isTerminal(state)) ? endNs - startNs : 0n;
}

export function showsPhasesAsSpans(lifecycle: AttemptLifecycle, { phases, phaseMinWaitMs }: SpanOptions): boolean {
  if (lifecycle.lean === true) return false;
  return phases === 'spans' || (phases === 'auto' && pendingNs(lifecycle) >= BigInt(phaseMinWaitMs) * 1_000_000n);
}
