import { type Applied, type FinishedAttempt, SortedList, type TaskFacts, timesOf } from '../correlate/index.ts';
import { exceptionOf, isCancellation, type ProfileEntry, type TaskDefinition, type TaskError, type TaskLifecycle } from '../event/index.ts';
import type { ViewLimits } from './limits.ts';
import { isOver, type Stage, stageOf } from './stage.ts';
import { putOnOwnersClock } from './one-clock.ts';
import { shortened, boundedMap } from './text.ts';
import { AttemptView, type ErrorView, failureKey, FunctionView, type JobView, type SessionView, type TaskNeeds } from './records.ts';
import { earlier, toMs } from './times.ts';

interface FunctionNamed {
  readonly className: string | undefined;
  readonly own: string | undefined;
  readonly name: string;
  readonly functionName: string;
}

type AttemptKey = Pick<TaskDefinition, 'taskId' | 'attempt'>;

/** Name that functions beyond the limit share. */
export const OTHER_FUNCTIONS = '(other)';
/** Name of a function until its definition arrives. */
const UNNAMED = '(not reported yet)';

/** The attempts of all jobs. Open and ended attempts have rows, each up to a limit. */
export class AttemptBook {
  readonly #limits: ViewLimits;
  /** Oldest first. Their rows are dropped first when all jobs together have too many. */
  readonly #finishedJobs: () => Iterable<JobView>;
  #open = 0;
  #rows = 0;
  #functions = 0;
  #lastNamed: FunctionNamed | undefined;
  #nodeSeries = 0;

  constructor(limits: ViewLimits, finishedJobs: () => Iterable<JobView>) {
    this.#limits = limits;
    this.#finishedJobs = finishedJobs;
  }

  get open(): number {
    return this.#open;
  }

  get rows(): number {
    return this.#rows;
  }

  get nodeSeries(): number {
    return this.#nodeSeries;
  }

  define(job: JobView | undefined, { taskId, attempt: number }: AttemptKey, definition: TaskFacts, applied: Applied): void {
    if (job === undefined) return;
    const name = this.#functionName(definition);
    const attempt = this.#follow(job, taskId, number, applied, name);
    if (attempt === undefined) {
      if (applied === 'late') return;
      job.untracked += 1;
      this.#functionOf(job, name).untracked += 1;
      return;
    }
    this.#move(attempt, job, name, definition.name);
    const { shared } = attempt.function;
    if (shared.parentTaskId !== definition.parentTaskId) shared.parentTaskId = definition.parentTaskId;
    attempt.parentTaskId = shared.parentTaskId;
    if (!attempt.isClosed) attempt.needs = sharedNeeds(shared.needs, definition);
  }

  enter(job: JobView | undefined, event: TaskLifecycle, nowMs: number, applied: Applied): void {
    // An event without states is about the log files of an attempt, and does not create the
    // attempt.
    const how = event.transitions.length === 0 ? 'late' : applied;
    const attempt = job === undefined ? undefined : this.#follow(job, event.taskId, event.attempt, how);
    if (attempt === undefined || attempt.isClosed) return;
    const before = attempt.stage;
    for (const transition of event.transitions) if (attempt.enter(transition)) this.#setStage(attempt, stageOf(transition.state));
    attempt.job.attemptsStartMs = earlier(attempt.job.attemptsStartMs, attempt.startMs);
    if (event.workerPid !== undefined) {
      attempt.pid = event.workerPid;
      if (event.emitterNodeId !== undefined) {
        attempt.nodeId = event.emitterNodeId;
        attempt.hasExecutorNode = true;
      }
    }
    if (event.nodeId !== undefined && !attempt.hasExecutorNode) attempt.nodeId = event.nodeId;
    if (event.error !== undefined) this.#enterError(attempt, event.error);
    if (isOver(attempt.stage) && !isOver(before)) attempt.job.ended.add(nowMs);
  }

