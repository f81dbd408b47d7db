import {
  type Draft,
  type Problem,
  type RawObject,
  readBoolean,
  readId,
  readInt32,
  readInt64,
  readName,
  readObject,
  readPid,
  readRequiredId,
} from '../fields.ts';
import { ID_BYTES } from '../hex-id.ts';
import type { Payload } from '../payload.ts';
import type { StateTransition, TaskLifecycle, TaskLog, Transitions } from '../ray-event.ts';
import { readTaskError } from '../task-error.ts';
import { taskLifecycleEvent } from '../task-event.ts';
import { TASK_STATE_NAMES } from '../task-states.ts';
import { noDetails, readTransitions } from '../transitions.ts';

/** Decodes `TaskLifecycleEvent` (`events_task_lifecycle_event.proto`), Ray 2.51 and later. */
export function decodeTaskLifecycle(payload: Payload): TaskLifecycle {
  const { body, problem } = payload;
  const lifecycle = readLifecycle(payload, readTransitions<StateTransition>(body, TASK_STATE_NAMES, noDetails, problem));
  lifecycle.actorReprName = readName(body, 'actorReprName', problem);
  lifecycle.isDebuggerPaused = readBoolean(body, 'isDebuggerPaused', problem);
  lifecycle.log = readLog(body, problem);
  return lifecycle;
}

/** Reads the fields shared with the predecessor, `TaskExecutionEvent`. */
export function readLifecycle(
  { body, header, problem }: Payload,
  { transitions, untimed }: Transitions<StateTransition>,
): Draft<TaskLifecycle> {
  const taskId = readRequiredId(body, 'taskId', ID_BYTES.task, problem);
  const attempt = readInt32(body, 'taskAttempt', problem) ?? 0;
  const lifecycle = taskLifecycleEvent(header.eventId, header.session, taskId, attempt, transitions);
  lifecycle.untimed = untimed;
  lifecycle.emitterNodeId = header.emitterNodeId;
  lifecycle.error = readTaskError(body, problem);
  lifecycle.workerPid = readPid(body, 'workerPid', problem);
  addWorker(lifecycle, body, problem);
  return lifecycle;
}

/**
 * Reads the executing node and worker, which the owner sends together with SUBMITTED_TO_WORKER. Ray
 * 2.54 sets the node of every event to the emitter's, so a node without a worker is ignored.
 */
function addWorker(lifecycle: Draft<TaskLifecycle>, body: RawObject, problem: Problem): void {
  const nodeId = readId(body, 'nodeId', ID_BYTES.node, problem);
  const workerId = readId(body, 'workerId', ID_BYTES.worker, problem);
  if (workerId === undefined) return;
  lifecycle.workerId = workerId;
  lifecycle.nodeId = nodeId;
}

/** Reads `TaskLogInfo`. */
function readLog(body: RawObject, problem: Problem): TaskLog | undefined {
  const raw = readObject(body, 'taskLogInfo', problem);
  if (raw === undefined) return undefined;
  return taskLog({
    stdoutStart: readInt64(raw, 'stdoutStart', problem),
    stderrStart: readInt64(raw, 'stderrStart', problem),
    stdoutFile: readName(raw, 'stdoutFile', problem),
    stderrFile: readName(raw, 'stderrFile', problem),
    stdoutEnd: readInt64(raw, 'stdoutEnd', problem),
    stderrEnd: readInt64(raw, 'stderrEnd', problem),
  });
}

/**
 * Drops unset members, which Ray before 2.58 prints as `""` and `"0"`. A start needs its file. An
 * end of 0 is dropped; a task that printed nothing to a new file has it too.
 */
export function taskLog(sent: { readonly [Key in keyof TaskLog]: TaskLog[Key] | undefined }): TaskLog | undefined {
  const log: Draft<TaskLog> = {};
  if (sent.stdoutFile) {
    log.stdoutFile = sent.stdoutFile;
    if (sent.stdoutStart !== undefined) log.stdoutStart = sent.stdoutStart;
  }
  if (sent.stderrFile) {
    log.stderrFile = sent.stderrFile;
    if (sent.stderrStart !== undefined) log.stderrStart = sent.stderrStart;
  }
  if (sent.stdoutEnd) log.stdoutEnd = sent.stdoutEnd;
  if (sent.stderrEnd) log.stderrEnd = sent.stderrEnd;
  return Object.keys(log).length > 0 ? log : undefined;
}
