import type { ProfileEntry } from '../../event/index.ts';
import { actorIdOf, isCreationTask } from '../naming/ray-ids.ts';
import type { Session } from '../entities/entities.ts';

/**
 * Ids that Ray makes up. A thread of a driver, task or actor that submits calls has a task id of its own: random, but for the job's id at its end. So
 * its actor part names an actor that does not exist, and no task was ever defined, run or profiled under it.
 */

/** Entries that the executor of a task records. All others are `submit_task`, which is not among the entries, and those of user code. */
const TASK_ENTRY = 'task:';

/** False for an id that can be a task's: one without an actor, a creation, or one of an actor that events name. */
export function isMadeUp(session: Session, taskId: string): boolean {
  const actorId = actorIdOf(taskId);
  return actorId !== undefined && !isCreationTask(taskId) && session.actors.get(actorId) === undefined;
}

/** Entries of a task's own execution, or of user code under an id that can be a task's. */
export function proveAttempt(session: Session, taskId: string, entries: readonly ProfileEntry[]): boolean {
  if (entries.some(({ name }) => name.startsWith(TASK_ENTRY))) return true;
  return entries.length > 0 && !isMadeUp(session, taskId);
}

/**
 * A caller that is a thread: nothing else is known of it, and it has submitted calls, or the session reports its actors and this one is not among
 * them. Any other unknown caller gets a placeholder.
 */
export function isThread(session: Session, callerId: string): boolean {
  return isMadeUp(session, callerId) && (session.sendsActors || session.threads?.get(callerId) !== undefined);
}
