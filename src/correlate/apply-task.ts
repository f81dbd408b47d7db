import type { TaskDefinition, TaskLifecycle, TaskLog, TaskProfile } from '../event/index.ts';
import { traceJobOf } from './ancestry.ts';
import { endJob, isTerminal, scheduleAttempt } from './due.ts';
import { addProfileEntries, addTransitions, largest, oneOf, smallest, wholeTaskEntry } from './merge.ts';
import { isCreationTask, isDriverTask, jobIdOf } from './ray-ids.ts';
import type { Attempt, Session, Task } from './records.ts';
import type { Applied, State } from './state.ts';

/** An attempt that is still open, or undefined when its span was sent. */
function openAttempt(state: State, session: Session, taskId: string, number: number, nowMs: number): Attempt | undefined {
  return state.attempt(state.task(session, taskId), number, nowMs);
}

export function applyTaskDefinition(state: State, session: Session, event: TaskDefinition, nowMs: number): Applied {
  if (isDriverTask(event.taskId)) {
    state.job(session, jobIdOf(event.taskId), nowMs).driverSeen = true;
    return 'applied';
  }
  noteActor(state, session, event, nowMs);
  const attempt = openAttempt(state, session, event.taskId, event.attempt, nowMs);
  if (attempt === undefined) return 'late';
  attempt.definition = oneOf(attempt.definition, event);
  noteParent(state, attempt.task, event.parentTaskId, nowMs);
  scheduleAttempt(state, attempt, nowMs);
  return 'applied';
}

function noteActor(state: State, session: Session, event: TaskDefinition, nowMs: number): void {
  const task = state.task(session, event.taskId);
  if (task.actorId === undefined) return;
  const actor = state.actor(session, task.actorId, nowMs);
  actor.className = smallest(actor.className, event.className);
  actor.moduleName = smallest(actor.moduleName, event.moduleName);
  actor.detachedByTask ||= event.isDetachedActor === true;
}

/** With the parent the trace is known, which may be another job's than the id's own. */
function noteParent(state: State, task: Task, parentTaskId: string | undefined, nowMs: number): void {
  if (parentTaskId === undefined || parentTaskId === task.parentTaskId) return;
  task.parentTaskId = smallest(task.parentTaskId, parentTaskId);
  const { jobId } = traceJobOf(task);
  if (jobId === task.ownJobId) return;
  const descendants = state.job(task.session, task.ownJobId, nowMs).own;
  for (const attempt of descendants) {
    const trace = attempt.task === task ? jobId : traceJobOf(attempt.task).jobId;
    if (trace === jobId) moveToTrace(state, attempt, jobId, nowMs);
  }
}

function moveToTrace(state: State, attempt: Attempt, jobId: string, nowMs: number): void {
  state.job(attempt.task.session, jobId, nowMs).guests.add(attempt);
}

export function applyTaskLifecycle(state: State, session: Session, event: TaskLifecycle, nowMs: number): Applied {
  if (isDriverTask(event.taskId)) return applyDriver(state, session, event, nowMs);
  const attempt = openAttempt(state, session, event.taskId, event.attempt, nowMs);
  if (attempt === undefined) return 'late';
  attempt.lifecycleSeen = true;
  addTransitions(attempt.transitions, event.transitions);
  if (event.transitions.some(isTerminal)) attempt.terminalMs ??= nowMs;
  const { error } = event;
  if (error !== undefined && (attempt.error === undefined || errorKey(error) > errorKey(attempt.error))) attempt.error = error;
  attempt.submittedNodeId = smallest(attempt.submittedNodeId, event.nodeId);
  if (event.workerPid !== undefined) {
    attempt.workerPid = smallest(attempt.workerPid, event.workerPid);
    attempt.executorNodeId = smallest(attempt.executorNodeId, event.emitterNodeId);
  }
  attempt.workerId = smallest(attempt.workerId, event.workerId);
  attempt.actorReprName = smallest(attempt.actorReprName, event.actorReprName);
  attempt.wasDebuggerPaused ||= event.isDebuggerPaused === true;
  attempt.log = mergedLog(attempt.log, event.log);
  noteWhere(state, attempt);
  noteActorTimes(state, attempt, nowMs);
  scheduleAttempt(state, attempt, nowMs);
  return 'applied';
}

