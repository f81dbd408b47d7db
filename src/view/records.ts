import {
  type AttemptOutcome,
  hasEnded,
  isInternalJob,
  jobEndNs,
  jobInterval,
  jobName,
  jobStartNs,
  type JobState as JobEntity,
  type JobTraceRef,
  type JobVerdict,
  type OpenAttemptState,
  presentTrace,
  type SessionState,
  type SortedList,
} from '../correlate/index.ts';
import { reasonLine, type StateTransition } from '../event/index.ts';
import { traceIdOf } from '../span/index.ts';
import type { ActorView } from './actor-view.ts';
import { Durations, Rate } from './durations.ts';
import type { ViewLimits } from './limits.ts';
import { type Needs, needsOf } from './needs.ts';
import { NodeUse } from './node-use.ts';
import type { NodeView } from './node-view.ts';
import { Rows } from './rows.ts';
import { isOfExecutor, isOver, noCounts, rankOf, type Stage, type StageCounts, stageOf, STAGES } from './stage.ts';
import { shortened } from './text.ts';
import { earlier, later, toMs } from './times.ts';

export interface ErrorView {
  readonly type: string;
  /** Cut to the limit. */
  readonly message: string;
}

/**
 * The row of an attempt. While the attempt is open, the row is read from the correlator's entity after
 * each event; once it ended, from its result. Times are milliseconds since the epoch with fractions;
 * NaN means unknown.
 */
export class AttemptView {
  readonly taskId: string;
  readonly number: number;
  job: JobView;
  function: FunctionView;
  name = '';
  parentTaskId: string | undefined;
  /** The correlator's entity, while the attempt is open. */
  entity: OpenAttemptState | undefined;
  stage: Stage = 'unknown';
  /** Ray's own name of the state. */
  state = '';
  /** When the attempt entered that state. */
  stateMs = Number.NaN;
  startMs = Number.NaN;
  /** Time of the latest state that its owner reported, except its end. */
  ownerMs = Number.NaN;
  nodeWaitMs = Number.NaN;
  workerWaitMs = Number.NaN;
  runningMs = Number.NaN;
  endMs = Number.NaN;
  nodeId: string | undefined;
  pid: number | undefined;
  error: ErrorView | undefined;
  endInferred: string | undefined;
  endReason: string | undefined;
  /**
   * Minimum difference between the clocks of owner and executor, where they contradict each other.
   */
  clockSkewMs = Number.NaN;
  /** The correlator has finished the attempt. */
  isClosed = false;
  /** The span budget of its trace rolled it up. */
  isRolledUp = false;
  /** Counts in `JobView.openTasks`, instead of the closed attempt with this outcome before it. */
  isCounted = false;
  countsInsteadOf: AttemptOutcome | undefined;
  /** Neighbours among the attempts of its task, by number. */
  previous: AttemptView | undefined;
  next: AttemptView | undefined;

  constructor(taskId: string, number: number, job: JobView, own: FunctionView) {
    this.taskId = taskId;
    this.number = number;
    this.job = job;
    this.function = own;
  }

  /** What it needs in order to run: known while it is open and its definition was received. */
  get needs(): Needs | undefined {
    return needsOf(this.entity?.definition);
  }

  /** Reads all states of an open attempt. */
  readStates(transitions: readonly StateTransition[]): void {
    this.state = '';
    this.stateMs = Number.NaN;
    this.startMs = Number.NaN;
    this.ownerMs = Number.NaN;
    this.nodeWaitMs = Number.NaN;
    this.workerWaitMs = Number.NaN;
    this.runningMs = Number.NaN;
    this.endMs = Number.NaN;
    for (const transition of transitions) this.enter(transition);
  }

