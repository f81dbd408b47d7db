import { actorIdOf, creationTaskOf, type SessionState } from '../correlate/index.ts';

/** Longest chain of callers that is followed. A task beyond it counts as called by the driver. */
const MAX_CALLERS = 500;

/**
 * Finds the tasks that do not end with their job: calls on a detached actor, and everything that
 * these tasks called or created. Each task is examined once.
 */
export class Outliving {
  readonly #session: SessionState;
  readonly #known = new Map<string, boolean>();

  constructor(session: SessionState) {
    this.#session = session;
  }

  has(taskId: string): boolean {
    return this.#has(taskId, MAX_CALLERS);
  }

  #has(taskId: string, callersLeft: number): boolean {
    const known = this.#known.get(taskId);
    if (known !== undefined) return known;
    // A damaged stream can make a task its own ancestor: the search then stops here.
    this.#known.set(taskId, false);
    const task = this.#session.findTask(taskId);
    const actorId = actorIdOf(taskId);
    const isDetached = actorId !== undefined && this.#session.actors.get(actorId)?.isDetached === true;
    const origins = [task?.parentTaskId, actorId === undefined ? undefined : creationTaskOf(actorId)];
    const found =
      isDetached ||
      task?.outlivesDriver === true ||
      origins.some((origin) => origin !== undefined && callersLeft > 0 && this.#has(origin, callersLeft - 1));
    this.#known.set(taskId, found);
    return found;
  }
}
