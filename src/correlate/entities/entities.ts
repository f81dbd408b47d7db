import type {
  ActorDefinition,
  ActorTransition,
  ClusterPoint,
  JobDefinition,
  NodeDefinition,
  NodeTransition,
  PlacementGroupDefinition,
  PlacementGroupTransition,
  ProcessExit,
  ProfileEntry,
  StateTransition,
  SubmissionJobDefinition,
  SubmissionJobTransition,
  TaskError,
  TimeNs,
  Untimed,
  WorkerDefinition,
  WorkerTransition,
} from '../../event/index.ts';
import { TraceBudget, type TraceLimits } from '../budget/budget.ts';
import { CallerChain, FinalTrace, FinalTraces, type LOOP } from '../callers/caller-chain.ts';
import type { ClosedAttempt } from '../compact/closed-attempt.ts';
import type { SharedFacts } from '../compact/definitions.ts';
import { Entity, Machine } from './entity.ts';
import { RareFields, NO_RARE_FIELDS } from '../compact/rare-fields.ts';
import type { JobVerdict } from '../finish/job-outcome.ts';
import type { AttemptOutcome, JobTraceRef } from '../finished.ts';
import type { LeftOut } from '../compact/left-out.ts';
import { NO_STATES, type PackedStates, unpackStates } from '../compact/packed-states.ts';
import { LazyMap, LazySet } from '../compact/lazy-collections.ts';
import { compactString } from '../compact/compact-string.ts';
import type { TimeRange } from '../finish/trusted-time.ts';
import type { UntimedOutcome } from '../states/untimed.ts';
import type { Threads } from '../callers/threads.ts';
import { actorIdOf, driverTaskOf, jobIdOf } from '../naming/ray-ids.ts';
import { SharedPlacement } from '../compact/shared-placement.ts';
import { TaskAttempts } from './task-attempts.ts';
import type { WaitingCreations } from '../callers/waiting-creations.ts';

export type { ClosedAttempt } from '../compact/closed-attempt.ts';

export type Placement = SharedPlacement<Attempt, NodeRecord | WorkerRecord>;

/** The placement of an attempt without any reported placement. */
export const NO_PLACEMENT: Placement = new SharedPlacement({}, []);

/**
 * One try at a task, while it is not finished. A million of them are open at once: what most have is packed or shared, and what few have, or all
 * have only shortly before their end, is in one object more.
 */
export class Attempt {
  readonly task: Task;
  readonly number: number;
  /** Time of the first event, counted from the start of the session: a small number needs no heap object. */
  readonly #sinceMs: number;
  definition: SharedFacts | undefined;
  states: PackedStates = NO_STATES;
  placement: Placement = NO_PLACEMENT;
  #rareFields: RareFields | undefined;

  constructor(task: Task, number: number, nowMs: number) {
    this.task = task;
    this.number = number;
    this.#sinceMs = nowMs - task.session.firstSeenMs;
  }

  get closed(): false {
    return false;
  }

  /** Times on the bridge's clock, from which the closing rules count. */
  get firstSeenMs(): number {
    return this.task.session.firstSeenMs + this.#sinceMs;
  }

  get transitions(): readonly StateTransition[] {
    return this.rareFields.transitions ?? unpackStates(this.states);
  }

  /** To be read. */
  get rareFields(): Readonly<RareFields> {
    return this.#rareFields ?? NO_RARE_FIELDS;
  }

