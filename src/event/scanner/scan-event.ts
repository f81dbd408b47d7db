import { isDeepStrictEqual } from 'node:util';
import { PAYLOAD_NAMES } from '../decode.ts';
import { objectRole, type Role, segmentsOf } from './event-segments.ts';
import { EventShapes, NO_SLOT } from './event-shapes.ts';
import { type Draft, Problem, readMessage } from '../fields.ts';
import { MAX_EVENT_ID_LENGTH } from '../header-limits.ts';
import { ID_BYTES } from '../hex-id.ts';
import type { RayEvent, StateTransition, TaskDefinition, TaskLifecycle } from '../ray-event.ts';
import { readRuntimeEnv } from '../redaction/runtime-env.ts';
import type { ScanBytes } from '../scan-bytes.ts';
import { ScannedValues } from './scan-values.ts';
import { ACTOR_ID_IN_TASK_ID, FUNCTION_DESCRIPTORS } from '../types/task-definition.ts';
import { taskDefinitionEvent, taskLifecycleEvent } from '../task-event.ts';
import { taskLog } from '../types/task-lifecycle.ts';

/** Larger events are too rare to be worth learning. */
const MAX_LEARNED_EVENT_BYTES = 8192;

/**
 * Slots of the values that differ between events, in any order; the times of the states come last.
 */
const SLOT = {
  eventId: 0,
  emitterNodeId: 1,
  taskId: 2,
  attempt: 3,
  nodeId: 4,
  workerId: 5,
  workerPid: 6,
  actorReprName: 7,
  stdoutFile: 8,
  stderrFile: 9,
  stdoutStart: 10,
  stdoutEnd: 11,
  stderrStart: 12,
  stderrEnd: 13,
  name: 14,
  moduleName: 15,
  className: 16,
  functionName: 17,
  parentTaskId: 18,
  placementGroupId: 19,
  actorId: 20,
  runtimeEnv: 21,
  callSite: 22,
  session: 23,
  firstTime: 24,
} as const;

/** Slots of `taskLogInfo`, as bits. */
const LOG_SLOTS = 0b111111 << SLOT.stdoutFile;

const NOT_READ: Role = { slot: NO_SLOT };
/** Values that may be secret, or that differ each time. */
const NOT_LEARNED: Role = { isNotLearned: true };
const FUNCTION = objectRole({
  moduleName: { slot: SLOT.moduleName },
  className: { slot: SLOT.className },
  functionName: { slot: SLOT.functionName },
  functionHash: NOT_READ,
});
const FUNCTION_DESCRIPTOR = objectRole(Object.fromEntries(FUNCTION_DESCRIPTORS.map((name) => [name, FUNCTION])), FUNCTION_DESCRIPTORS);
const TASK = {
  taskId: { slot: SLOT.taskId },
  taskAttempt: { slot: SLOT.attempt },
  jobId: NOT_READ,
};
const DEFINITION = {
  ...TASK,
  parentTaskId: { slot: SLOT.parentTaskId },
  placementGroupId: { slot: SLOT.placementGroupId },
  serializedRuntimeEnv: { slot: SLOT.runtimeEnv, kind: 'text' },
  callSite: { slot: SLOT.callSite, kind: 'text' },
  runtimeEnvInfo: NOT_LEARNED,
} as const;

/**
 * Roles in the envelope. A field that is not named here is fixed: another value makes another
 * shape. So a field that the decoder reads may be missing here. A field that is named must be read
 * below, unless the decoder does not read it. An event with two payloads is not learned, because
 * the decoder reads only the one of the event type.
 */
const ENVELOPE = objectRole(
  {
    eventId: { slot: SLOT.eventId },
    timestamp: NOT_READ,
    sessionName: { slot: SLOT.session },
    nodeId: { slot: SLOT.emitterNodeId },
    taskLifecycleEvent: objectRole({
      ...TASK,
      stateTransitions: { elements: objectRole({ timestamp: { slot: SLOT.firstTime } }) },
      nodeId: { slot: SLOT.nodeId },
      workerId: { slot: SLOT.workerId },
      workerPid: { slot: SLOT.workerPid },
      actorReprName: { slot: SLOT.actorReprName },
      rayErrorInfo: NOT_LEARNED,
      taskLogInfo: objectRole({
        stdoutFile: { slot: SLOT.stdoutFile },
        stderrFile: { slot: SLOT.stderrFile },
        stdoutStart: { slot: SLOT.stdoutStart },
        stdoutEnd: { slot: SLOT.stdoutEnd },
        stderrStart: { slot: SLOT.stderrStart },
        stderrEnd: { slot: SLOT.stderrEnd },
      }),
    }),
    taskDefinitionEvent: objectRole({ ...DEFINITION, taskFunc: FUNCTION_DESCRIPTOR, taskName: { slot: SLOT.name } }),
    actorTaskDefinitionEvent: objectRole({
      ...DEFINITION,
      actorId: { slot: SLOT.actorId },
      actorFunc: FUNCTION_DESCRIPTOR,
      actorTaskName: { slot: SLOT.name },
    }),
  },
  PAYLOAD_NAMES,
);

