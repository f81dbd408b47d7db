import type { Draft } from './fields.ts';
import type { StateTransition, TaskDefinition, TaskLifecycle } from './ray-event.ts';

/**
 * Constructors of the most frequent events, with optional fields undefined. Every maker starts
 * here, so that all events of a kind have the same keys in the same order. V8 then uses one hidden
 * class and compiles code that reads them for one shape.
 */

export function taskLifecycleEvent(
  eventId: string,
  session: string,
  taskId: string,
  attempt: number,
  transitions: readonly StateTransition[],
): Draft<TaskLifecycle> {
  return {
    type: 'task_lifecycle',
    eventId,
    session,
    emitterNodeId: undefined,
    taskId,
    attempt,
    transitions,
    untimed: undefined,
    error: undefined,
    nodeId: undefined,
    workerId: undefined,
    workerPid: undefined,
    actorReprName: undefined,
    isDebuggerPaused: undefined,
    log: undefined,
  } satisfies WithAllKeys<TaskLifecycle>;
}

export function taskDefinitionEvent(
  eventId: string,
  session: string,
  taskId: string,
  attempt: number,
  taskType: TaskDefinition['taskType'],
  name: string,
  language: string,
  requiredResources: TaskDefinition['requiredResources'],
): Draft<TaskDefinition> {
  return {
    type: 'task_definition',
    eventId,
    session,
    emitterNodeId: undefined,
    taskId,
    attempt,
    taskType,
    name,
    language,
    moduleName: undefined,
    className: undefined,
    functionName: undefined,
    parentTaskId: undefined,
    actorId: undefined,
    placementGroupId: undefined,
    requiredResources,
    isDetachedActor: undefined,
    labelSelector: undefined,
    callSite: undefined,
    runtimeEnv: undefined,
  } satisfies WithAllKeys<TaskDefinition>;
}

/** Makes the compiler reject a constructor that forgets a key of the event. */
type WithAllKeys<Event> = { readonly [Key in keyof Required<Event>]: Event[Key] };
