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
  /** Cut. */
  readonly message: string;
}

/** One try at a task: what of it is worth a row. Times are milliseconds since the epoch, with fractions; NaN is not known. */
export class AttemptView {
  readonly taskId: string;
  readonly number: number;
  job: JobView;
  function: FunctionView;
  name = '';
  parentTaskId: string | undefined;
  /** While it is open, and its own definition was told. */
  needs: TaskNeeds | undefined;
  stage: Stage = 'unknown';
  /** Ray's own word for where it stands. */
  state = '';
  /** Since when. */
  stateMs = Number.NaN;
  startMs = Number.NaN;
  /** The last state that its owner reported, but for its end. */
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
  /** How much the clocks of owner and executor differ at least, where they contradict each other. */
  clockSkewMs = Number.NaN;
  /** The bridge has made its span. */
  isClosed = false;
  /** The budget of its trace folded it. */
  isFolded = false;
  /** A later attempt of the task is known: the task does not stand where this one does. */
  isSuperseded = false;
  /** Other attempts of its task, in the order of their numbers. */
  previous: AttemptView | undefined;
  next: AttemptView | undefined;

  constructor(taskId: string, number: number, job: JobView, own: FunctionView) {
    this.taskId = taskId;
    this.number = number;
    this.job = job;
    this.function = own;
  }

  /** Takes up a state that Ray told, in any order. True when it stands elsewhere now. */
  enter({ state, timeNs }: StateTransition): boolean {
    const told = toMs(timeNs);
    const stage = stageOf(state);
    // Of an executor whose clock is behind, nothing happened before what its owner reports.
    const ms = isOfExecutor(state) ? later(told, this.ownerMs) : told;
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

/** What is known of all attempts of one function. */
export class FunctionView {
  readonly name: string;
  /** Among the functions of its job; never given to another one. */
  readonly number: number;
  /** Texts and needs of the last definitions: most attempts hold the same ones, so that they hold one object. */
  readonly shared: { name: string; parentTaskId: string | undefined; readonly needs: TaskNeeds[] } = {
    name: '',
    parentTaskId: undefined,
    needs: [],
  };
  /** Attempts, by where they stand. */
  readonly stages = noCounts();
  /** Open attempts that are not followed one by one. */
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
  /** The last one. */
  last: AttemptView;
}

export function failureKey({ function: own, error }: AttemptView): string {
  return `${own.name}\0${error?.type ?? ''}`;
}

/** `finished`: it ended; what it came to is its verdict. */
export type JobState = 'running' | 'finished' | 'failed';

/** What the correlator says that a job came to. */
export interface JobVerdictView extends Pick<JobVerdict, 'outcome' | 'reason'> {
  /** Cut. */
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
  /** What Ray said of the job, which counts, and of its driver. */
  createdMs = Number.NaN;
  finishedMs = Number.NaN;
  driverStartMs = Number.NaN;
  driverEndMs = Number.NaN;
  /** The first time of any of its attempts. */
  attemptsStartMs = Number.NaN;
  endInferred: string | undefined;
  error: string | undefined;
  /** Once its span is made. */
  verdict: JobVerdictView | undefined;
  traceId: string;
  /** A span of it is made: the trace id cannot change any more. */
  isTraceFixed = false;
  /** Ray sent a definition of it. */
  isDefined = false;
  /** One of its actors has a name that Ray reserves for itself. */
  hasRayActor = false;
  /** The correlator's verdict, once the job's span is made. */
  wasInternal: boolean | undefined;
  /** When the bridge first and last heard of it, and when it was over, on the bridge's clock. */
  readonly firstSeenMs: number;
  lastSeenMs: number;
  closedMs: number | undefined;
  /** Tasks, by where their last attempt stands. */
  readonly tasks = noCounts();
  /** Attempts that were tried again. */
  retried = 0;
  attempts = 0;
  /** Open attempts that are not followed one by one. */
  untracked = 0;
  /** Attempts that are over and have no row. */
  withoutRow = 0;
  readonly ended = new Rate();
  readonly functions = new Map<string, FunctionView>();
  /** Also those that were given up again. */
  functionsMade = 0;
  /** Followed one by one. In the order in which they were first told. */
  readonly open = new Set<AttemptView>();
  /** Over, oldest first. */
  readonly failures = new Rows<AttemptView>();
  readonly others = new Rows<AttemptView>();
  readonly actors = new Map<string, ActorView>();
  actorsNotShown = 0;
  /** By function and type of error. */
  readonly failureKinds = new Map<string, FailuresView>();

  /** What ran on which node, of the attempts that are over. */
  readonly nodeUse: NodeUse;
  /** Attempts that are over and of which Ray did not tell where or when they ran. */
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

  /** Ray itself started its driver. As `isInternalJob` of the correlator, which has the last word. */
  get isInternal(): boolean {
    if (this.wasInternal !== undefined) return this.wasInternal;
    if (this.isDefined) return false;
    return this.hasRayActor || (this.session.sendsJobs && this.attempts === 0 && this.untracked === 0);
  }

  /** More is known of it than that an actor belongs to it: else it is not shown, because nothing says that it runs. */
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

/** What is kept of a job that ended when its rows are forgotten, without attempts that are open: an actor may outlive it for days. */
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
  /** `ALIVE` or `DEAD`; empty when Ray told none. */
  state: string;
  /** Totals. Undefined when Ray did not tell. */
  resources: Readonly<Record<string, number>> | undefined;
  labels: Readonly<Record<string, string>>;
}

export interface PlacementGroupView {
  name: string | undefined;
  /** Ray's own word; empty when it sent none. */
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
  openJobs = 0;
  readonly nodes = new Map<string, NodeView>();
  /** Dead ones, the one that died first is the first. */
  readonly deadNodes = new Rows<NodeView>();
  nodesNotShown = 0;
  readonly placementGroups = new Map<string, PlacementGroupView>();
  #toldMs = Number.NaN;
  #toldAtMs = 0;
  /** Of the attempt that was heard of last. */
  lastJobId = ' ';
  /** The last attempt of each task that has a row or is followed. */
  readonly lastAttempts = new Map<string, AttemptView>();
  /** All attempts of each task that has many of them. */
  readonly longTasks = new Map<string, SortedList<AttemptView, { readonly number: number }>>();

  constructor(name: string, nowMs: number) {
    this.name = name;
    this.firstSeenMs = nowMs;
    this.lastSeenMs = nowMs;
  }

  /** Ray told of a time, and the bridge heard of it at another one. */
  noteTime(toldMs: number, heardMs: number): void {
    if (toldMs <= this.#toldMs) return;
    this.#toldMs = toldMs;
    this.#toldAtMs = heardMs;
  }

  /** What Ray's clock shows when the bridge's shows `nowMs`: the ages of open things are counted on it, so that clocks that differ, or a recording, make none wrong. */
  clockMs(nowMs: number): number {
    return Number.isNaN(this.#toldMs) ? nowMs : this.#toldMs + Math.max(0, nowMs - this.#toldAtMs);
  }
}
