import type {
  ActorDefinition,
  ActorTransition,
  ClusterPoint,
  JobDefinition,
  NodeDefinition,
  NodeTransition,
  PlacementGroupDefinition,
  PlacementGroupLifecycle,
  ProfileEntry,
  StateTransition,
  SubmissionJobDefinition,
  SubmissionJobLifecycle,
  TaskDefinition,
  TaskError,
  TaskLog,
  TimeNs,
  WorkerDefinition,
  WorkerTransition,
} from '../event/index.ts';
import type { TraceAccount } from './account.ts';
import type { FoldNode } from './fold.ts';
import type { AttemptOutcome, JobTraceRef } from './lifecycle.ts';
import { actorIdOf, jobIdOf } from './ray-ids.ts';

/** One try at a task, while it is not finished. */
export class Attempt {
  readonly closed = false;
  readonly task: Task;
  readonly number: number;
  definition: TaskDefinition | undefined;
  transitions: StateTransition[] = [];
  error: TaskError | undefined;
  /** From the owner's SUBMITTED_TO_WORKER. */
  submittedNodeId: string | undefined;
  /** From the executor itself: better evidence. */
  executorNodeId: string | undefined;
  workerId: string | undefined;
  workerPid: number | undefined;
  nodeIpAddress: string | undefined;
  actorReprName: string | undefined;
  wasDebuggerPaused = false;
  log: TaskLog | undefined;
  profile: ProfileEntry[] = [];
  /** A profile event came, even if none of its entries is kept. */
  profileSeen = false;
  /** From the first to the last call that it submitted. */
  submitsStartNs: TimeNs | undefined;
  submitsEndNs: TimeNs | undefined;
  /** A lifecycle event came, even if it told no state. */
  lifecycleSeen = false;
  /** Times on the bridge's clock, from which the closing rules count. */
  firstSeenMs: number;
  terminalMs: number | undefined;
  evidenceMs: number | undefined;
  deathMs: number | undefined;
  dueMs = Number.POSITIVE_INFINITY;
  /** Nodes and workers that list it, for when they die. */
  readonly places: (NodeRecord | WorkerRecord)[] = [];
  /** A span that was sent names this one as its parent, so it can't be folded any more. */
  pinned = false;
  /** Folded children that wait for what becomes of this attempt. */
  folds: Map<string, FoldNode> | undefined;
  /** When nothing but children is known of it. */
  childrenStartNs: TimeNs | undefined;
  childrenEndNs: TimeNs | undefined;

  constructor(task: Task, number: number, nowMs: number) {
    this.task = task;
    this.number = number;
    this.firstSeenMs = nowMs;
  }

  get seen(): boolean {
    return this.lifecycleSeen || this.profileSeen || this.definition !== undefined;
  }
}

/** What stays of an attempt when its span was sent: its tombstone. */
export interface ClosedAttempt {
  readonly closed: true;
  readonly number: number;
  /** When it began to run, so that later children find the attempt that submitted them. */
  readonly runningNs: TimeNs;
  readonly outcome: AttemptOutcome;
  /** Where it was folded to, if it has no span of its own. */
  readonly fold: FoldNode | undefined;
}

export class Task {
  readonly id: string;
  readonly session: Session;
  readonly actorId: string | undefined;
  /** Smallest id of those that its definitions named; one in practice. */
  parentTaskId: string | undefined;
  readonly attempts: (Attempt | ClosedAttempt)[] = [];
  /** The job whose trace it stands in, once no later event can change that. */
  traceJobId: string | undefined;

  constructor(session: Session, id: string) {
    this.session = session;
    this.id = id;
    this.actorId = actorIdOf(id);
  }

  get ownJobId(): string {
    return jobIdOf(this.id);
  }

  find(number: number): Attempt | ClosedAttempt | undefined {
    return this.attempts.find((attempt) => attempt.number === number);
  }

  /** The definition of any attempt: they differ in the attempt number only. */
  get anyDefinition(): TaskDefinition | undefined {
    let found: TaskDefinition | undefined;
    for (const attempt of this.attempts) {
      if (!attempt.closed && attempt.definition !== undefined && (found === undefined || attempt.definition.attempt < found.attempt)) {
        found = attempt.definition;
      }
    }
    return found ?? this.keptDefinition;
  }

  /** Kept from a closed creation attempt, because restarted ones come without. */
  keptDefinition: TaskDefinition | undefined;
}

