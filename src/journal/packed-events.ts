import {
  type Draft,
  ID_BYTES,
  type RayEvent,
  type StateTransition,
  taskDefinitionEvent,
  type TaskDefinition,
  taskLifecycleEvent,
  type TaskLifecycle,
  type TaskLog,
} from '../event/index.ts';
import { PackedReader } from './packed-reader.ts';
import { PackedWriter } from './packed-writer.ts';

/**
 * The events of a batch as rows. Definitions and states of tasks, of which there are many, have a form of their own: a quarter of the time
 * and less than half of the bytes of MessagePack, which all others are.
 *
 * A row is its kind (1 byte), what is like no other event's, then flags and what events share, as far as the flags say that it is there.
 */

/** No MessagePack begins with it: batches of before are told apart by their first byte. */
export const PACKED_EVENTS = 0xc1;

const KIND = { other: 0, lifecycle: 1, definition: 2 } as const;

const LIFECYCLE = {
  emitterNodeId: 1,
  workerId: 2,
  nodeId: 4,
  workerPid: 8,
  log: 16,
  error: 32,
  actorReprName: 64,
  isDebuggerPaused: 128,
  untimed: 256,
} as const satisfies Flags<TaskLifecycle>;

const DEFINITION = {
  emitterNodeId: 1,
  parentTaskId: 2,
  moduleName: 4,
  functionName: 8,
  className: 16,
  actorId: 32,
  isDetachedActor: 64,
  placementGroupId: 128,
  labelSelector: 256,
  callSite: 512,
  runtimeEnv: 1024,
} as const satisfies Flags<TaskDefinition>;

const LOG = {
  stdoutFile: 1,
  stderrFile: 2,
  stdoutStart: 4,
  stdoutEnd: 8,
  stderrStart: 16,
  stderrEnd: 32,
} as const satisfies Flags<TaskLog>;

/** A bit for each part that may be absent: one that a new release of Ray adds cannot be forgotten here. */
type Flags<Event> = { readonly [Name in keyof Event as undefined extends Event[Name] ? Name : never]-?: number };

const writer = new PackedWriter();

/** Behind `headerBytes` that are to be filled in. Written over by the next call. */
export function packEvents(headerBytes: number, events: readonly RayEvent[]): Buffer {
  writer.begin(headerBytes);
  writer.byte(PACKED_EVENTS);
  for (const event of events) {
    const from = writer.position;
    if (event.type === 'task_lifecycle' && packLifecycle(event)) continue;
    if (event.type === 'task_definition' && packDefinition(event)) continue;
    writer.rewind(from);
    writer.byte(KIND.other);
    writer.content(event);
  }
  return writer.written();
}

/** The events of what `packEvents` wrote, from its mark on. Throws for anything else. */
export function unpackEvents(bytes: Buffer): RayEvent[] {
  const reader = new PackedReader(bytes);
  const events: RayEvent[] = [];
  if (reader.byte() !== PACKED_EVENTS) throw new RangeError('these are no packed events');
  while (!reader.isAtEnd) events.push(unpackEvent(reader));
  return events;
}

function unpackEvent(reader: PackedReader): RayEvent {
  const kind = reader.byte();
  if (kind === KIND.lifecycle) return unpackLifecycle(reader);
  if (kind === KIND.definition) return unpackDefinition(reader);
  if (kind === KIND.other) return reader.content<RayEvent>();
  throw new RangeError(`no row has the kind ${kind}`);
}

