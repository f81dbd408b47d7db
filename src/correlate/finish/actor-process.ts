import type { ActorTransition, StateTransition, TimeNs } from '../../event/index.ts';
import type { PlacementFacts } from '../compact/placement-facts.ts';
import type { Actor } from '../entities/entities.ts';
import { firstIndex, MAX_FIRST, nextOf } from '../states/transitions.ts';
import { ENDS_CREATION } from '../callers/waiting-creations.ts';

/** What an actor's states say of the process that an attempt ran in. Another worker than the attempt's rules a process out, whatever the times. */

/** ALIVE of the process in which a call ran that began at `atNs`: the last one before, else the first one. */
export function aliveAt(actor: Actor, placement: PlacementFacts, atNs: TimeNs): ActorTransition | undefined {
  const alive = lastAlive(actor, atNs) ?? nextAlive(actor, 0n);
  if (alive === undefined || !isOtherProcess(alive, placement)) return alive;
  return actor.transitions.find((other) => other.state === 'ALIVE' && isSameProcess(other, placement)) ?? alive;
}

/** What is known of a creation that its actor's states are compared with. */
export interface CreationFacts {
  readonly number: number;
  readonly placement: PlacementFacts;
  /** RUNNING, else its first state. */
  readonly ranNs: TimeNs;
}

/**
 * ALIVE where a creation succeeded; RESTARTING or DEAD where its process died before. RUNNING has the clock of another machine than the actor's
 * states, so the time alone does not decide. In this order:
 *
 * 1. ALIVE of its own process.
 * 2. The state after RUNNING, if the state before is RESTARTING or missing: then the times can be true.
 * 3. The state after the restart that has the number of the attempt, whatever the time of RUNNING.
 * 4. The state after RUNNING, else DEAD: an actor that is dead is not created.
 */
export function creationEnd(actor: Actor, creation: CreationFacts): ActorTransition | undefined {
  const { number, placement, ranNs } = creation;
  const before = stateBefore(actor, ranNs);
  if (before?.state === 'ALIVE' && isSameProcess(before, placement)) return before;
  const next: ActorTransition | undefined = nextOf(actor, ENDS_CREATION, ranNs + 1n);
  if (next?.state === 'ALIVE' && isSameProcess(next, placement)) return next;
  const isPlausible = before?.state === 'RESTARTING' || (before === undefined && number === 0);
  if (isPlausible && next !== undefined && !isOfOther(next, placement)) return next;
  const own = ownAlive(actor, placement);
  if (own !== undefined) return own;
  const dead: ActorTransition | undefined = nextOf(actor, ['DEAD']);
  const isWaiting = isPlausible && next === undefined && dead === undefined;
  const fromNs = isWaiting ? undefined : numberedStartNs(actor, number);
  if (fromNs === undefined) return next !== undefined && !isOfOther(next, placement) ? next : dead;
  const numbered: ActorTransition | undefined = nextOf(actor, ENDS_CREATION, fromNs);
  return numbered !== undefined && !isOfOther(numbered, placement) ? numbered : dead;
}

/** A state of the actor at or after this time may end a creation that none has ended so far; undefined where only its own process can. */
export function creationWaitsFromNs(actor: Actor, { number, placement, ranNs }: CreationFacts): TimeNs | undefined {
  const before = stateBefore(actor, ranNs);
  const isPlausible = before?.state === 'RESTARTING' || (before === undefined && number === 0);
  const fromNs = (isPlausible ? undefined : numberedStartNs(actor, number)) ?? ranNs + 1n;
  const next: ActorTransition | undefined = nextOf(actor, ENDS_CREATION, fromNs);
  return next !== undefined && isOfOther(next, placement) ? undefined : fromNs;
}

/** The last ALIVE or RESTARTING up to a time. */
function stateBefore({ transitions }: Actor, atNs: TimeNs): ActorTransition | undefined {
  for (let index = firstIndex(transitions, ({ timeNs }) => timeNs > atNs) - 1; index >= 0; index -= 1) {
    const transition = transitions[index];
    if (transition?.state === 'ALIVE' || transition?.state === 'RESTARTING') return transition;
  }
  return undefined;
}

