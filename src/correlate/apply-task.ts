import {
  isTerminal,
  sizeOf,
  type StateTransition,
  type TaskDefinition,
  type TaskLifecycle,
  type TaskLog,
  type TaskProfile,
  type TimeNs,
} from '../event/index.ts';
import { CLUSTER_KINDS } from './entities/cluster-kinds.ts';
import { addEntries, enterStates } from './compact/attempt-states.ts';
import { proveAttempt } from './callers/made-up-ids.ts';
import { linkToCaller } from './callers/link-callers.ts';
import { endJob, noteDetached, scheduleAttempt, scheduleJobInFlight, watchActor } from './due/due.ts';
import { firstStateNs } from './finish/ends.ts';
import { oneOfFacts, type SharedFacts } from './compact/definitions.ts';
import { bytesOf } from './compact/held.ts';
import { addProfileEntries, firstEntryNs, largest, smallest, wholeTaskEntry } from './states/merge.ts';
import { compactString } from './compact/compact-string.ts';
import { actorIdOf, isCreationTask, isDriverTask, jobIdOf } from './naming/ray-ids.ts';
import type { PlacementFacts } from './compact/placement-facts.ts';
import type { Actor, Attempt, Job, Session, Placement } from './entities/entities.ts';
import type { Applied, State } from './state.ts';
import { addTransitions } from './states/transitions.ts';
import { withReceiveTime, withTime } from './finish/trusted-time.ts';
import { withUntimedOutcome } from './states/untimed.ts';
import { earliestFacts, mergedFacts, moveTo, placementOf } from './compact/placement.ts';

/**
 * Searches through the open attempts of one worker. Ray needs one: only a damaged stream has threads that come and go in a
 * worker. What begins to run later is noted all the same.
 */
const MAX_SEARCHES = 16;
/** Longer texts are not addresses of nodes. */
const MAX_ADDRESS_LENGTH = 255;

export function applyTaskDefinition(state: State, session: Session, event: TaskDefinition, nowMs: number): Applied {
  if (isDriverTask(event.taskId)) {
    const job = state.job(session, jobIdOf(event.taskId), nowMs);
    job.driverSeen = true;
    scheduleJobInFlight(state, job, nowMs);
    return 'applied';
  }
  const actor = noteActor(state, session, event, nowMs);
  const attempt = state.attempt(session, event.taskId, event.attempt, nowMs);
  if (attempt === undefined) return 'late';
  if (actor !== undefined) watchActor(attempt, actor);
  const parentTaskId = event.parentTaskId === undefined ? undefined : sharedTaskId(session, event.parentTaskId);
  const facts = state.definitions.of(event, parentTaskId);
  if (facts.parentTaskId !== undefined) linkToCaller(state, attempt.task, facts.parentTaskId, nowMs);
  noteDefinition(state, attempt, facts);
  scheduleAttempt(state, attempt, nowMs);
  return 'applied';
}

function noteDefinition(state: State, attempt: Attempt, facts: SharedFacts): void {
  const { definition, task } = attempt;
  const { keptDefinition } = task;
  attempt.definition = oneOfFacts(definition, facts);
  state.held.replaceFacts(definition, attempt.definition);
  task.noteDefinition(facts);
  state.held.replaceFacts(keptDefinition, task.keptDefinition);
}

function noteActor(state: State, session: Session, event: TaskDefinition, nowMs: number): Actor | undefined {
  const actorId = actorIdOf(event.taskId);
  if (actorId === undefined) return undefined;
  const actor = state.actor(session, actorId, nowMs);
  actor.className = smallest(actor.className, event.className);
  actor.moduleName = smallest(actor.moduleName, event.moduleName);
  if (!actor.detachedByTask && event.isDetachedActor === true) {
    actor.detachedByTask = true;
    noteDetached(state, actor, nowMs);
  }
  return actor;
}

/** The text that others hold already: many tasks have one parent. */
function sharedTaskId(session: Session, taskId: string): string {
  if (isDriverTask(taskId)) return session.jobs.get(jobIdOf(taskId))?.driverTaskId ?? taskId;
  return session.tasks.get(taskId)?.id ?? compactString(taskId);
}

