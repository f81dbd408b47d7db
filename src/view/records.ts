import type { JobVerdict, SortedList } from '../correlate/index.ts';
import type { StateTransition, TaskDefinition } from '../event/index.ts';
import type { ActorView } from './actor-view.ts';
import { Durations, Rate } from './durations.ts';
import type { Needs } from './needs.ts';
import type { NodeUse } from './node-use.ts';
import { isOfExecutor, isOver, noCounts, rankOf, type Stage, stageOf } from './stage.ts';
import { Rows } from './rows.ts';
import { earlier, later, toMs } from './times.ts';

export interface ErrorView {
  readonly type: string;
  /** Cut to the limit. */
  readonly message: string;
}

/**
 * An attempt: the facts that its row shows. Times are milliseconds since the epoch with fractions;
 * NaN means unknown.
 */
export class AttemptView {
  readonly taskId: string;
  readonly number: number;
  job: JobView;
  function: FunctionView;
  name = '';
  parentTaskId: string | undefined;
  /** Set while the attempt is open and its definition has arrived. */
  needs: TaskNeeds | undefined;
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
  hasExecutorNode = false;
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
  /** A later attempt of the task is known, so this one does not determine the stage of the task. */
  isSuperseded = false;
  /** Neighbours among the attempts of its task, by number. */
  previous: AttemptView | undefined;
  next: AttemptView | undefined;

  constructor(taskId: string, number: number, job: JobView, own: FunctionView) {
    this.taskId = taskId;
    this.number = number;
    this.job = job;
    this.function = own;
  }

  /** Adds a state that Ray reported, in any order. Returns true if the current state changes. */
  enter({ state, timeNs }: StateTransition): boolean {
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
    if (rank < oldRank || (rank === oldRank && !(ms > this.stateMs)) || rank === 0) return false;
    this.state = state;
    this.stateMs = ms;
    return true;
  }

  #noteOwner(ms: number): void {
    this.startMs = Number.isNaN(this.ownerMs) ? ms : earlier(this.startMs, ms);
    this.ownerMs = later(this.ownerMs, ms);
    if (this.workerWaitMs < this.ownerMs) this.workerWaitMs = this.ownerMs;
    if (this.runningMs < this.ownerMs) this.runningMs = this.ownerMs;
    if (isOfExecutor(this.state) && this.stateMs < this.ownerMs) this.stateMs = this.ownerMs;
  }
}

export type TaskNeeds = Needs & Pick<TaskDefinition, 'taskType'>;

/** Counts and durations of all attempts of one function. */
export class FunctionView {
  readonly name: string;
  /** Number among the functions of its job; never reused. */
  readonly number: number;
  /**
   * Texts and needs of the latest definitions. Most attempts have the same ones, so they share one
   * object.
   */
  readonly shared: { name: string; parentTaskId: string | undefined; readonly needs: TaskNeeds[] } = {
    name: '',
    parentTaskId: undefined,
    needs: [],
  };
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

export class JobView {
  readonly session: SessionView;
  readonly id: string;
  name: string;
  submissionId: string | undefined;
  entrypoint: string | undefined;
  state: JobState = 'running';
  /** Times that Ray reported for the job, and for its driver. The job's own take precedence. */
  createdMs = Number.NaN;
  finishedMs = Number.NaN;
  driverStartMs = Number.NaN;
  driverEndMs = Number.NaN;
  /** Earliest time of any of its attempts. */
  attemptsStartMs = Number.NaN;
  endInferred: string | undefined;
  error: string | undefined;
  /** Set once the job's span exists. */
  verdict: JobVerdictView | undefined;
  traceId: string;
  /** A span of the job exists, so its trace id cannot change. */
  isTraceFixed = false;
  /** Ray sent a definition of the job. */
  isDefined = false;
  /** One of its actors has a name that Ray reserves for itself. */
  hasRayActor = false;
  /** The correlator's decision, once the job's span exists. */
  wasInternal: boolean | undefined;
  /**
   * When the bridge first and last received an event of the job, and when the job closed, on the
   * bridge's clock.
   */
  readonly firstSeenMs: number;
  lastSeenMs: number;
  closedMs: number | undefined;
  /** Tasks by the stage of their latest attempt. */
  readonly tasks = noCounts();
  /** Attempts that Ray retried. */
  retried = 0;
  attempts = 0;
  /** Open attempts without a row. */
  untracked = 0;
  /** Ended attempts without a row. */
  withoutRow = 0;
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