function ownAlive({ transitions }: Actor, placement: PlacementFacts): ActorTransition | undefined {
  if (placement.workerId === undefined && placement.workerPid === undefined) return undefined;
  return transitions.find((transition) => transition.state === 'ALIVE' && isSameProcess(transition, placement));
}

function isOfOther(transition: ActorTransition, placement: PlacementFacts): boolean {
  return transition.state === 'ALIVE' && isOtherProcess(transition, placement);
}

/**
 * From when on the states of an actor are those of its creation with a number: 0 is the first one, and each restart makes one more. Undefined
 * where that restart is not known, or one before it was lost: then more ALIVE come before it than there were processes.
 */
function numberedStartNs({ transitions, leftOut }: Actor, number: number): TimeNs | undefined {
  if (number === 0) return 0n;
  let [restarts, processes] = [0, 0];
  for (const transition of leftOut === undefined ? transitions : transitions.slice(0, MAX_FIRST)) {
    if (transition.state === 'ALIVE') processes += 1;
    if (transition.state === 'RESTARTING') restarts += 1;
    if (restarts === number) return transition.timeNs + 1n;
    if (processes > number) return undefined;
  }
  return undefined;
}

/** RESTARTING or DEAD of the process in which a call ran; of a call that did not run, DEAD of the actor. */
export function callEnd(
  actor: Actor,
  states: readonly StateTransition[],
  placement: PlacementFacts,
  alive: ActorTransition | undefined,
): ActorTransition | undefined {
  const ranNs = states.find(({ state }) => state === 'RUNNING')?.timeNs;
  const dead = nextOf(actor, ['DEAD']);
  if (ranNs === undefined) return dead;
  const isOwn = alive !== undefined && isSameProcess(alive, placement);
  const fromNs = alive !== undefined && (isOwn || alive.timeNs > ranNs) ? alive.timeNs : ranNs;
  return nextOf(actor, ['RESTARTING', 'DEAD'], fromNs) ?? dead;
}

/**
 * How much the clock of the executor of a call differs at least from that of the actor's states: a call cannot run before its process is ALIVE.
 * Undefined where it can have run when it says.
 */
export function callSkewNs(ranNs: TimeNs | undefined, placement: PlacementFacts, alive: ActorTransition | undefined): TimeNs | undefined {
  if (ranNs === undefined || alive === undefined || alive.timeNs <= ranNs || !isSameProcess(alive, placement)) return undefined;
  return alive.timeNs - ranNs;
}

/** The same of a creation: it runs after the restart that it belongs to, if any, and before its process is ALIVE. */
export function creationSkewNs(
  actor: Actor,
  { number, placement, ranNs }: CreationFacts,
  end: ActorTransition | undefined,
): TimeNs | undefined {
  if (end?.state === 'ALIVE' && end.timeNs < ranNs && isSameProcess(end, placement)) return ranNs - end.timeNs;
  const beginNs = number === 0 || end === undefined ? undefined : stateBefore(actor, end.timeNs - 1n)?.timeNs;
  return beginNs !== undefined && beginNs > ranNs ? beginNs - ranNs : undefined;
}

export function nextAlive(actor: Actor, fromNs: TimeNs): ActorTransition | undefined {
  return nextOf(actor, ['ALIVE'], fromNs);
}

function lastAlive({ transitions }: Actor, atNs: TimeNs): ActorTransition | undefined {
  for (let index = firstIndex(transitions, ({ timeNs }) => timeNs > atNs) - 1; index >= 0; index -= 1) {
    const transition = transitions[index];
    if (transition?.state === 'ALIVE') return transition;
  }
  return undefined;
}

function isSameProcess({ workerId, pid, nodeId }: ActorTransition, placement: PlacementFacts): boolean {
  if (workerId !== undefined && placement.workerId !== undefined) return workerId === placement.workerId;
  const isSameNode = nodeId === undefined || placement.executorNodeId === undefined || nodeId === placement.executorNodeId;
  return isSameNode && pid !== undefined && pid === placement.workerPid;
}

function isOtherProcess({ workerId, pid }: ActorTransition, placement: PlacementFacts): boolean {
  if (workerId !== undefined && placement.workerId !== undefined) return workerId !== placement.workerId;
  return pid !== undefined && placement.workerPid !== undefined && pid !== placement.workerPid;
}