  /** Adds a state that Ray reported, in any order. */
  enter({ state, timeNs }: StateTransition): void {
    const reportedMs = toMs(timeNs);
    const stage = stageOf(state);
    // If the executor's clock is behind, its states count as no earlier than those of the owner.
    const ms = isOfExecutor(state) ? later(reportedMs, this.ownerMs) : reportedMs;
    if (!isOfExecutor(state) && !isOver(stage)) this.#noteOwner(ms);
    else if (Number.isNaN(this.ownerMs)) this.startMs = earlier(this.startMs, ms);
    if (stage === 'pending_node') this.nodeWaitMs = earlier(this.nodeWaitMs, ms);
    if (state === 'SUBMITTED_TO_WORKER') this.workerWaitMs = ms;
    else if (stage === 'pending_worker') this.workerWaitMs = earlier(this.workerWaitMs, ms);
    if (stage === 'running') this.runningMs = earlier(this.runningMs, ms);
    if (isOver(stage)) this.endMs = later(this.endMs, ms);
    const [rank, oldRank] = [rankOf(state), rankOf(this.state)];
    if (rank < oldRank || (rank === oldRank && !(ms > this.stateMs)) || rank === 0) return;
    this.state = state;
    this.stateMs = ms;
  }

  /** Adds an end at an unknown time: it counts at the last time that is known. */
  enterUntimed(state: string): void {
    if (rankOf(state) <= rankOf(this.state)) return;
    for (const ms of [this.startMs, this.ownerMs, this.nodeWaitMs, this.workerWaitMs, this.runningMs]) this.endMs = later(this.endMs, ms);
    this.state = state;
    this.stateMs = this.endMs;
  }

  #noteOwner(ms: number): void {
    this.startMs = Number.isNaN(this.ownerMs) ? ms : earlier(this.startMs, ms);
    this.ownerMs = later(this.ownerMs, ms);
    if (this.workerWaitMs < this.ownerMs) this.workerWaitMs = this.ownerMs;
    if (this.runningMs < this.ownerMs) this.runningMs = this.ownerMs;
    if (isOfExecutor(this.state) && this.stateMs < this.ownerMs) this.stateMs = this.ownerMs;
  }
}

/** Counts and durations of all attempts of one function. */
export class FunctionView {
  readonly name: string;
  /** Number among the functions of its job; never reused. */
  readonly number: number;
  /** Texts of the latest definition. Most attempts have the same ones, so they share them. */
  readonly shared: { name: string; parentTaskId: string | undefined } = { name: '', parentTaskId: undefined };
  /** Attempts by stage. */
  readonly stages = noCounts();
  /** Open attempts without a row. */
  untracked = 0;
  /** From the first state to RUNNING. */
  readonly queue = new Durations();
  /** From RUNNING to the end. */
  readonly run = new Durations();

  constructor(name: string, number: number) {
    this.name = name;
    this.number = number;
  }
}

/** Failures of one function with one type of error. */
export interface FailuresView {
  readonly function: string;
  readonly errorType: string;
  count: number;
  /** The latest of these attempts. */
  last: AttemptView;
}

export function failureKey({ function: own, error }: AttemptView): string {
  return `${own.name}\0${error?.type ?? ''}`;
}

/** `finished`: the job ended; its verdict says how. */
export type JobState = 'running' | 'finished' | 'failed';

/** The correlator's verdict on a job. */
export interface JobVerdictView extends Pick<JobVerdict, 'outcome' | 'reason'> {
  /** Cut to the limit. */
  readonly message: string;
  readonly exitCode: number | undefined;
}

type OutcomeCounts = Record<AttemptOutcome, number>;

/**
 * A job of the correlator, as the page shows it. Its state, outcome and counts are the correlator's;
 * what only the page needs is kept here: functions, rates, rows, the use of nodes.
 */