export function applyTaskLifecycle(state: State, session: Session, event: TaskLifecycle, nowMs: number): Applied {
  if (isDriverTask(event.taskId)) return applyDriver(state, session, event, nowMs);
  const attempt = state.attempt(session, event.taskId, event.attempt, nowMs);
  if (attempt === undefined) return 'late';
  if (event.transitions.length === 0) attempt.writableRareFields.seen = true;
  const bytesBefore = bytesOf(attempt);
  const leftOutBefore = attempt.rareFields.leftOut?.count ?? 0;
  enterStates(attempt, event.transitions);
  for (const { timeNs } of event.transitions) noteTrust(state, attempt, timeNs);
  state.leftOutStates += (attempt.rareFields.leftOut?.count ?? 0) - leftOutBefore;
  attempt.task.noteRun(attempt);
  if (hasTerminal(event)) noteEnd(attempt, nowMs);
  if (event.untimed !== undefined) attempt.writableRareFields.untimedEnd = withUntimedOutcome(attempt.rareFields.untimedEnd, event.untimed);
  addRareFacts(attempt, event);
  state.held.attemptGrew(attempt, bytesBefore);
  const { workerPid } = event;
  const executorNodeId = workerPid === undefined ? undefined : event.emitterNodeId;
  const { nodeId: submittedNodeId, workerId } = event;
  const reported = { submittedNodeId, executorNodeId, workerId, workerPid, nodeIpAddress: undefined };
  notePlacement(state, attempt, reported, firstStateNs(event.transitions));
  session.threads?.noteRun(attempt.placement.workerId, attempt);
  noteActorTimes(state, attempt, event.transitions, nowMs);
  scheduleAttempt(state, attempt, nowMs);
  return 'applied';
}

function noteEnd({ writableRareFields, task: { actorId, session } }: Attempt, nowMs: number): void {
  writableRareFields.terminalMs ??= nowMs;
  session.firstEndMs ??= nowMs;
  if (actorId !== undefined) session.firstCallEndMs ??= nowMs;
}

function hasTerminal({ transitions, untimed }: TaskLifecycle): boolean {
  return transitions.some(({ state }) => isTerminal(state)) || untimed?.some(({ state }) => isTerminal(state)) === true;
}

/** Adds what only few events report. */
function addRareFacts(attempt: Attempt, { error, actorReprName, isDebuggerPaused, log }: TaskLifecycle): void {
  if (error !== undefined && (attempt.rareFields.error === undefined || errorKey(error) > errorKey(attempt.rareFields.error))) {
    attempt.writableRareFields.error = error;
  }
  if (actorReprName !== undefined) attempt.writableRareFields.actorReprName = smallest(attempt.rareFields.actorReprName, actorReprName);
  if (isDebuggerPaused === true) attempt.writableRareFields.wasDebuggerPaused = true;
  if (log !== undefined) attempt.writableRareFields.log = mergedLog(attempt.rareFields.log, log);
  if (error === undefined && actorReprName === undefined && log === undefined) return;
  const { writableRareFields: rareFields } = attempt;
  rareFields.rareBytes = sizeOf(rareFields.error) + sizeOf(rareFields.actorReprName) + sizeOf(rareFields.log);
}

function errorKey(error: { readonly errorType: string; readonly message: string }): string {
  return `${error.message === '' ? 0 : 1}${error.errorType}\0${error.message}`;
}

function mergedLog(a: TaskLog | undefined, b: TaskLog | undefined): TaskLog | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const [low, high] = JSON.stringify(a) < JSON.stringify(b) ? [a, b] : [b, a];
  return { ...high, ...low };
}

/** Lists the attempt at its worker and its node, so that their death ends it. `atNs` is when it was there. */
function notePlacement(state: State, attempt: Attempt, reported: PlacementFacts, atNs: TimeNs | undefined): void {
  const facts = isCreationTask(attempt.task.id) ? earliestFacts(attempt, reported, atNs) : mergedFacts(attempt.placement, reported);
  if (facts === undefined) return;
  moveTo(attempt, placementOf(attempt.task.session, facts, placesOf(state, attempt.task.session, facts)));
}

/** One worker and one node at most, however many of them events name: those that the facts name last. */
function placesOf(state: State, session: Session, facts: PlacementFacts): Placement['places'] {
  const nodeId = facts.executorNodeId ?? facts.submittedNodeId;
  const worker = facts.workerId === undefined ? undefined : state.clusterEntity(CLUSTER_KINDS.worker, session, facts.workerId);
  const node = nodeId === undefined ? undefined : state.clusterEntity(CLUSTER_KINDS.node, session, nodeId);
  if (worker === undefined) return node === undefined ? NO_PLACES : [node];
  return node === undefined ? [worker] : [worker, node];
}

const NO_PLACES: Placement['places'] = [];

function noteActorTimes(state: State, attempt: Attempt, transitions: readonly StateTransition[], nowMs: number): void {
  const { actorId, session } = attempt.task;
  if (actorId === undefined) return;
  const actor = state.actor(session, actorId, nowMs);
  watchActor(attempt, actor);
  for (const { timeNs } of transitions) {
    if (state.received.trusts(timeNs)) {
      actor.tasksStartNs = smallest(actor.tasksStartNs, timeNs);
      actor.tasksEndNs = largest(actor.tasksEndNs, timeNs);
    } else actor.wrongTasks = withTime(actor.wrongTasks, timeNs);
  }
}

/** Remembers when an event of an attempt was received, if its time is not trusted. */
function noteTrust({ received }: State, attempt: Attempt, timeNs: TimeNs): void {
  if (!received.trusts(timeNs)) attempt.writableRareFields.wrongTimes = withTime(attempt.rareFields.wrongTimes, received.ns);
}