  /** To be written. */
  get writableRareFields(): RareFields {
    return (this.#rareFields ??= new RareFields());
  }

  get hasRareFields(): boolean {
    return this.#rareFields !== undefined;
  }

  get dueMs(): number {
    return this.#rareFields === undefined ? Number.POSITIVE_INFINITY : this.#rareFields.dueMs;
  }

  set dueMs(dueMs: number) {
    if (dueMs !== this.dueMs) this.writableRareFields.dueMs = dueMs;
  }

  get seen(): boolean {
    return this.states !== NO_STATES || this.definition !== undefined || this.rareFields.seen;
  }
}

/** A task with an attempt that is open, or with more to remember of its closed ones than a tombstone holds. */
export class Task extends TaskAttempts<Attempt, ClosedAttempt> {
  readonly id: string;
  readonly session: Session;
  /** Who called it, once a definition named it. */
  parentTaskId: string | undefined;
  /** Undefined where nothing is known of its caller, and then a chain of callers until no later event can change the trace. */
  trace: FinalTrace | CallerChain<Job, Task> | typeof LOOP | undefined;
  /** `depth` and `outlivesDriver` in one number: a million tasks can be open at once. */
  #bits = 0;
  /** Its row among the tombstones, once every attempt is closed. */
  tombstone: number | undefined;

  constructor(session: Session, id: string) {
    super();
    this.session = session;
    this.id = id;
  }

  /** Depth of its spans in the trace; 0 until the trace is final. See `findDepth`. */
  get depth(): number {
    return this.#bits >> 1;
  }

  set depth(depth: number) {
    this.#bits = (depth << 1) | (this.#bits & 1);
  }

  /** While it has open attempts: it is known to be the work of a detached actor, which the end of its job does not end. */
  get outlivesDriver(): boolean {
    return (this.#bits & 1) === 1;
  }

  set outlivesDriver(outlives: boolean) {
    this.#bits = (this.#bits & ~1) | Number(outlives);
  }

  get ownJobId(): string {
    return jobIdOf(this.id);
  }

  /** The job in whose trace it stands: its caller's, once that is known. */
  get jobId(): string {
    const { trace } = this;
    if (trace instanceof FinalTrace) return trace.jobId;
    return trace instanceof CallerChain ? trace.job.id : this.ownJobId;
  }

  get actorId(): string | undefined {
    return actorIdOf(this.id);
  }
}

export class Job {
  readonly id: string;
  readonly session: Session;
  definition: JobDefinition | undefined;
  /** In time order, as all transitions of entities. */
  transitions: StateTransition[] = [];
  leftOut: LeftOut | undefined;
  driverSeen = false;
  driverTransitions: StateTransition[] = [];
  driverLeftOut: LeftOut | undefined;
  /** FINISHED without a time. */
  untimedEnd: Untimed<StateTransition> | undefined;
  driverUntimedEnd: UntimedOutcome | undefined;
  driverError: TaskError | undefined;
  profile: (ProfileEntry & { readonly taskId?: string; readonly attempt: number })[] = [];
  /** Open attempts in this job's trace, without those of `chains`. No other job lists them. */
  readonly open = new LazySet<Attempt>();
  /** Chains of callers that probably belong to this job. */
  readonly chains = new LazySet<CallerChain<Job, Task>>();
  /** Open ones, and those that are detached while the job is open. */
  readonly actors = new LazySet<Actor>();
  hasDetachedActor = false;
  /** Children that were sent or rolled up: the job needs a span. */
  hasChildren = false;
  childrenStartNs: TimeNs | undefined;
  childrenEndNs: TimeNs | undefined;
  readonly firstSeenMs: number;
  endMs: number | undefined;
  closed = false;
  /** Where its span ends, once that is made, if Ray never reported an end. */
  silentNs: TimeNs | undefined;
  /** Walks over what is open of it, while it is being closed. */
  sweeps: number | undefined;
  reportedInFlight = false;
  /** One of its actors has a name that Ray reserves for itself. */
  hasRayActor = false;
  /** Set with the first span that was sent: from then on the trace id can't change. */
  trace: JobTraceRef | undefined;
  /** What the job's span counts. `closedTasks` and `closedAttempts` also hold what ended after the job. */
  finished = 0;
  failed = 0;
  cancelled = 0;
  unfinished = 0;
  /** As in `JobFacts`. The verdict is set once its span is made: what comes later changes nothing of it. */
  failedInternally = 0;
  openAtEnd = 0;
  driverExit: ProcessExit | undefined;
  verdict: JobVerdict | undefined;
  attemptCount = 0;
  actorCount = 0;
  closedTasks: Record<AttemptOutcome, number> = { finished: 0, failed: 0, cancelled: 0, unfinished: 0 };
  closedAttempts = 0;
  dueMs = Number.POSITIVE_INFINITY;
  bytes = 0;
  older: AgingRecord | undefined;
  newer: AgingRecord | undefined;
  readonly budget: TraceBudget;
  readonly traces: FinalTraces;
  #driverTaskId: string | undefined;

