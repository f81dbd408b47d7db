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

function isTerminal(state: string): boolean {
  return state === 'FINISHED' || state === 'FAILED';
}

/** What the states of an attempt tell, read once. */
export interface Timeline {
  /** Time before RUNNING; where that state was lost, before SUBMITTED_TO_WORKER, else until the end. */
  readonly pendingNs: bigint;
  readonly runningNs: bigint | undefined;
  /** Of the terminal state; -1 where there is none. */
  readonly terminalIndex: number;
}

export function timelineOf({ states, startNs, endNs }: AttemptLifecycle): Timeline {
  let ranNs: bigint | undefined;
  let submittedNs: bigint | undefined;
  let runningNs: bigint | undefined;
  let terminalIndex = -1;
  let isOpen = false;
  let index = 0;
  for (const { state, timeNs } of states) {
    if (state === 'RUNNING') runningNs ??= timeNs;
    if (isTerminal(state)) terminalIndex = terminalIndex === -1 ? index : terminalIndex;
    else isOpen = true;
    if (state === 'SUBMITTED_TO_WORKER') submittedNs ??= timeNs;
    else if (state.startsWith('RUNNING')) ranNs ??= timeNs;
    index += 1;
  }
  const leftNs = ranNs ?? submittedNs ?? (isOpen ? endNs : startNs);
  return { pendingNs: leftNs - startNs, runningNs, terminalIndex };
}

/** The phases up to the terminal state, or to the end where there is none. */
export function phasesOf({ states, endNs }: AttemptLifecycle, { terminalIndex }: Timeline): Phase[] {
  const shown = terminalIndex === -1 ? states : states.slice(0, terminalIndex);
  return shown.map(({ state, timeNs }, index) => ({
    state,
    name: PHASE_NAMES[state] ?? state.toLowerCase().replaceAll('_', ' '),
    startNs: timeNs,
    endNs: states[index + 1]?.timeNs ?? endNs,
  }));
}

/** States that no phase tells: from the terminal one on. */
export function statesAfterPhases({ states }: AttemptLifecycle, { terminalIndex }: Timeline): readonly StateTransition[] {
  return terminalIndex === -1 ? [] : states.slice(terminalIndex + 1);
}

export function showsPhasesAsSpans(lifecycle: AttemptLifecycle, { pendingNs }: Timeline, { phases, phaseMinWaitMs }: SpanOptions): boolean {
  if (lifecycle.lean === true) return false;
  return phases === 'spans' || (phases === 'auto' && Number(pendingNs) >= phaseMinWaitMs * 1e6);
}