/**
 * Values that all events of one shape share. Definitions and states use one type, because that is
 * faster.
 */
interface Common {
  readonly isLifecycle: boolean;
  /** States of a lifecycle, each with its own time. */
  readonly states: readonly string[];
  readonly isDebuggerPaused: boolean | undefined;
  readonly taskType: TaskDefinition['taskType'];
  readonly language: string;
  readonly requiredResources: TaskDefinition['requiredResources'];
  readonly isDetachedActor: boolean | undefined;
  readonly labelSelector: TaskDefinition['labelSelector'];
}

const NOTHING_IN_COMMON: Common = {
  isLifecycle: true,
  states: [],
  isDebuggerPaused: undefined,
  taskType: 'NORMAL_TASK',
  language: '',
  requiredResources: {},
  isDetachedActor: undefined,
  labelSelector: undefined,
};

/**
 * Reads the most frequent events, definitions and states of tasks, directly from the bytes of a
 * body. It makes no intermediate objects and strings, and takes less time than JSON.parse alone. It
 * knows events of a shape that `decodeEvent` read before, and returns undefined for all others. Its
 * result always equals that of `decodeEvent`.
 */
export class EventScanner {
  readonly #shapes = new EventShapes<Common>();
  readonly #values = new ScannedValues(this.#shapes);

  /** Position after the last scanned event. */
  get end(): number {
    return this.#shapes.end;
  }