  constructor(session: Session, id: string, limits: TraceLimits, nowMs: number) {
    this.session = session;
    this.id = compactString(id);
    this.traces = new FinalTraces(this.id);
    this.budget = new TraceBudget({ kind: 'job', id: this.id }, limits, this.actors);
    this.firstSeenMs = nowMs;
  }

  get driverTaskId(): string {
    return (this.#driverTaskId ??= driverTaskOf(this.id));
  }

  get hasContent(): boolean {
    return this.hasChildren || this.driverSeen || this.definition !== undefined || this.profile.length > 0 || this.hasStates;
  }

  private get hasStates(): boolean {
    return this.transitions.length > 0 || this.untimedEnd !== undefined;
  }

  /** Something open refers to it, or is still to come of it. */
  get isNeeded(): boolean {
    if (!this.closed && this.hasContent) return true;
    if (this.open.size > 0 || this.chains.size > 0 || this.actors.size > 0) return true;
    return Number.isFinite(this.dueMs) || this.budget.hasRest;
  }
}

export class Actor extends Entity<Session, ActorDefinition, ActorTransition> {
  /** From definitions of its tasks, for releases that send no actor events. */
  className: string | undefined;
  moduleName: string | undefined;
  detachedByTask = false;
  /** From the first to the last state of its tasks; `wrongTasks` are those that are not trusted. */
  tasksStartNs: TimeNs | undefined;
  tasksEndNs: TimeNs | undefined;
  wrongTasks: TimeRange | undefined;
  /** It was ALIVE once. */
  isPlaced = false;
  deadMs: number | undefined;
  /** Attempts that are open while it is not dead, and creations among them that wait for its next state. */
  open: Set<Attempt> | undefined;
  creations: WaitingCreations<Attempt> | undefined;
  reportedInFlight = false;
  older: AgingRecord | undefined;
  newer: AgingRecord | undefined;

  get isDetached(): boolean {
    return this.definition?.isDetached ?? this.detachedByTask;
  }

  get jobId(): string {
    return jobIdOf(this.id);
  }
}

export class NodeRecord extends Machine<Session, Placement, NodeDefinition, NodeTransition> {
  /** A worker's span that was sent hangs under its span. */
  isReserved = false;
  /** Its session's trace had no room for its span. */
  rolledUp = false;
  older: AgingRecord | undefined;
  newer: AgingRecord | undefined;

  get kind(): 'node' {
    return 'node';
  }
}

export class WorkerRecord extends Machine<Session, Placement, WorkerDefinition, WorkerTransition> {
  /** How often its open attempts were looked through for what ran there when a thread submitted calls. */
  searches = 0;
  older: AgingRecord | undefined;
  newer: AgingRecord | undefined;
  jobId: string | undefined;

  get kind(): 'worker' {
    return 'worker';
  }
}

export class PlacementGroup extends Entity<Session, PlacementGroupDefinition, PlacementGroupTransition> {
  older: AgingRecord | undefined;
  newer: AgingRecord | undefined;

  get kind(): 'placement_group' {
    return 'placement_group';
  }
}

export class SubmissionJob extends Entity<Session, SubmissionJobDefinition, SubmissionJobTransition> {
  older: AgingRecord | undefined;
  newer: AgingRecord | undefined;