function errorKey(error: { readonly errorType: string; readonly message: string }): string {
  return `${error.message === '' ? 0 : 1}${error.errorType}\0${error.message}`;
}

function mergedLog(a: TaskLog | undefined, b: TaskLog | undefined): TaskLog | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const [low, high] = JSON.stringify(a) < JSON.stringify(b) ? [a, b] : [b, a];
  return { ...high, ...low };
}

/** The attempt is found by its worker and node, for when they die. */
function noteWhere(state: State, attempt: Attempt): void {
  const { session } = attempt.task;
  const nodeId = attempt.executorNodeId ?? attempt.submittedNodeId;
  const records = [
    attempt.workerId === undefined ? undefined : state.worker(session, attempt.workerId),
    nodeId === undefined ? undefined : state.node(session, nodeId),
  ];
  for (const record of records) {
    if (record === undefined || record.attempts.has(attempt)) continue;
    record.attempts.add(attempt);
    attempt.places.push(record);
    attempt.deathMs ??= record.deadMs;
  }
}

function noteActorTimes(state: State, attempt: Attempt, nowMs: number): void {
  const { actorId, session } = attempt.task;
  if (actorId === undefined) return;
  const actor = state.actor(session, actorId, nowMs);
  for (const { timeNs } of attempt.transitions) {
    actor.tasksStartNs = smallest(actor.tasksStartNs, timeNs);
    actor.tasksEndNs = largest(actor.tasksEndNs, timeNs);
  }
}

/** The driver's own task is the job's span. */
function applyDriver(state: State, session: Session, event: TaskLifecycle, nowMs: number): Applied {
  const job = state.job(session, jobIdOf(event.taskId), nowMs);
  job.driverSeen = true;
  addTransitions(job.driverTransitions, event.transitions);
  if (event.error !== undefined && (job.driverError === undefined || errorKey(event.error) > errorKey(job.driverError))) {
    job.driverError = event.error;
  }
  if (event.transitions.some(isTerminal)) endJob(state, job, nowMs);
  return 'applied';
}

export function applyTaskProfile(state: State, session: Session, event: TaskProfile, nowMs: number): Applied {
  const { taskId } = event;
  if (event.componentType === 'worker' && event.entries.length > 0) session.sendsProfiles = true;
  if (taskId === undefined || isDriverTask(taskId)) {
    const jobId = taskId === undefined ? event.jobId : jobIdOf(taskId);
    if (jobId === undefined) return 'applied';
    const job = state.job(session, jobId, nowMs);
    if (taskId !== undefined) job.driverSeen = true;
    if (job.closed && event.entries.length > 0) return 'late';
    const owner = taskId === undefined ? {} : { taskId };
    addProfileEntries(
      job.profile,
      event.entries.map((entry) => ({ ...entry, ...owner, attempt: event.attempt })),
    );
    return 'applied';
  }
  const attempt = openAttempt(state, session, taskId, event.attempt, nowMs);
  if (attempt === undefined) return 'late';
  addProfileEntries(attempt.profile, event.entries);
  attempt.profileSeen = true;
  attempt.submitsStartNs = smallest(attempt.submitsStartNs, event.submitsStartNs);
  attempt.submitsEndNs = largest(attempt.submitsEndNs, event.submitsEndNs);
  if (event.componentType === 'worker' && event.entries.length > 0) {
    attempt.executorNodeId = smallest(attempt.executorNodeId, event.emitterNodeId);
    attempt.workerId = smallest(attempt.workerId, event.workerId);
    attempt.nodeIpAddress = smallest(attempt.nodeIpAddress, event.nodeIpAddress);
    noteWhere(state, attempt);
  }
  if (wholeTaskEntry(event.entries) !== undefined) attempt.evidenceMs ??= nowMs;
  // All that is left of a creation can be its profile: the actor was there all the same.
  if (isCreationTask(taskId) && attempt.task.actorId !== undefined) state.actor(session, attempt.task.actorId, nowMs);
  scheduleAttempt(state, attempt, nowMs);
  return 'applied';
}