/** The driver's own task is the job's span. */
function applyDriver(state: State, session: Session, event: TaskLifecycle, nowMs: number): Applied {
  const job = state.job(session, jobIdOf(event.taskId), nowMs);
  job.driverSeen = true;
  const leftOutBefore = job.driverLeftOut?.count ?? 0;
  job.driverLeftOut = addTransitions(job.driverTransitions, withReceiveTime(event.transitions, state.received), job.driverLeftOut);
  state.leftOutStates += (job.driverLeftOut?.count ?? 0) - leftOutBefore;
  if (event.error !== undefined && (job.driverError === undefined || errorKey(event.error) > errorKey(job.driverError))) {
    job.driverError = event.error;
  }
  state.held.measure(job);
  job.driverUntimedEnd = withUntimedOutcome(job.driverUntimedEnd, event.untimed);
  if (hasTerminal(event)) endJob(state, job, nowMs);
  scheduleJobInFlight(state, job, nowMs);
  return 'applied';
}

/** Entries of the driver, of a thread, and of no task. */
function addJobEntries(state: State, job: Job, { taskId, attempt, entries }: TaskProfile): void {
  const owner = taskId === undefined ? {} : { taskId };
  addProfileEntries(
    job.profile,
    entries.map((entry) => ({ ...entry, ...owner, attempt })),
  );
  state.held.measure(job);
}

/** No attempt, as far as is known: see `callers.ts`. */
function applyThread(state: State, session: Session, event: TaskProfile & { readonly taskId: string }, nowMs: number): Applied {
  const { taskId, workerId, entries } = event;
  if (entries.length > 0) {
    const job = state.job(session, jobIdOf(taskId), nowMs);
    if (job.closed) return 'late';
    addJobEntries(state, job, event);
  }
  const threads = (session.threads ??= state.newThreads());
  if (!threads.note(event) || workerId === undefined) return 'applied';
  const worker = session.workers.get(workerId);
  if (worker === undefined || worker.searches >= MAX_SEARCHES) return 'applied';
  worker.searches += 1;
  for (const { attempts } of worker.placements) for (const attempt of attempts) threads.noteRun(workerId, attempt);
  return 'applied';
}

export function applyTaskProfile(state: State, session: Session, event: TaskProfile, nowMs: number): Applied {
  const { taskId } = event;
  session.sendsProfiles = true;
  if (taskId === undefined || isDriverTask(taskId)) {
    const jobId = taskId === undefined ? event.jobId : jobIdOf(taskId);
    if (jobId === undefined) return 'applied';
    const job = state.job(session, jobId, nowMs);
    if (taskId !== undefined) job.driverSeen = true;
    if (job.closed && event.entries.length > 0) return 'late';
    addJobEntries(state, job, event);
    return 'applied';
  }
  const isProof = proveAttempt(session, taskId, event.entries);
  if (!isProof && session.findTask(taskId)?.find(event.attempt) === undefined)
    return applyThread(state, session, { ...event, taskId }, nowMs);
  const attempt = state.attempt(session, taskId, event.attempt, nowMs);
  if (attempt === undefined) return 'late';
  const { writableRareFields: rareFields } = attempt;
  const bytesBefore = bytesOf(attempt);
  addEntries(rareFields, event.entries);
  for (const { startNs, endNs } of event.entries) {
    noteTrust(state, attempt, startNs);
    noteTrust(state, attempt, endNs);
  }
  state.held.attemptGrew(attempt, bytesBefore);
  if (isProof) rareFields.seen = true;
  rareFields.submitsStartNs = smallest(rareFields.submitsStartNs, event.submitsStartNs);
  rareFields.submitsEndNs = largest(rareFields.submitsEndNs, event.submitsEndNs);
  if (event.componentType === 'worker' && event.entries.length > 0) {
    const { emitterNodeId: executorNodeId, workerId } = event;
    const nodeIpAddress = event.nodeIpAddress?.slice(0, MAX_ADDRESS_LENGTH);
    const reported = { submittedNodeId: undefined, executorNodeId, workerId, workerPid: undefined, nodeIpAddress };
    notePlacement(state, attempt, reported, firstEntryNs(event.entries));
  }
  session.threads?.noteRun(attempt.placement.workerId, attempt);
  if (wholeTaskEntry(event.entries) !== undefined) rareFields.evidenceMs ??= nowMs;
  // All that is left of a creation can be its profile: the actor was there all the same.
  const { actorId } = attempt.task;
  const actor =
    actorId === undefined ? undefined : isCreationTask(taskId) ? state.actor(session, actorId, nowMs) : session.actors.get(actorId);
  if (actor !== undefined) watchActor(attempt, actor);
  scheduleAttempt(state, attempt, nowMs);
  return 'applied';
}