  /** Closes an attempt with the correlator's result, which overrides everything seen before. */
  close(job: JobView, lifecycle: FinishedAttempt, nowMs: number, how: 'sent' | 'rolled_up'): void {
    const { taskId, attempt: number, definition } = lifecycle;
    const known = find(job.session, taskId, number);
    if (known?.isClosed === true) return;
    const name = definition === undefined ? shortened(lifecycle.name, this.#limits.maxNameLength) : this.#functionName(definition);
    const isDefinitionCounted = lifecycle.definitionFrom === 'own' && known?.needs === undefined;
    if (isDefinitionCounted) this.#forgetUntracked(job, name);
    const attempt = known ?? this.#add(job, taskId, number, name);
    this.#move(attempt, job, name, lifecycle.name);
    attempt.parentTaskId = definition?.parentTaskId ?? attempt.parentTaskId;
    for (const transition of lifecycle.states) attempt.enter(transition);
    if (!isOver(attempt.stage)) job.ended.add(nowMs);
    this.#setStage(attempt, lifecycle.outcome);
    if (!isOver(stageOf(attempt.state))) attempt.stateMs = toMs(lifecycle.endNs);
    attempt.startMs = toMs(lifecycle.startNs);
    attempt.endMs = toMs(lifecycle.endNs);
    const times = timesOf(lifecycle);
    if (times.isContradictory) putOnOwnersClock(attempt, lifecycle, times);
    job.attemptsStartMs = earlier(job.attemptsStartMs, attempt.startMs);
    attempt.endInferred = lifecycle.endInferred;
    attempt.nodeId = lifecycle.node?.nodeId ?? attempt.nodeId;
    attempt.pid = lifecycle.workerPid ?? attempt.pid;
    attempt.endReason = lifecycle.endReason;
    attempt.error = lifecycle.outcome === 'failed' ? this.#errorView(lifecycle.error, lifecycle.profile) : undefined;
    attempt.needs = undefined;
    attempt.isRolledUp = how === 'rolled_up';
    attempt.isClosed = true;
    if (times.pendingNs !== undefined && times.runningAtNs !== undefined) attempt.function.queue.add(toMs(times.pendingNs));
    if (times.ranNs !== undefined) attempt.function.run.add(toMs(times.ranNs));
    this.#placeRun(attempt);
    if (attempt.stage === 'failed') this.#countFailure(attempt);
    this.#keepRow(attempt);
  }

  /** Removes all attempts of a job that is dropped. */
  forget(job: JobView): void {
    for (const attempts of [job.open, job.failures, job.others]) for (const attempt of attempts) unlink(job.session, attempt);
    this.#open -= job.open.size;
    this.#rows -= job.rows;
    this.#functions -= job.functions.size;
    this.#nodeSeries -= job.nodeUse.size;
  }

  /** Returns the attempt; creates a new one if there is room. */
  #follow(job: JobView, taskId: string, number: number, applied: Applied, functionKey = UNNAMED): AttemptView | undefined {
    const known = find(job.session, taskId, number);
    if (known !== undefined || applied === 'late' || this.#open >= this.#limits.maxOpenAttempts) return known;
    const attempt = this.#add(job, taskId, number, functionKey);
    job.open.add(attempt);
    this.#open += 1;
    return attempt;
  }

  #add(job: JobView, taskId: string, number: number, functionKey: string): AttemptView {
    const own = this.#functionOf(job, functionKey);
    const attempt = new AttemptView(taskId, number, job, own);
    own.stages.unknown += 1;
    job.tasks.unknown += 1;
    job.attempts += 1;
    link(job.session, attempt);
    if (attempt.previous !== undefined) supersede(attempt.previous);
    if (job.session.lastAttempts.get(taskId) !== attempt) supersede(attempt);
    return attempt;
  }