export class Job {
  readonly id: string;
  readonly session: Session;
  definition: JobDefinition | undefined;
  transitions: StateTransition[] = [];
  driverSeen = false;
  driverTransitions: StateTransition[] = [];
  driverError: TaskError | undefined;
  profile: (ProfileEntry & { readonly taskId?: string; readonly attempt: number })[] = [];
  /** Open attempts whose id belongs to this job. */
  readonly own = new Set<Attempt>();
  /** Open attempts of other jobs' ids that stand in this job's trace. */
  readonly guests = new Set<Attempt>();
  readonly actors = new Set<Actor>();
  /** Children that were sent or folded: the job needs a span. */
  hasChildren = false;
  childrenStartNs: TimeNs | undefined;
  childrenEndNs: TimeNs | undefined;
  readonly firstSeenMs: number;
  endMs: number | undefined;
  closed = false;
  /** Set with the first span that was sent: from then on the trace id can't change. */
  trace: JobTraceRef | undefined;
  finished = 0;
  failed = 0;
  unfinished = 0;
  attemptCount = 0;
  actorCount = 0;
  dueMs = Number.POSITIVE_INFINITY;
  readonly account: TraceAccount;

  constructor(session: Session, id: string, account: TraceAccount, nowMs: number) {
    this.session = session;
    this.id = id;
    this.account = account;
    this.firstSeenMs = nowMs;
  }

  get hasContent(): boolean {
    return this.hasChildren || this.driverSeen || this.definition !== undefined || this.transitions.length > 0 || this.profile.length > 0;
  }
}

export class Actor {
  readonly id: string;
  readonly session: Session;
  definition: ActorDefinition | undefined;
  transitions: ActorTransition[] = [];
  /** From definitions of its tasks, for releases that send no actor events. */
  className: string | undefined;
  moduleName: string | undefined;
  detachedByTask = false;
  tasksStartNs: TimeNs | undefined;
  tasksEndNs: TimeNs | undefined;
  deadMs: number | undefined;
  dueMs = Number.POSITIVE_INFINITY;
  closed = false;

  constructor(session: Session, id: string) {
    this.session = session;
    this.id = id;
  }

  get isDetached(): boolean {
    return this.definition?.isDetached ?? this.detachedByTask;
  }

  get jobId(): string {
    return jobIdOf(this.id);
  }
}

/** What Ray tells of by a definition and transitions. */
class Entity<Definition, Transition> {
  readonly id: string;
  readonly session: Session;
  definition: Definition | undefined;
  transitions: Transition[] = [];
  dueMs = Number.POSITIVE_INFINITY;
  closed = false;

  constructor(session: Session, id: string) {
    this.session = session;
    this.id = id;
  }

  /** Ray told of it itself; else it is only named by something else. */
  get seen(): boolean {
    return this.definition !== undefined || this.transitions.length > 0;
  }
}

/** Attempts run on it, and end with it. */
class Machine<Definition, Transition> extends Entity<Definition, Transition> {
  /** Open ones. */
  readonly attempts = new Set<Attempt>();
  deadMs: number | undefined;
}

export class NodeRecord extends Machine<NodeDefinition, NodeTransition> {
  readonly kind = 'node';
}

export class WorkerRecord extends Machine<WorkerDefinition, WorkerTransition> {
  readonly kind = 'worker';
  jobId: string | undefined;
}

export class PlacementGroup extends Entity<PlacementGroupDefinition, PlacementGroupLifecycle['transitions'][number]> {}

export class SubmissionJob extends Entity<SubmissionJobDefinition, SubmissionJobLifecycle['transitions'][number]> {}

export class Point {
  readonly session: Session;
  readonly point: ClusterPoint;
  dueMs = Number.POSITIVE_INFINITY;
  closed = false;

  constructor(session: Session, point: ClusterPoint) {
    this.session = session;
    this.point = point;
  }
}

export class Session {
  readonly name: string;
  readonly jobs = new Map<string, Job>();
  readonly tasks = new Map<string, Task>();
  readonly actors = new Map<string, Actor>();
  readonly nodes = new Map<string, NodeRecord>();
  readonly workers = new Map<string, WorkerRecord>();
  readonly placementGroups = new Map<string, PlacementGroup>();
  readonly submissionJobs = new Map<string, SubmissionJob>();
  readonly points = new Map<string, Point>();
  readonly firstSeenMs: number;
  lastSeenMs: number;
  firstNs: TimeNs | undefined;
  lastNs: TimeNs | undefined;
  /** Workers of this session send profile events: wait for them before an attempt is finished. */
  sendsProfiles = false;
  sendsActors = false;
  sendsJobs = false;
  /** Something stands in the session's trace: it needs a root. */
  hasContent = false;
  closed = false;
  dueMs = Number.POSITIVE_INFINITY;
  readonly account: TraceAccount;

  constructor(name: string, account: TraceAccount, nowMs: number) {
    this.name = name;
    this.account = account;
    this.firstSeenMs = nowMs;
    this.lastSeenMs = nowMs;
  }
}

/** What becomes due at a time. */
export type Timed = Attempt | Job | Actor | NodeRecord | WorkerRecord | PlacementGroup | SubmissionJob | Point | Session;
