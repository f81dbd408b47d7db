import { readId } from '../fields.ts';
import { ID_BYTES } from '../hex-id.ts';
import type { Payload } from '../payload.ts';
import type { TaskDefinition } from '../ray-event.ts';
import { readDefinition } from './task-definition.ts';

/** `ActorTaskDefinitionEvent` (`events_actor_task_definition_event.proto`): a call of an actor's method, in the shape of a task. */
export function decodeActorTaskDefinition(payload: Payload): TaskDefinition {
  const task = readDefinition(payload, 'ACTOR_TASK', 'actorTaskName', 'actorFunc');
  task.actorId = readId(payload.body, 'actorId', ID_BYTES.actor, payload.problem);
  return task;
}