  /** Returns the event at `position`; undefined when `decodeEvent` must read it. */
  scan(bytes: ScanBytes, position: number): RayEvent | undefined {
    const shape = this.#shapes.match(bytes, position);
    if (shape === undefined) return undefined;
    this.#values.begin(bytes, shape.slots);
    const event = readEvent(this.#values, shape.common);
    return this.#values.isUnusual ? undefined : event;
  }

  /**
   * Learns the shape of an event that `decodeEvent` read from the bytes `start` to `end`, unless it
   * is rare.
   */
  learn(bytes: ScanBytes, start: number, end: number, event: RayEvent): void {
    const common = commonOf(event);
    if (common === undefined || end - start > MAX_LEARNED_EVENT_BYTES) return;
    const segments = segmentsOf(bytes, start, end, ENVELOPE);
    if (segments === undefined) return;
    const slots = this.#shapes.locate(segments);
    // A state that the decoder skipped would shift the times of the others.
    if (slots >>> SLOT.firstTime !== (1 << common.states.length) - 1) return;
    this.#values.begin(bytes, slots);
    const read = readEvent(this.#values, common);
    // If the scanner would read this event differently, its shape is not learned.
    if (this.#values.isUnusual || !isDeepStrictEqual(read, event)) return;
    this.#shapes.learn(bytes, segments, common);
  }
}

function commonOf(event: RayEvent): Common | undefined {
  if (event.type === 'task_lifecycle') {
    const { isDebuggerPaused, transitions } = event;
    return { ...NOTHING_IN_COMMON, states: transitions.map(({ state }) => state), isDebuggerPaused };
  }
  if (event.type !== 'task_definition') return undefined;
  const { taskType, language, isDetachedActor, labelSelector } = event;
  const requiredResources = Object.freeze({ ...event.requiredResources });
  return { ...NOTHING_IN_COMMON, isLifecycle: false, taskType, language, requiredResources, isDetachedActor, labelSelector };
}

function readEvent(values: ScannedValues, common: Common): TaskLifecycle | TaskDefinition {
  return common.isLifecycle ? readLifecycle(values, common) : readDefinition(values, common);
}

function readLifecycle(values: ScannedValues, common: Common): TaskLifecycle {
  const eventId = values.uniqueText(SLOT.eventId, MAX_EVENT_ID_LENGTH);
  const session = values.session(SLOT.session);
  const emitterNodeId = values.id(SLOT.emitterNodeId, ID_BYTES.node);
  const taskId = values.taskId(SLOT.taskId);
  const attempt = values.integer(SLOT.attempt);
  const transitions = readTransitions(values, common.states);
  const event = taskLifecycleEvent(eventId, session, taskId, attempt, transitions);
  if (emitterNodeId !== '') event.emitterNodeId = emitterNodeId;
  const nodeId = values.id(SLOT.nodeId, ID_BYTES.node);
  const workerId = values.id(SLOT.workerId, ID_BYTES.worker);
  const workerPid = values.integer(SLOT.workerPid);
  const actorReprName = values.text(SLOT.actorReprName);
  if (workerPid !== 0) event.workerPid = workerPid;
  if (workerId !== '') {
    event.workerId = workerId;
    if (nodeId !== '') event.nodeId = nodeId;
  }
  if (actorReprName !== '') event.actorReprName = actorReprName;
  event.isDebuggerPaused = common.isDebuggerPaused;
  if (values.hasAny(LOG_SLOTS)) readTaskLog(values, event);
  return event;
}

function readTransitions(values: ScannedValues, states: readonly string[]): readonly StateTransition[] {
  const transitions: StateTransition[] = [];
  for (const state of states) transitions.push({ state, timeNs: values.time(SLOT.firstTime + transitions.length) });
  return transitions;
}

function readTaskLog(values: ScannedValues, event: Draft<TaskLifecycle>): void {
  const log = taskLog({
    stdoutFile: values.text(SLOT.stdoutFile),
    stderrFile: values.text(SLOT.stderrFile),
    stdoutStart: values.count(SLOT.stdoutStart),
    stdoutEnd: values.count(SLOT.stdoutEnd),
    stderrStart: values.count(SLOT.stderrStart),
    stderrEnd: values.count(SLOT.stderrEnd),
  });
  event.log = log;
}

function readDefinition(values: ScannedValues, common: Common): TaskDefinition {
  const { taskType, language, requiredResources } = common;
  const eventId = values.uniqueText(SLOT.eventId, MAX_EVENT_ID_LENGTH);
  const session = values.session(SLOT.session);
  const emitterNodeId = values.id(SLOT.emitterNodeId, ID_BYTES.node);
  const taskId = values.taskId(SLOT.taskId);
  const attempt = values.integer(SLOT.attempt);
  const name = values.text(SLOT.name);
  const task = taskDefinitionEvent(eventId, session, taskId, attempt, taskType, name, language, requiredResources);
  if (emitterNodeId !== '') task.emitterNodeId = emitterNodeId;
  const parentTaskId = values.id(SLOT.parentTaskId, ID_BYTES.task);
  const placementGroupId = values.id(SLOT.placementGroupId, ID_BYTES.placementGroup);
  const moduleName = values.text(SLOT.moduleName);
  const className = values.text(SLOT.className);
  const functionName = values.text(SLOT.functionName);
  const actorId = actorOf(values, task);
  if (parentTaskId !== '') task.parentTaskId = parentTaskId;
  if (placementGroupId !== '') task.placementGroupId = placementGroupId;
  task.isDetachedActor = common.isDetachedActor;
  task.labelSelector = common.labelSelector;
  if (moduleName !== '') task.moduleName = moduleName;
  if (className !== '') task.className = className;
  if (functionName !== '') task.functionName = functionName;
  if (actorId !== '') task.actorId = actorId;
  readTexts(values, task);
  return task;
}

function actorOf(values: ScannedValues, { taskType, taskId }: TaskDefinition): string {
  if (taskType === 'ACTOR_CREATION_TASK') return taskId.slice(ACTOR_ID_IN_TASK_ID);
  return values.id(SLOT.actorId, ID_BYTES.actor);
}

/** Reads texts that may have escapes and are empty in most definitions. */
function readTexts(values: ScannedValues, task: Draft<TaskDefinition>): void {
  const callSite = values.parsed(SLOT.callSite);
  const serializedRuntimeEnv = values.isEmptyObject(SLOT.runtimeEnv) ? '' : values.parsed(SLOT.runtimeEnv);
  if (callSite === '' && serializedRuntimeEnv === '') return;
  const problem = new Problem();
  task.callSite = readMessage({ callSite }, 'callSite', problem);
  task.runtimeEnv = readRuntimeEnv({ serializedRuntimeEnv }, problem);
  values.rejectOn(problem);
}