  constructor(session: SessionView, id: string, traceId: string, nowMs: number, nodeUse: NodeUse) {
    this.session = session;
    this.id = id;
    this.name = id;
    this.traceId = traceId;
    this.firstSeenMs = nowMs;
    this.lastSeenMs = nowMs;
    this.nodeUse = nodeUse;
  }

  /**
   * True if Ray itself started the driver. Follows `isInternalJob` of the correlator, whose
   * decision overrides this one.
   */
  get isInternal(): boolean {
    if (this.wasInternal !== undefined) return this.wasInternal;
    if (this.isDefined) return false;
    return this.hasRayActor || (this.session.sendsJobs && this.attempts === 0 && this.untracked === 0);
  }

  /**
   * False while only an actor of the job is known. Such a job is not shown, because nothing proves
   * that it runs.
   */
  get hasContent(): boolean {
    return this.isDefined || this.closedMs !== undefined || this.attempts > 0 || this.untracked > 0 || !Number.isNaN(this.startMs);
  }

  get startMs(): number {
    if (!Number.isNaN(this.createdMs)) return this.createdMs;
    return Number.isNaN(this.driverStartMs) ? this.attemptsStartMs : this.driverStartMs;
  }

  get endMs(): number {
    return Number.isNaN(this.finishedMs) ? this.driverEndMs : this.finishedMs;
  }

  get rows(): number {
    return this.failures.size + this.others.size;
  }
}

/**
 * Facts that stay when an ended job is dropped, without its open attempts: an actor may outlive the
 * job for days.
 */
export type EndedJob = Pick<
  JobView,
  | 'name'
  | 'submissionId'
  | 'entrypoint'
  | 'state'
  | 'createdMs'
  | 'finishedMs'
  | 'endInferred'
  | 'error'
  | 'verdict'
  | 'traceId'
  | 'isTraceFixed'
  | 'isDefined'
  | 'hasRayActor'
  | 'wasInternal'
  | 'closedMs'
  | 'retried'
  | 'attempts'
  | 'withoutRow'
> & { readonly tasks: Readonly<JobView['tasks']> };

export function endedJob(job: JobView): EndedJob {
  const { name, submissionId, entrypoint, state, createdMs, finishedMs, endInferred, error, traceId, isTraceFixed } = job;
  const { isDefined, hasRayActor, wasInternal, closedMs, retried, verdict } = job;
  const { finished, failed, cancelled, unfinished } = job.tasks;
  const attempts = job.attempts - job.open.size;
  const texts = { name, submissionId, entrypoint, state, endInferred, error, traceId };
  const facts = { verdict, isTraceFixed, createdMs, finishedMs, isDefined, hasRayActor, wasInternal, closedMs };
  return { ...texts, ...facts, retried, attempts, withoutRow: attempts, tasks: { ...noCounts(), finished, failed, cancelled, unfinished } };
}

export interface NodeView {
  readonly id: string;
  name: string | undefined;
  ip: string | undefined;
  /** `ALIVE` or `DEAD`; empty if Ray reported none. */
  state: string;
  /** Totals. Undefined until Ray reports them. */
  resources: Readonly<Record<string, number>> | undefined;
  labels: Readonly<Record<string, string>>;
}

export interface PlacementGroupView {
  name: string | undefined;
  /** Ray's own name of the state; empty if Ray reported none. */
  state: string;
}

export class SessionView {
  readonly name: string;
  readonly firstSeenMs: number;
  lastSeenMs: number;
  isClosed = false;
  /** Ray sends events of jobs in this session. */
  sendsJobs = false;
  readonly jobs = new Map<string, JobView>();
  /** Jobs that are not closed. */
  openJobs = 0;
  readonly nodes = new Map<string, NodeView>();
  /** Dead nodes, in the order in which they died. */
  readonly deadNodes = new Rows<NodeView>();
  nodesNotShown = 0;
  readonly placementGroups = new Map<string, PlacementGroupView>();
  #reportedMs = Number.NaN;
  #receivedMs = 0;
  /** Job of the attempt whose event arrived last. */
  lastJobId = ' ';
  /** The latest attempt of each task with a row. */
  readonly lastAttempts = new Map<string, AttemptView>();
  /** Attempts by number, for tasks with many attempts. */
  readonly longTasks = new Map<string, SortedList<AttemptView, { readonly number: number }>>();

  constructor(name: string, nowMs: number) {
    this.name = name;
    this.firstSeenMs = nowMs;
    this.lastSeenMs = nowMs;
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