  /**
   * Definitions of one function often arrive in a row with identical texts, so the last name is
   * cached.
   */
  #functionName(definition: TaskFacts): string {
    const { className, functionName: own, name } = definition;
    const last = this.#lastNamed;
    if (last !== undefined && last.className === className && last.own === own && last.name === name) return last.functionName;
    const named = functionName(definition);
    this.#lastNamed = { className, own, name, functionName: named };
    return named;
  }

  #functionOf(job: JobView, name: string): FunctionView {
    const known = job.functions.get(name);
    if (known !== undefined) return known;
    const isFull = job.functions.size >= this.#limits.maxFunctionsPerJob || this.#functions >= this.#limits.maxFunctions;
    const key = isFull && name !== UNNAMED ? OTHER_FUNCTIONS : shortened(name, this.#limits.maxNameLength);
    let own = job.functions.get(key);
    if (own === undefined) {
      own = new FunctionView(key, job.functionsMade);
      job.functionsMade += 1;
      job.functions.set(key, own);
      this.#functions += 1;
    }
    return own;
  }

  #setStage(attempt: AttemptView, stage: Stage): void {
    attempt.function.stages[attempt.stage] -= 1;
    attempt.function.stages[stage] += 1;
    if (!attempt.isSuperseded) {
      attempt.job.tasks[attempt.stage] -= 1;
      attempt.job.tasks[stage] += 1;
    }
    attempt.stage = stage;
  }

  /** Moves an attempt to the job and function that its definition names. */
  #move(attempt: AttemptView, job: JobView, functionKey: string, name: string): void {
    const from = attempt.job;
    const own = this.#functionOf(job, functionKey);
    const shortName = shortened(name, this.#limits.maxNameLength);
    if (own.shared.name !== shortName) own.shared.name = shortName;
    attempt.name = own.shared.name;
    const left = attempt.function;
    if (own === left) return;
    left.stages[attempt.stage] -= 1;
    own.stages[attempt.stage] += 1;
    attempt.function = own;
    if (left.name === UNNAMED && isEmpty(left)) {
      from.functions.delete(UNNAMED);
      this.#functions -= 1;
    }
    if (job === from) return;
    from.attempts -= 1;
    job.attempts += 1;
    if (attempt.isSuperseded) {
      from.retried -= 1;
      job.retried += 1;
    } else {
      from.tasks[attempt.stage] -= 1;
      job.tasks[attempt.stage] += 1;
    }
    if (from.open.delete(attempt)) job.open.add(attempt);
    attempt.job = job;
  }

  #forgetUntracked(job: JobView, functionKey: string): void {
    const own = this.#functionOf(job, functionKey);
    own.untracked = Math.max(0, own.untracked - 1);
    job.untracked = Math.max(0, job.untracked - 1);
  }

  #enterError(attempt: AttemptView, error: TaskError): void {
    if (!isCancellation(error, [])) attempt.error = this.#errorView(error);
    else if (attempt.stage === 'failed') this.#setStage(attempt, 'cancelled');
  }

  /** With a traceback, the error is the exception that was raised last. */
  #errorView(error: TaskError | undefined, profile: readonly ProfileEntry[] = []): ErrorView | undefined {
    const exception = exceptionOf(error, profile);
    if (exception === undefined) return undefined;
    const { type, message } = exception;
    const text = type === undefined ? message : `${type}: ${message}`;
    const errorType = error?.errorType ?? 'TASK_EXECUTION_EXCEPTION';
    return { type: shortened(errorType, this.#limits.maxNameLength), message: shortened(text, this.#limits.maxMessageLength) };
  }

  #placeRun({ job, nodeId, runningMs, endMs }: AttemptView): void {
    const { nodeUse } = job;
    const before = nodeUse.size;
    const hasRoom = (): boolean => this.#nodeSeries < this.#limits.maxNodeSeries;
    if (nodeId === undefined || !nodeUse.add({ node: nodeId, fromMs: runningMs, toMs: endMs }, hasRoom)) job.unplaced += 1;
    this.#nodeSeries += nodeUse.size - before;
  }

  #countFailure(attempt: AttemptView): void {
    const { failureKinds } = attempt.job;
    const errorType = attempt.error?.type ?? '';
    const key = failureKey(attempt);
    const known = failureKinds.get(key);
    if (known !== undefined) {
      known.count += 1;
      known.last = attempt;
      return;
    }
    if (failureKinds.size >= this.#limits.maxFailureKindsPerJob) return;
    failureKinds.set(key, { function: attempt.function.name, errorType, count: 1, last: attempt });
  }

  #keepRow(attempt: AttemptView): void {
    const { job } = attempt;
    if (job.open.delete(attempt)) this.#open -= 1;
    (attempt.stage === 'failed' ? job.failures : job.others).add(attempt);
    this.#rows += 1;
    if (job.rows > this.#limits.maxFinishedAttemptsPerJob) this.#dropRow(job);
    if (this.#rows <= this.#limits.maxFinishedAttempts) return;
    for (const finished of this.#finishedJobs()) if (this.#dropRow(finished)) return;
    this.#dropRow(job);
  }

  /** Drops the oldest row, failures last. */
  #dropRow(job: JobView): boolean {
    for (const attempts of [job.others, job.failures]) {
      const oldest = attempts.dropOldest();
      if (oldest === undefined) continue;
      unlink(job.session, oldest);
      job.withoutRow += 1;
      this.#rows -= 1;
      return true;
    }
    return false;
  }
}

