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
  TaskError,
  TimeNs,
  WorkerDefinition,
  WorkerTransition,
} from '../event/index.ts';
import type { TraceAccount } from './account.ts';
import type { Attempt, Task } from './attempt.ts';
import type { JobTraceRef } from './lifecycle.ts';
import { driverTaskOf, jobIdOf } from './ray-ids.ts';
import type { Tombstones } from './tombstones.ts';
import { type Where, Wheres } from './where.ts';

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
  #driverTaskId: string | undefined;

  constructor(session: Session, id: string, account: TraceAccount, nowMs: number) {
    this.session = session;
    this.id = id;
    this.account = account;
    this.firstSeenMs = nowMs;
  }

  get driverTaskId(): string {
    return (this.#driverTaskId ??= driverTaskOf(this.id));
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
  /** What open attempts share that run on it. */
  readonly wheres = new Set<Where>();
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
  /** Its number in this process. */
  readonly number: number;
  readonly jobs = new Map<string, Job>();
  /** Those that are open, and those of which a tombstone can't tell everything. */
  readonly tasks = new Map<string, Task>();
  readonly actors = new Map<string, Actor>();
  readonly nodes = new Map<string, NodeRecord>();
  readonly workers = new Map<string, WorkerRecord>();
  readonly placementGroups = new Map<string, PlacementGroup>();
  readonly submissionJobs = new Map<string, SubmissionJob>();
  readonly points = new Map<string, Point>();
  readonly wheres = new Wheres();
  readonly #tombstones: Tombstones;
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

  constructor(name: string, number: number, account: TraceAccount, tombstones: Tombstones, nowMs: number) {
    this.name = name;
    this.number = number;
    this.account = account;
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
