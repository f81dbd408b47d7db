import { actorIdOf, creationTaskOf, jobIdOf } from '../correlate/index.ts';
import type { SessionView } from './records.ts';

/** A longer chain of callers is not followed: its task counts as one of the driver's. */
const CALLERS_MAX = 500;

/**
 * Finds the tasks that do not end with their job: calls of a detached actor, and whatever a task of it called or created. Each task is looked at
 * once.
 */
export class Outliving {
  readonly #session: SessionView;
  readonly #known = new Map<string, boolean>();

  constructor(session: SessionView) {
    this.#session = session;
  }

  has(taskId: string): boolean {
    return this.#has(taskId, CALLERS_MAX);
  }

  #has(taskId: string, callersLeft: number): boolean {
    const known = this.#known.get(taskId);
    if (known !== undefined) return known;
    // A task that is its own ancestor is found here again.
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

  /** The task that called it, and for a call the one that created its actor. */
  #origins(taskId: string): readonly string[] {
    const { lastAttempts } = this.#session;
    const actorId = actorIdOf(taskId);
    const caller = lastAttempts.get(taskId)?.parentTaskId;
    const creator = actorId === undefined ? undefined : lastAttempts.get(creationTaskOf(actorId))?.parentTaskId;
    return [caller, creator].filter((id) => id !== undefined);
  }
}