/** False when the row cannot hold one of its values; nothing that is shared was written until then. */
function packLifecycle(event: TaskLifecycle): boolean {
  const { transitions, emitterNodeId, workerId, nodeId, workerPid, log, error, actorReprName, isDebuggerPaused, untimed } = event;
  writer.byte(KIND.lifecycle);
  writer.integer(
    bit(emitterNodeId, LIFECYCLE.emitterNodeId) |
      bit(workerId, LIFECYCLE.workerId) |
      bit(nodeId, LIFECYCLE.nodeId) |
      bit(workerPid, LIFECYCLE.workerPid) |
      bit(log, LIFECYCLE.log) |
      bit(error, LIFECYCLE.error) |
      bit(actorReprName, LIFECYCLE.actorReprName) |
      bit(isDebuggerPaused, LIFECYCLE.isDebuggerPaused) |
      bit(untimed, LIFECYCLE.untimed),
  );
  if (!packIdentity(event) || !writer.integer(transitions.length)) return false;
  for (const { timeNs } of transitions) writer.bigint(timeNs);
  if (workerPid !== undefined && !writer.integer(workerPid)) return false;
  if (log !== undefined && !packOffsets(log)) return false;
  if (isDebuggerPaused !== undefined) writer.boolean(isDebuggerPaused);
  writer.text(event.session);
  for (const { state } of transitions) writer.text(state);
  if (emitterNodeId !== undefined) writer.text(emitterNodeId);
  if (workerId !== undefined) writer.text(workerId);
  if (nodeId !== undefined) writer.text(nodeId);
  if (log?.stdoutFile !== undefined) writer.text(log.stdoutFile);
  if (log?.stderrFile !== undefined) writer.text(log.stderrFile);
  if (error !== undefined) writer.content(error);
  if (actorReprName !== undefined) writer.text(actorReprName);
  if (untimed !== undefined) writer.content(untimed);
  return true;
}

function unpackLifecycle(reader: PackedReader): TaskLifecycle {
  const flags = reader.integer();
  const { eventId, taskId, attempt } = unpackIdentity(reader);
  const times = Array.from({ length: reader.integer() }, () => reader.bigint());
  const workerPid = (flags & LIFECYCLE.workerPid) === 0 ? undefined : reader.integer();
  const log = (flags & LIFECYCLE.log) === 0 ? undefined : unpackOffsets(reader);
  const isDebuggerPaused = (flags & LIFECYCLE.isDebuggerPaused) === 0 ? undefined : reader.boolean();
  const session = reader.text();
  const transitions = times.map((timeNs): StateTransition => ({ state: reader.text(), timeNs }));
  const event = taskLifecycleEvent(eventId, session, taskId, attempt, transitions);
  if ((flags & LIFECYCLE.emitterNodeId) !== 0) event.emitterNodeId = reader.text();
  if ((flags & LIFECYCLE.workerId) !== 0) event.workerId = reader.text();
  if ((flags & LIFECYCLE.nodeId) !== 0) event.nodeId = reader.text();
  event.workerPid = workerPid;
  if (log !== undefined) event.log = unpackFiles(reader, log);
  if ((flags & LIFECYCLE.error) !== 0) event.error = reader.content();
  if ((flags & LIFECYCLE.actorReprName) !== 0) event.actorReprName = reader.text();
  event.isDebuggerPaused = isDebuggerPaused;
  if ((flags & LIFECYCLE.untimed) !== 0) event.untimed = reader.content();
  return event;
}

/** As `packLifecycle`. */
function packDefinition(event: TaskDefinition): boolean {
  const { emitterNodeId, parentTaskId, moduleName, functionName, className, actorId, isDetachedActor } = event;
  const { placementGroupId, labelSelector, callSite, runtimeEnv } = event;
  writer.byte(KIND.definition);
  writer.integer(
    bit(emitterNodeId, DEFINITION.emitterNodeId) |
      bit(parentTaskId, DEFINITION.parentTaskId) |
      bit(moduleName, DEFINITION.moduleName) |
      bit(functionName, DEFINITION.functionName) |
      bit(className, DEFINITION.className) |
      bit(actorId, DEFINITION.actorId) |
      bit(isDetachedActor, DEFINITION.isDetachedActor) |
      bit(placementGroupId, DEFINITION.placementGroupId) |
      bit(labelSelector, DEFINITION.labelSelector) |
      bit(callSite, DEFINITION.callSite) |
      bit(runtimeEnv, DEFINITION.runtimeEnv),
  );
  if (!packIdentity(event)) return false;
  if (isDetachedActor !== undefined) writer.boolean(isDetachedActor);
  writer.text(event.session);
  writer.text(event.taskType);
  writer.text(event.name);
  writer.text(event.language);
  writer.object(event.requiredResources);
  if (emitterNodeId !== undefined) writer.text(emitterNodeId);
  if (parentTaskId !== undefined) writer.text(parentTaskId);
  if (moduleName !== undefined) writer.text(moduleName);
  if (functionName !== undefined) writer.text(functionName);
  if (className !== undefined) writer.text(className);
  if (actorId !== undefined) writer.text(actorId);
  if (placementGroupId !== undefined) writer.text(placementGroupId);
  if (labelSelector !== undefined) writer.object(labelSelector);
  if (callSite !== undefined) writer.text(callSite);
  if (runtimeEnv !== undefined) writer.content(runtimeEnv);
  return true;
}

