import { actorIdOf, isCreationTask } from '../correlate/index.ts';

/**
 * Returns the actor of a call. Undefined for a task and for the creation of an actor, which are
 * placed on a node.
 */
export function calledActorOf(taskId: string): string | undefined {
  return isCreationTask(taskId) ? undefined : actorIdOf(taskId);
}
