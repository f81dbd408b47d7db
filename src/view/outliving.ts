import { actorIdOf, creationTaskOf, jobIdOf } from '../correlate/index.ts';
import type { SessionView } from './records.ts';

/** Longest chain of callers that is followed. A task beyond it counts as called by the driver. */
const MAX_CALLERS = 500;

/**
 * Finds the tasks that do not end with their job: calls on a detached actor, and everything that
 * these tasks called or created. Each task is examined once.
 */
export class Outliving {
  readonly #session: SessionView;
  readonly #known = new Map<string, boolean>();

  constructor(session: SessionView) {
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
    const found =
      this.#isOfDetached(taskId) || this.#origins(taskId).some((origin) => callersLeft > 0 && this.#has(origin, callersLeft - 1));
    this.#known.set(taskId, found);
    return found;
  }

  #isOfDetached(taskId: string): boolean {
    const actorId = actorIdOf(taskId);
    return actorId !== undefined && this.#session.jobs.get(jobIdOf(actorId))?.actors.get(actorId)?.isDetached === true;
  }

  /** The caller of a task, and for a call on an actor also the task that created the actor. */
  #origins(taskId: string): readonly string[] {
    const { lastAttempts } = this.#session;
    const actorId = actorIdOf(taskId);
    const caller = lastAttempts.get(taskId)?.parentTaskId;
    const creator = actorId === undefined ? undefined : lastAttempts.get(creationTaskOf(actorId))?.parentTaskId;
    return [caller, creator].filter((id) => id !== undefined);
  }
}