/**
 * Names a function as Ray's dashboard does. A name from `options(name=...)` belongs to the attempt,
 * not to its function.
 */
function functionName({ className, functionName: own, name }: Pick<TaskFacts, 'className' | 'functionName' | 'name'>): string {
  if (own === undefined || own === '') return name === '' ? '(no name)' : name;
  return className === undefined || className === '' ? own : `${className}.${own}`;
}

/** Maximum distinct needs that are shared among the attempts of one function. */
const MAX_NEEDS_VARIANTS = 8;

function sharedNeeds(known: TaskNeeds[], { taskType, requiredResources, placementGroupId, labelSelector }: TaskFacts): TaskNeeds {
  for (const needs of known) {
    const isSame =
      needs.taskType === taskType &&
      needs.placementGroupId === placementGroupId &&
      isSameMap(needs.requiredResources, requiredResources) &&
      isSameMap(needs.labelSelector, labelSelector);
    if (isSame) return needs;
  }
  const labels = labelSelector === undefined ? undefined : boundedMap(labelSelector);
  const needs: TaskNeeds = { taskType, requiredResources: boundedMap(requiredResources), placementGroupId, labelSelector: labels };
  if (known.length >= MAX_NEEDS_VARIANTS) known.shift();
  known.push(needs);
  return needs;
}

function isSameMap(a: Readonly<Record<string, unknown>> | undefined, b: Readonly<Record<string, unknown>> | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

function isEmpty(own: FunctionView): boolean {
  return own.untracked === 0 && own.run.summary() === undefined && Object.values(own.stages).every((count) => count === 0);
}

function supersede(attempt: AttemptView): void {
  if (attempt.isSuperseded) return;
  attempt.isSuperseded = true;
  attempt.job.tasks[attempt.stage] -= 1;
  attempt.job.retried += 1;
}

/** Up to this many attempts of a task, a walk is faster than a look-up. */
const MAX_WALK = 8;

export function find(session: SessionView, taskId: string, number: number): AttemptView | undefined {
  const attempt = lastUpTo(session, taskId, number);
  return attempt?.number === number ? attempt : undefined;
}

/** Finds the attempt of a task with the highest number up to `number`. */
function lastUpTo(session: SessionView, taskId: string, number: number): AttemptView | undefined {
  const order = session.longTasks.get(taskId);
  if (order !== undefined) return order.lastUpTo({ number });
  let attempt = session.lastAttempts.get(taskId);
  for (let steps = 0; attempt !== undefined && attempt.number > number; steps += 1) {
    if (steps >= MAX_WALK) return ordered(session, taskId).lastUpTo({ number });
    attempt = attempt.previous;
  }
  return attempt;
}

/** Indexes the attempts of a task with many attempts by number. */
function ordered(session: SessionView, taskId: string): SortedList<AttemptView, { readonly number: number }> {
  const order = new SortedList<AttemptView, { readonly number: number }>((a, b) => a.number - b.number);
  for (let attempt = session.lastAttempts.get(taskId); attempt !== undefined; attempt = attempt.previous) order.add(attempt);
  session.longTasks.set(taskId, order);
  return order;
}

/** Inserts an attempt among the attempts of its task, by number. */
function link(session: SessionView, attempt: AttemptView): void {
  const { taskId, number } = attempt;
  const previous = lastUpTo(session, taskId, number);
  const next = previous === undefined ? (session.longTasks.get(taskId)?.first ?? firstOf(session, taskId)) : previous.next;
  attempt.previous = previous;
  attempt.next = next;
  if (previous !== undefined) previous.next = attempt;
  if (next === undefined) session.lastAttempts.set(taskId, attempt);
  else next.previous = attempt;
  session.longTasks.get(taskId)?.add(attempt);
}

/** Walks to the first attempt: for tasks with few attempts. */
function firstOf(session: SessionView, taskId: string): AttemptView | undefined {
  let first = session.lastAttempts.get(taskId);
  while (first?.previous !== undefined) first = first.previous;
  return first;
}

function unlink(session: SessionView, attempt: AttemptView): void {
  const { taskId, previous, next } = attempt;
  session.longTasks.get(taskId)?.remove(attempt);
  if (previous !== undefined) previous.next = next;
  if (next !== undefined) next.previous = previous;
  else if (previous !== undefined) session.lastAttempts.set(taskId, previous);
  else {
    session.lastAttempts.delete(taskId);
    session.longTasks.delete(taskId);
  }
}
