import type { Draft } from './fields.ts';
import type { StateTransition, TaskDefinition, TaskLifecycle } from './ray-event.ts';

/**
 * The events of which there are many, without what they may lack, to be filled in. Whoever makes one begins here, so that all of a kind have the
 * same keys in the same order and are one hidden class to the engine: code that reads them is compiled once, and for one shape.
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

/** One that a new release of Ray adds cannot be forgotten here. */
type WithAllKeys<Event> = { readonly [Key in keyof Required<Event>]: Event[Key] };
