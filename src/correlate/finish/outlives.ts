import { actorIdOf, creationTaskOf, isCreationTask, isDriverTask } from '../naming/ray-ids.ts';
import type { Actor, Session, Task } from '../entities/entities.ts';

/**
 * Which work outlives the driver of its job. Ray keeps a detached actor alive after the driver that created it, so the end of
 * a driver ends nothing that a detached actor does, called or created:
 *
 * 1. the creation of a detached actor, and calls on it;
 * 2. what such a call submitted, over any number of callers;
 * 3. actors that a task of 1 or 2 created, and calls on them.
 */

/** Maximum number of remembered tasks, over all sessions, that are known to end with their driver. */
export const MAX_ORDINARY_TASKS = 100_000;

/**
 * Remembers tasks that do not outlive their driver as far as is known, so that a walk over the callers of many tasks visits each
 * caller once. A cache: what it forgets is found again.
 */
export class OrdinaryTasks {
  readonly #ids = new Map<Session, Set<string>>();
  #size = 0;

  has(session: Session, taskId: string): boolean {
    return this.#ids.get(session)?.has(taskId) === true;
  }

  add(session: Session, taskIds: Iterable<string>): void {
    if (this.#size > MAX_ORDINARY_TASKS) {
      this.#ids.clear();
      this.#size = 0;
    }
    let ids = this.#ids.get(session);
    if (ids === undefined) this.#ids.set(session, (ids = new Set()));
    const before = ids.size;
    for (const id of taskIds) ids.add(id);
    this.#size += ids.size - before;
  }

  /** Call when a task's caller becomes known. `callsOthers`: tasks below it were known before. */
  callerKnown(task: Task, callsOthers: boolean): void {
    if (callsOthers || isCreationTask(task.id)) this.forget(task.session);
    else if (this.#ids.get(task.session)?.delete(task.id) === true) this.#size -= 1;
  }

  /** Call when an actor turns out to be detached, and with its session. */
  forget(session: Session): void {
    this.#size -= this.#ids.get(session)?.size ?? 0;
    this.#ids.delete(session);
  }
}

export function outlivesDriver(ordinary: OrdinaryTasks, { session, id }: Task): boolean {
  return isBelowDetached(ordinary, session, id);
}

export function actorOutlivesDriver(ordinary: OrdinaryTasks, actor: Actor): boolean {
  return actor.isDetached || isBelowDetached(ordinary, actor.session, creationTaskOf(actor.id));
}

/** Walks from a task to its callers, and from a call on an actor to the creation of that actor. */
function isBelowDetached(ordinary: OrdinaryTasks, session: Session, taskId: string): boolean {
  const cameFrom = new Map<string, string | undefined>([[taskId, undefined]]);
  const toVisit = [taskId];
  const visit = (id: string, from: string): void => {
    if (cameFrom.has(id) || ordinary.has(session, id)) return;
    cameFrom.set(id, from);
    toVisit.push(id);
  };
  for (let id = toVisit.pop(); id !== undefined; id = toVisit.pop()) {
    const task = session.findTask(id);
    const actorId = actorIdOf(id);
    const isDetached = actorId !== undefined && session.actors.get(actorId)?.isDetached === true;
    if (isDetached || task?.outlivesDriver === true) {
      markPath(session, cameFrom, id);
      return true;
    }
    if (actorId !== undefined) visit(creationTaskOf(actorId), id);
    const callerId = task?.parentTaskId;
    if (callerId !== undefined && !isDriverTask(callerId)) visit(callerId, id);
  }
  ordinary.add(session, cameFrom.keys());
  return false;
}

/** Open tasks remember it, so that each is looked for once. */
function markPath(session: Session, cameFrom: ReadonlyMap<string, string | undefined>, foundId: string): void {
  for (let id: string | undefined = foundId; id !== undefined; id = cameFrom.get(id)) {
    const task = session.tasks.get(id);
    if (task?.hasOpen === true) task.outlivesDriver = true;
  }
}
