import type { ActorTransition, StateTransition, TimeNs } from '../event/index.ts';
import type { PlaceFacts } from './place-facts.ts';
import type { Actor } from './records.ts';
import { firstIndex, nextOf } from './transitions.ts';

/** What an actor's states say of the process that an attempt ran in. Another worker than the attempt's rules a process out, whatever the times. */

/** ALIVE of the process in which a call ran that began at `atNs`: the last one before, else the first one. */
export function aliveAt(actor: Actor, where: PlaceFacts, atNs: TimeNs): ActorTransition | undefined {
  const alive = lastAlive(actor, atNs) ?? nextAlive(actor, 0n);
  if (alive === undefined || !isOtherProcess(alive, where)) return alive;
  return actor.transitions.find((other) => other.state === 'ALIVE' && isSameProcess(other, where)) ?? alive;
}

/** ALIVE where the creation that began to run at `ranNs` succeeded; RESTARTING or DEAD where its process died before. */
export function creationEnd(actor: Actor, where: PlaceFacts, ranNs: TimeNs): ActorTransition | undefined {
  // Of a clock that is ahead, RUNNING comes after the ALIVE that it led to.
  const before = lastAlive(actor, ranNs);
  if (before !== undefined && isSameProcess(before, where)) return before;
  return nextOf(actor, ['ALIVE', 'RESTARTING', 'DEAD'], ranNs);
}

/** RESTARTING or DEAD of the process in which a call ran; of a call that did not run, DEAD of the actor. */
export function callEnd(actor: Actor, states: readonly StateTransition[], alive: ActorTransition | undefined): ActorTransition | undefined {
  const ranNs = states.find(({ state }) => state === 'RUNNING')?.timeNs;
  const dead = nextOf(actor, ['DEAD']);
  if (ranNs === undefined) return dead;
  const fromNs = alive !== undefined && alive.timeNs > ranNs ? alive.timeNs : ranNs;
  return nextOf(actor, ['RESTARTING', 'DEAD'], fromNs) ?? dead;
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

function isSameProcess({ workerId, pid, nodeId }: ActorTransition, where: PlaceFacts): boolean {
  if (workerId !== undefined && where.workerId !== undefined) return workerId === where.workerId;
  const isSameNode = nodeId === undefined || where.executorNodeId === undefined || nodeId === where.executorNodeId;
  return isSameNode && pid !== undefined && pid === where.workerPid;
}

function isOtherProcess({ workerId, pid }: ActorTransition, where: PlaceFacts): boolean {
  if (workerId !== undefined && where.workerId !== undefined) return workerId !== where.workerId;
  return pid !== undefined && where.workerPid !== undefined && pid !== where.workerPid;
}