  get kind(): 'submission_job' {
    return 'submission_job';
  }
}

export class Point {
  readonly session: Session;
  readonly id: string;
  /** Undefined once it is closed. */
  point: ClusterPoint | undefined;
  dueMs = Number.POSITIVE_INFINITY;
  closed = false;
  bytes = 0;
  older: AgingRecord | undefined;
  newer: AgingRecord | undefined;

  constructor(session: Session, id: string, point: ClusterPoint | undefined) {
    this.session = session;
    this.id = id;
    this.point = point;
  }

  get isNeeded(): boolean {
    return !this.closed;
  }
}

/** What has a span in its session's own trace: see `cluster-kinds.ts`. */
export type ClusterEntity = NodeRecord | WorkerRecord | PlacementGroup | SubmissionJob;

/** What is remembered besides attempts, and forgotten when there is too much of it that nothing needs. */
export type AgingRecord = Job | Actor | ClusterEntity | Point;

interface Findable {
  find(session: Session, id: string): Task | undefined;
}

export class Session {
  readonly name: string;
  /** Its number in this process. */
  readonly number: number;
  readonly jobs = new LazyMap<string, Job>();
  /** Open tasks, and closed tasks that do not fit into a tombstone. */
  readonly tasks = new LazyMap<string, Task>();
  readonly actors = new LazyMap<string, Actor>();
  readonly nodes = new LazyMap<string, NodeRecord>();
  readonly workers = new LazyMap<string, WorkerRecord>();
  readonly placementGroups = new LazyMap<string, PlacementGroup>();
  readonly submissionJobs = new LazyMap<string, SubmissionJob>();
  readonly points = new LazyMap<string, Point>();
  /** Chains of callers by their first task, whose caller is unknown. */
  readonly chains = new LazyMap<string, CallerChain<Job, Task>>();
  /** What open attempts share, by a key; see `placement.ts`. */
  readonly placements = new LazyMap<string, Placement>();
  sweepPlacementsAt = 0;
  /** Threads that submit calls, once there is one. */
  threads: Threads | undefined;
  readonly #tombstones: Findable;
  readonly firstSeenMs: number;
  lastSeenMs: number;
  /** Of its times that are trusted. */
  firstNs: TimeNs | undefined;
  lastNs: TimeNs | undefined;
  /** While there are none: those that are not trusted, and when its events were received. */
  wrong: TimeRange | undefined;
  received: TimeRange | undefined;
  /** Workers of this session send profile events: wait for them before an attempt is finished. */
  sendsProfiles = false;
  /** Ray 2.58 and later: the reason of a worker's death comes in an event of its own. */
  sendsWorkers = false;
  sendsActors = false;
  sendsJobs = false;
  /** When the first end of an attempt was received, and of an actor's call: a settle time later it is known what is sent beside an end. */
  firstEndMs: number | undefined;
  firstCallEndMs: number | undefined;
  /** The session's trace has a span, so it needs a root. */
  hasContent = false;
  closed = false;
  /** Walks over what is open of it, while it is being closed. */
  sweeps: number | undefined;
  /** It fell silent and everything in it was closed; nothing of it came since. */
  isOver = false;
  /** It is to be closed before it has been silent for long, and then forgotten, because there are too many sessions. */
  givesWay = false;
  reportedInFlight = false;
  dueMs = Number.POSITIVE_INFINITY;
  older: Session | undefined;
  newer: Session | undefined;
  readonly budget: TraceBudget;

  constructor(name: string, number: number, budget: TraceBudget, tombstones: Findable, nowMs: number) {
    this.name = name;
    this.number = number;
    this.budget = budget;
    this.#tombstones = tombstones;
    this.firstSeenMs = nowMs;
    this.lastSeenMs = nowMs;
  }

  /** A task that is open or remembered, to be read. */
  findTask(id: string): Task | undefined {
    return this.tasks.get(id) ?? this.#tombstones.find(this, id);
  }
}

/** What becomes due at a time. */
export type Timed = Attempt | Job | Actor | NodeRecord | WorkerRecord | PlacementGroup | SubmissionJob | Point | Session;
