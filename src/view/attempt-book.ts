import {
  type AttemptOutcome,
  type FinishedAttempt,
  type OpenAttemptState,
  SortedList,
  type TaskFacts,
  type TaskState,
  timesOf,
} from '../correlate/index.ts';
import { exceptionOf, isCancellation, type ProfileEntry, type StateTransition, type TaskError } from '../event/index.ts';
import type { ViewLimits } from './limits.ts';
import { isOver, type Stage, stageOf } from './stage.ts';
import { putOnOwnersClock } from './one-clock.ts';
import { shortened } from './text.ts';
import { AttemptView, type ErrorView, failureKey, FunctionView, type JobView, type SessionView } from './records.ts';
import { earlier, toMs } from './times.ts';

interface FunctionNamed {
  readonly className: string | undefined;
  readonly own: string | undefined;
  readonly name: string;
  readonly functionName: string;
}

/** Name that functions beyond the limit share. */
export const OTHER_FUNCTIONS = '(other)';
/** Name of a function until its definition arrives. */
const UNNAMED = '(not reported yet)';
/** Up to so many states, those of an open attempt are read again after each event. */
const MAX_READ_AGAIN = 32;

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

  /**
   * Shows an open attempt as the correlator knows it now, after an event of it. `added` are the states of the event;
   * `isDefinition`: the event was the definition, which counts an attempt that gets no row.
   */
  show(job: JobView, entity: OpenAttemptState, nowMs: number, added: readonly StateTransition[], isDefinition: boolean): void {
    const { definition, task, number } = entity;
    const name = definition === undefined ? UNNAMED : this.#functionName(definition);
    const known = find(job.session, task.id, number);
    const row = known ?? this.#addOpen(job, entity, name, isDefinition);
    if (row === undefined) {
      if (isDefinition) this.#countUntracked(job, name, 1);
      return;
    }
    if (row.isClosed) return;
    this.#define(row, job, name, definition);
    const { transitions, rareFields, placement } = entity;
    // Of very many states, all were read before.
    if (transitions.length <= MAX_READ_AGAIN || known === undefined) row.readStates(transitions);
    else for (const transition of added) row.enter(transition);
    if (rareFields.untimedEnd !== undefined) row.enterUntimed(rareFields.untimedEnd);
    const wasOver = isOver(row.stage);
    const { error } = rareFields;
    const isCancelled = error !== undefined && isCancellation(error, []);
    const stage = stageOf(row.state);
    this.#setStage(row, isCancelled && stage === 'failed' ? 'cancelled' : stage);
    row.error = isCancelled ? undefined : this.#errorView(error);
    job.attemptsStartMs = earlier(job.attemptsStartMs, row.startMs);
    row.nodeId = placement.executorNodeId ?? placement.submittedNodeId;
    row.pid = placement.workerPid;
    if (isOver(row.stage) && !wasOver) job.ended.add(nowMs);
  }

  /** Moves the open attempts of a task to another job: its callers became known. */
  move(from: JobView | undefined, to: JobView, task: TaskState): void {
    for (const { number, definition } of task.openAttempts()) {
      const row = find(to.session, task.id, number);
      if (row !== undefined) {
        this.#moveTo(row, to, row.function.name);
        to.attemptsStartMs = earlier(to.attemptsStartMs, row.startMs);
      } else if (definition !== undefined && from !== to) {
        const name = this.#functionName(definition);
        if (from !== undefined) this.#countUntracked(from, name, -1);
        this.#countUntracked(to, name, 1);
      }
    }
  }

  /** Closes an attempt with the correlator's result, which overrides everything seen before. */
  close(job: JobView, lifecycle: FinishedAttempt, nowMs: number, how: 'sent' | 'rolled_up'): void {
    const { taskId, attempt: number, definition } = lifecycle;
    const known = find(job.session, taskId, number);
    if (known?.isClosed === true) return;
    const name = definition === undefined ? shortened(lifecycle.name, this.#limits.maxNameLength) : this.#functionName(definition);
    if (known === undefined && lifecycle.definitionFrom === 'own') this.#countUntracked(job, name, -1);
    const attempt = known ?? this.#add(job, taskId, number, name);
    attempt.isClosed = true;
    attempt.entity = undefined;
    this.#moveTo(attempt, job, name);
    this.#nameRow(attempt, lifecycle.name, definition?.parentTaskId ?? attempt.parentTaskId);
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
    attempt.isRolledUp = how === 'rolled_up';
    if (times.pendingNs !== undefined && times.runningAtNs !== undefined) attempt.function.queue.add(toMs(times.pendingNs));
    if (times.ranNs !== undefined) attempt.function.run.add(toMs(times.ranNs));
    this.#placeRun(attempt);
    if (attempt.stage === 'failed') this.#countFailure(attempt);
    this.#countLast(job.session, taskId);
    this.#keepRow(attempt);
  }

  /** A closed attempt has a span after all. */
  noteSpan(session: SessionView, taskId: string, number: number): void {
    const known = find(session, taskId, number);
    if (known !== undefined) known.isRolledUp = false;
  }

  /** Removes all attempts of a job that is dropped. */
  forget(job: JobView): void {
    for (const attempts of [job.open, job.failures, job.others]) for (const attempt of attempts) unlink(job.session, attempt);
    this.#open -= job.open.size;
    this.#rows -= job.rows;
    this.#functions -= job.functions.size;
    this.#nodeSeries -= job.nodeUse.size;
  }

  /** Undefined when there is no room. */
  #addOpen(job: JobView, entity: OpenAttemptState, functionKey: string, isDefinition: boolean): AttemptView | undefined {
    if (this.#open >= this.#limits.maxOpenAttempts) return undefined;
    // Its definition was received while there was no room.
    if (entity.definition !== undefined && !isDefinition) this.#countUntracked(job, functionKey, -1);
    const attempt = this.#add(job, entity.task.id, entity.number, functionKey);
    attempt.entity = entity;
    job.open.add(attempt);
    this.#open += 1;
    this.#countLast(job.session, entity.task.id);
    return attempt;
  }

  #add(job: JobView, taskId: string, number: number, functionKey: string): AttemptView {
    const own = this.#functionOf(job, functionKey);
    const attempt = new AttemptView(taskId, number, job, own);
    own.stages.unknown += 1;
    link(job.session, attempt);
    return attempt;
  }

  /** A task counts once: by its latest attempt. Call when an attempt of it was added or closed. */
  #countLast({ lastAttempts, entity }: SessionView, taskId: string): void {
    const last = lastAttempts.get(taskId);
    if (last === undefined) return;
    if (last.previous !== undefined) uncountTask(last.previous);
    uncountTask(last);
    if (last.isClosed) return;
    const closed = entity.tasks.get(taskId)?.lastClosed;
    if (closed === undefined || closed.number < last.number) countTask(last, closed?.isPlaceholder === true ? undefined : closed?.outcome);
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
    if (attempt.isCounted) {
      attempt.job.openTasks[attempt.stage] -= 1;
      attempt.job.openTasks[stage] += 1;
    }
    attempt.stage = stage;
  }

  #define(attempt: AttemptView, job: JobView, functionKey: string, definition: TaskFacts | undefined): void {
    this.#moveTo(attempt, job, functionKey);
    if (definition !== undefined) this.#nameRow(attempt, definition.name, definition.parentTaskId);
  }

  /** Neighbours of one function mostly have one name and one parent, so they share the texts. */
  #nameRow(attempt: AttemptView, name: string, parentTaskId: string | undefined): void {
    const { shared } = attempt.function;
    const shortName = shortened(name, this.#limits.maxNameLength);
    if (shared.name !== shortName) shared.name = shortName;
    if (shared.parentTaskId !== parentTaskId) shared.parentTaskId = parentTaskId;
    attempt.name = shared.name;
    attempt.parentTaskId = shared.parentTaskId;
  }

  /** Moves an attempt to its job and function. */
  #moveTo(attempt: AttemptView, job: JobView, functionKey: string): void {
    const { job: from, function: left } = attempt;
    const own = this.#functionOf(job, functionKey);
    if (own === left) return;
    left.stages[attempt.stage] -= 1;
    own.stages[attempt.stage] += 1;
    attempt.function = own;
    if (left.name === UNNAMED && isEmpty(left)) {
      from.functions.delete(UNNAMED);
      this.#functions -= 1;
    }
    if (job === from) return;
    const insteadOf = attempt.countsInsteadOf;
    const { isCounted } = attempt;
    uncountTask(attempt);
    if (from.open.delete(attempt)) job.open.add(attempt);
    attempt.job = job;
    if (isCounted) countTask(attempt, insteadOf);
  }

  #countUntracked(job: JobView, functionKey: string, change: number): void {
    const own = this.#functionOf(job, functionKey);
    own.untracked = Math.max(0, own.untracked + change);
    job.untracked = Math.max(0, job.untracked + change);
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

function isEmpty(own: FunctionView): boolean {
  return own.untracked === 0 && own.run.summary() === undefined && Object.values(own.stages).every((count) => count === 0);
}

function countTask(attempt: AttemptView, insteadOf: AttemptOutcome | undefined): void {
  attempt.isCounted = true;
  attempt.countsInsteadOf = insteadOf;
  attempt.job.openTasks[attempt.stage] += 1;
  if (insteadOf !== undefined) attempt.job.retrying[insteadOf] += 1;
}

function uncountTask(attempt: AttemptView): void {
  if (!attempt.isCounted) return;
  attempt.isCounted = false;
  attempt.job.openTasks[attempt.stage] -= 1;
  if (attempt.countsInsteadOf !== undefined) attempt.job.retrying[attempt.countsInsteadOf] -= 1;
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