export class JobView {
  readonly session: SessionView;
  readonly entity: JobEntity;
  readonly #limits: ViewLimits;
  #trace: { readonly ref: JobTraceRef; readonly id: string } | undefined;
  /** Earliest time of any of its attempts. */
  attemptsStartMs = Number.NaN;
  /**
   * When the bridge first and last received an event of the job, and when the job closed, on the
   * bridge's clock.
   */
  readonly firstSeenMs: number;
  lastSeenMs: number;
  closedMs: number | undefined;
  /** Tasks whose last attempt has an open row, by its stage; and by the outcome of the closed attempt before it. */
  readonly openTasks = noCounts();
  readonly retrying: OutcomeCounts = { finished: 0, failed: 0, cancelled: 0, unfinished: 0 };
  /** Open attempts without a row. */
  untracked = 0;
  readonly ended = new Rate();
  readonly functions = new Map<string, FunctionView>();
  /** Number of functions ever made, including removed ones. */
  functionsMade = 0;
  /** Open attempts with a row, in the order of their first events. */
  readonly open = new Set<AttemptView>();
  /** Ended attempts with a row, oldest first: failed ones and all others. */
  readonly failures = new Rows<AttemptView>();
  readonly others = new Rows<AttemptView>();
  readonly actors = new Map<string, ActorView>();
  actorsNotShown = 0;
  /** By function and type of error. */
  readonly failureKinds = new Map<string, FailuresView>();

  /** Where and when the ended attempts ran. */
  readonly nodeUse: NodeUse;
  /** Ended attempts for which Ray did not report where or when they ran. */
  unplaced = 0;

  constructor(session: SessionView, entity: JobEntity, limits: ViewLimits, nowMs: number) {
    this.session = session;
    this.entity = entity;
    this.#limits = limits;
    this.firstSeenMs = nowMs;
    this.lastSeenMs = nowMs;
    this.nodeUse = new NodeUse(limits.nodeSeriesBuckets, limits.maxNodeSeriesPerJob);
  }

  get id(): string {
    return this.entity.id;
  }

  get name(): string {
    return this.#name(jobName(this.entity));
  }

  get submissionId(): string | undefined {
    const { submissionId } = this.entity.definition ?? {};
    return submissionId === undefined ? undefined : this.#name(submissionId);
  }

  get entrypoint(): string | undefined {
    const { entrypoint } = this.entity.definition ?? {};
    return entrypoint === undefined ? undefined : this.#name(entrypoint);
  }

