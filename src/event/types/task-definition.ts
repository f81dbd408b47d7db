import {
  type Draft,
  type Problem,
  type RawObject,
  readBoolean,
  readEnum,
  readId,
  readInt32,
  readMessage,
  readName,
  readNumberMap,
  readObject,
  readRequiredId,
  readTextMap,
} from '../fields.ts';
import { ID_BYTES } from '../hex-id.ts';
import type { Payload } from '../payload.ts';
import type { TaskDefinition } from '../ray-event.ts';
import { readRuntimeEnv } from '../redaction/runtime-env.ts';
import { taskDefinitionEvent } from '../task-event.ts';

const TASK_TYPES = ['NORMAL_TASK', 'ACTOR_CREATION_TASK', 'ACTOR_TASK', 'DRIVER_TASK'] as const;
const LANGUAGES = ['PYTHON', 'JAVA', 'CPP'];
export const FUNCTION_DESCRIPTORS = ['pythonFunctionDescriptor', 'javaFunctionDescriptor', 'cppFunctionDescriptor'];
/** A task id ends in the id of the actor that it creates or calls. */
export const ACTOR_ID_IN_TASK_ID = (ID_BYTES.task - ID_BYTES.actor) * 2;

/** Decodes `TaskDefinitionEvent` (`events_task_definition_event.proto`). */
export function decodeTaskDefinition(payload: Payload): TaskDefinition {
  const { body, problem } = payload;
  const taskType = readTaskType(body, problem);
  const task = readDefinition(payload, taskType, 'taskName', 'taskFunc');
  if (taskType === 'ACTOR_CREATION_TASK') task.actorId = task.taskId.slice(ACTOR_ID_IN_TASK_ID);
  return task;
}

/**
 * Reads the fields that definitions of tasks and actor tasks share. Only two field names differ.
 */
export function readDefinition(
  { body, header, problem }: Payload,
  taskType: TaskDefinition['taskType'],
  nameField: string,
  functionField: string,
): Draft<TaskDefinition> {
  const task = taskDefinitionEvent(
    header.eventId,
    header.session,
    readRequiredId(body, 'taskId', ID_BYTES.task, problem),
    readInt32(body, 'taskAttempt', problem) ?? 0,
    taskType,
    readName(body, nameField, problem) ?? '',
    readEnum(body, 'language', LANGUAGES, problem),
    readNumberMap(body, 'requiredResources', problem),
  );
  task.emitterNodeId = header.emitterNodeId;
  task.parentTaskId = readId(body, 'parentTaskId', ID_BYTES.task, problem);
  task.placementGroupId = readId(body, 'placementGroupId', ID_BYTES.placementGroup, problem);
  task.isDetachedActor = readBoolean(body, 'isDetachedActor', problem);
  task.callSite = readMessage(body, 'callSite', problem);
  task.runtimeEnv = readRuntimeEnv(body, problem);
  const labelSelector = readTextMap(body, 'labelSelector', problem);
  if (Object.keys(labelSelector).length > 0) task.labelSelector = labelSelector;
  addFunction(task, body, functionField, problem);
  return task;
}

/** Reads the task type. An unknown type counts as NORMAL_TASK. */
function readTaskType(body: RawObject, problem: Problem): TaskDefinition['taskType'] {
  const sent = readEnum(body, 'taskType', TASK_TYPES, problem);
  return TASK_TYPES.find((type) => type === sent) ?? 'NORMAL_TASK';
}

/** Reads `FunctionDescriptor`, one of three messages with the same field names. */
function addFunction(task: Draft<TaskDefinition>, body: RawObject, functionField: string, problem: Problem): void {
  const oneOf = readObject(body, functionField, problem);
  if (oneOf === undefined) return;
  for (const field of FUNCTION_DESCRIPTORS) {
    const descriptor = readObject(oneOf, field, problem);
    if (descriptor === undefined) continue;
    task.moduleName = readName(descriptor, 'moduleName', problem);
    task.className = readName(descriptor, 'className', problem);
    task.functionName = readName(descriptor, 'functionName', problem);
    return;
  }
}
