import { actorIdOf, isCreationTask } from '../correlate/index.ts';

/** Actor of a call; undefined for a task, and for the creation of an actor. Only the latter two are placed on a node. */
export function calledActorOf(taskId: string): string | undefined {
  return isCreationTask(taskId) ? undefined : actorIdOf(taskId);
}