  /** Set once the job's span exists. */
  get verdict(): JobVerdictView | undefined {
    const { verdict } = this.entity;
    if (verdict === undefined) return undefined;
    const { outcome, reason, message, exitCode } = verdict;
    return { outcome, reason, message: shortened(message, this.#limits.maxMessageLength), exitCode };
  }

  get state(): JobState {
    const { entity } = this;
    if (entity.verdict !== undefined) return entity.verdict.outcome === 'failed' ? 'failed' : 'finished';
    const hasFailed = entity.driverUntimedEnd === 'FAILED' || entity.driverTransitions.some(({ state }) => state === 'FAILED');
    if (hasFailed) return 'failed';
    return hasEnded(entity) ? 'finished' : 'running';
  }

  /** As in the job's span, once that exists; else by what Ray reported of the job, its driver and its attempts. */
  get startMs(): number {
    const { entity } = this;
    if (entity.closed) return toMs(jobInterval(entity).startNs);
    const startNs = jobStartNs(entity);
    if (startNs !== undefined) return toMs(startNs);
    return entity.childrenStartNs === undefined ? this.attemptsStartMs : earlier(this.attemptsStartMs, toMs(entity.childrenStartNs));
  }

  /** NaN while the job runs. */
  get endMs(): number {
    if (this.entity.closed) return toMs(jobInterval(this.entity).endNs);
    const endNs = jobEndNs(this.entity);
    return endNs === undefined ? Number.NaN : toMs(endNs);
  }

  get endInferred(): string | undefined {
    return this.entity.closed ? jobInterval(this.entity).endInferred : undefined;
  }

  get error(): string | undefined {
    const { driverError } = this.entity;
    if (driverError === undefined) return undefined;
    return shortened(`${driverError.errorType}: ${reasonLine(driverError.message)}`, this.#limits.maxMessageLength);
  }

  get traceId(): string {
    const ref = presentTrace(this.entity);
    const known = this.#trace;
    if (known !== undefined && known.ref.caller?.traceId === ref.caller?.traceId) return known.id;
    const id = traceIdOf(ref);
    this.#trace = { ref, id };
    return id;
  }

  /** True if Ray itself started the driver. */
  get isInternal(): boolean {
    return isInternalJob(this.entity);
  }

  /**
   * False while only an actor of the job is known. Such a job is not shown, because nothing proves
   * that it runs.
   */
  get hasContent(): boolean {
    return this.entity.hasContent || this.entity.closed || this.open.size > 0 || this.untracked > 0;
  }

  /** Tasks by the stage of their latest attempt, without those that have no row yet. */
  get tasks(): StageCounts {
    const { openTasks, retrying } = this;
    const { closedTasks } = this.entity;
    return {
      ...openTasks,
      finished: openTasks.finished + closedTasks.finished - retrying.finished,
      failed: openTasks.failed + closedTasks.failed - retrying.failed,
      cancelled: openTasks.cancelled + closedTasks.cancelled - retrying.cancelled,
      unfinished: openTasks.unfinished + closedTasks.unfinished - retrying.unfinished,
    };
  }

  /** Attempts that ended, or that have a row. */
  get attempts(): number {
    return this.entity.closedAttempts + this.open.size;
  }

  /** Attempts after which there was another. */
  get retried(): number {
    return this.attempts - sumOf(this.tasks);
  }

  /** Ended attempts with a row. */
  get rows(): number {
    return this.failures.size + this.others.size;
  }

  /** Ended attempts without a row. */
  get withoutRow(): number {
    return Math.max(0, this.entity.closedAttempts - this.rows);
  }

  #name(name: string): string {
    return shortened(name, this.#limits.maxNameLength);
  }
}

export function sumOf(counts: StageCounts): number {
  return STAGES.reduce((sum, stage) => sum + counts[stage], 0);
}

export class SessionView {
  readonly entity: SessionState;
  /** On the bridge's clock. */
  readonly firstSeenMs: number;
  lastSeenMs: number;
  readonly jobs = new Map<string, JobView>();
  /** Jobs that are not closed. */
  openJobs = 0;
  readonly nodes = new Map<string, NodeView>();
  /** Dead nodes, in the order in which they died. */
  readonly deadNodes = new Rows<NodeView>();
  nodesNotShown = 0;
  #reportedMs = Number.NaN;
  #receivedMs = 0;
  /** The latest attempt of each task with a row. */
  readonly lastAttempts = new Map<string, AttemptView>();
  /** Attempts by number, for tasks with many attempts. */
  readonly longTasks = new Map<string, SortedList<AttemptView, { readonly number: number }>>();

  constructor(entity: SessionState, nowMs: number) {
    this.entity = entity;
    this.firstSeenMs = nowMs;
    this.lastSeenMs = nowMs;
  }

  get name(): string {
    return this.entity.name;
  }

  get isClosed(): boolean {
    return this.entity.closed;
  }

  /** Records a time that Ray reported, and when the bridge received it. */
  noteTime(reportedMs: number, receivedMs: number): void {
    if (reportedMs <= this.#reportedMs) return;
    this.#reportedMs = reportedMs;
    this.#receivedMs = receivedMs;
  }

  /**
   * Estimates Ray's clock at `nowMs` of the bridge's clock. Ages of open things use it, so they are
   * right for clocks that differ and for recordings.
   */
  clockMs(nowMs: number): number {
    return Number.isNaN(this.#reportedMs) ? nowMs : this.#reportedMs + Math.max(0, nowMs - this.#receivedMs);
  }
}