function unpackDefinition(reader: PackedReader): TaskDefinition {
  const flags = reader.integer();
  const { eventId, taskId, attempt } = unpackIdentity(reader);
  const isDetachedActor = (flags & DEFINITION.isDetachedActor) === 0 ? undefined : reader.boolean();
  const session = reader.text();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what was written
  const taskType = reader.text() as TaskDefinition['taskType'];
  const name = reader.text();
  const language = reader.text();
  const event = taskDefinitionEvent(eventId, session, taskId, attempt, taskType, name, language, reader.object());
  if ((flags & DEFINITION.emitterNodeId) !== 0) event.emitterNodeId = reader.text();
  if ((flags & DEFINITION.parentTaskId) !== 0) event.parentTaskId = reader.text();
  if ((flags & DEFINITION.moduleName) !== 0) event.moduleName = reader.text();
  if ((flags & DEFINITION.functionName) !== 0) event.functionName = reader.text();
  if ((flags & DEFINITION.className) !== 0) event.className = reader.text();
  if ((flags & DEFINITION.actorId) !== 0) event.actorId = reader.text();
  event.isDetachedActor = isDetachedActor;
  if ((flags & DEFINITION.placementGroupId) !== 0) event.placementGroupId = reader.text();
  if ((flags & DEFINITION.labelSelector) !== 0) event.labelSelector = reader.object();
  if ((flags & DEFINITION.callSite) !== 0) event.callSite = reader.text();
  if ((flags & DEFINITION.runtimeEnv) !== 0) event.runtimeEnv = reader.content();
  return event;
}

function packIdentity({ eventId, taskId, attempt }: TaskLifecycle | TaskDefinition): boolean {
  return writer.latin1(eventId) && writer.hex(taskId, ID_BYTES.task) && writer.integer(attempt);
}

function unpackIdentity(reader: PackedReader): Pick<TaskLifecycle, 'eventId' | 'taskId' | 'attempt'> {
  return { eventId: reader.latin1(), taskId: reader.hex(ID_BYTES.task), attempt: reader.integer() };
}

function packOffsets({ stdoutFile, stderrFile, stdoutStart, stdoutEnd, stderrStart, stderrEnd }: TaskLog): boolean {
  writer.byte(
    bit(stdoutFile, LOG.stdoutFile) |
      bit(stderrFile, LOG.stderrFile) |
      bit(stdoutStart, LOG.stdoutStart) |
      bit(stdoutEnd, LOG.stdoutEnd) |
      bit(stderrStart, LOG.stderrStart) |
      bit(stderrEnd, LOG.stderrEnd),
  );
  return (
    (stdoutStart === undefined || writer.integer(stdoutStart)) &&
    (stdoutEnd === undefined || writer.integer(stdoutEnd)) &&
    (stderrStart === undefined || writer.integer(stderrStart)) &&
    (stderrEnd === undefined || writer.integer(stderrEnd))
  );
}

interface Offsets {
  readonly flags: number;
  readonly log: Draft<TaskLog>;
}

function unpackOffsets(reader: PackedReader): Offsets {
  const flags = reader.byte();
  const log: Draft<TaskLog> = {};
  if ((flags & LOG.stdoutStart) !== 0) log.stdoutStart = reader.integer();
  if ((flags & LOG.stdoutEnd) !== 0) log.stdoutEnd = reader.integer();
  if ((flags & LOG.stderrStart) !== 0) log.stderrStart = reader.integer();
  if ((flags & LOG.stderrEnd) !== 0) log.stderrEnd = reader.integer();
  return { flags, log };
}

function unpackFiles(reader: PackedReader, { flags, log }: Offsets): TaskLog {
  if ((flags & LOG.stdoutFile) !== 0) log.stdoutFile = reader.text();
  if ((flags & LOG.stderrFile) !== 0) log.stderrFile = reader.text();
  return log;
}

function bit(part: unknown, flag: number): number {
  return part === undefined ? 0 : flag;
}
