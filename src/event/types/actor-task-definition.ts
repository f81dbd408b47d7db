import { readId } from '../fields.ts';
import { ID_BYTES } from '../hex-id.ts';
import type { Payload } from '../payload.ts';
import type { TaskDefinition } from '../ray-event.ts';
import { readDefinition } from './task-definition.ts';

/**
 * Decodes `ActorTaskDefinitionEvent` (`events_actor_task_definition_event.proto`), the call of an
 * actor's method, as a task definition.
 */
export function decodeActorTaskDefinition(payload: Payload): TaskDefinition {
  const task = readDefinition(payload, 'ACTOR_TASK', 'actorTaskName', 'actorFunc');
  task.actorId = readId(payload.body, 'actorId', ID_BYTES.actor, payload.problem);
  return task;
}
