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
import type { CallerChain, LOOP } from './caller-chain.ts';
import { oneOfFacts, type TaskFacts } from './definitions.ts';
import type { DueQueue } from './due-queue.ts';
import { Extra, NO_EXTRA } from './extra.ts';
import type { FoldNode } from './fold.ts';
import type { AttemptOutcome, JobTraceRef } from './lifecycle.ts';
import type { LeftOut } from './left-out.ts';
import type { PlaceFacts } from './place-facts.ts';
import { NO_STATES, type PackedStates, unpackStates } from './packed-states.ts';
import { ownText } from './own-text.ts';
import { actorIdOf, driverTaskOf, jobIdOf } from './ray-ids.ts';
import { SeveralAttempts } from './several-attempts.ts';

/** Where attempts run of which the same is told: one object for all of them, which does not change. */
export class Where implements PlaceFacts {
  readonly submittedNodeId: string | undefined;
  readonly executorNodeId: string | undefined;
  readonly workerId: string | undefined;
  readonly workerPid: number | undefined;
  readonly nodeIpAddress: string | undefined;
  /** The worker and the node, as far as they are known. They list it, for when they die. */
  readonly places: readonly (NodeRecord | WorkerRecord)[];
  /** Open ones; none of an attempt of which nothing is told. */
  readonly attempts = new Set<Attempt>();

  constructor(facts: PlaceFacts, places: readonly (NodeRecord | WorkerRecord)[]) {
    this.submittedNodeId = ownId(facts.submittedNodeId);
    this.executorNodeId = ownId(facts.executorNodeId);
    this.workerId = ownId(facts.workerId);
    this.workerPid = facts.workerPid;
    this.nodeIpAddress = facts.nodeIpAddress;
    this.places = places;
  }

  /** Its places know of it. */
  list(): void {
    for (const place of this.places) place.wheres.add(this);
  }

  /** The node that is most sure. */
  get nodeId(): string | undefined {
    return this.executorNodeId ?? this.submittedNodeId;
  }
}

function ownId(id: string | undefined): string | undefined {
  return id === undefined ? undefined : ownText(id);
}

/** Of an attempt of which nothing is told. */
export const NOWHERE = new Where({}, []);

/**
 * One try at a task, while it is not finished. A million of them are open at once: what most have is packed or shared, and what few have, or all
 * have only shortly before their end, is in one object more.
 */
export class Attempt {
  readonly task: Task;
  readonly number: number;
  /** When it was first heard of, counted from its session's beginning: a small number, which takes no object of its own. */
  readonly #sinceMs: number;
  definition: TaskFacts | undefined;
  states: PackedStates = NO_STATES;
  where: Where = NOWHERE;
  #extra: Extra | undefined;

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
    return this.extra.transitions ?? unpackStates(this.states);
  }

  /** To be read. */
  get extra(): Readonly<Extra> {
    return this.#extra ?? NO_EXTRA;
  }

  /** To be written. */
  get ownExtra(): Extra {
    return (this.#extra ??= new Extra());
  }

  get hasExtra(): boolean {
    return this.#extra !== undefined;
  }

  get dueMs(): number {
    return this.#extra === undefined ? Number.POSITIVE_INFINITY : this.#extra.dueMs;
  }

  set dueMs(dueMs: number) {
    if (dueMs !== this.dueMs) this.ownExtra.dueMs = dueMs;
  }

  get seen(): boolean {
    return this.states !== NO_STATES || this.definition !== undefined || this.extra.seen;
  }
}

/** What stays of an attempt when its span was sent. */
export interface ClosedAttempt {
  readonly closed: true;
  readonly number: number;
  /** When it began to run, so that later children find the attempt that submitted them. */
  readonly runningNs: TimeNs;
  readonly outcome: AttemptOutcome;
  /** Where it was folded to, if it has no span of its own. */
  readonly fold: FoldNode | undefined;
}

/** A task with an attempt that is open, or with more to remember of its closed ones than a tombstone holds. */
export class Task {
  readonly id: string;
  readonly session: Session;
  /** Who called it, once a definition named it. */
  parentTaskId: string | undefined;
  /**
   * The job in whose trace it stands, once no later event can change that. Until then the chain of callers that it belongs to,
   * or undefined where nothing is known of its caller.
   */
  trace: string | CallerChain<Job, Task> | typeof LOOP | undefined;
  /**
   * A definition of one of its attempts, for those whose own one was lost: attempts differ in their number only. Kept of a task
   * with several attempts while one is open, and of a creation also afterwards, because restarted ones come without.
   */
  keptDefinition: TaskFacts | undefined;
  /** Its row among the tombstones, once every attempt is closed. */
  tombstone: number | undefined;
  /** The one attempt that nearly all have. */
  #attempts: Attempt | ClosedAttempt | SeveralAttempts<Attempt, ClosedAttempt> | undefined;

  constructor(session: Session, id: string) {
    this.session = session;
    this.id = id;
  }

  get ownJobId(): string {
    return jobIdOf(this.id);
  }

  get actorId(): string | undefined {
    return actorIdOf(this.id);
  }

  /** In the order in which events named them. */
  get attempts(): Iterable<Attempt | ClosedAttempt> {
    if (this.#attempts instanceof SeveralAttempts) return this.#attempts.values();
    return this.#attempts === undefined ? [] : [this.#attempts];
  }

  get attemptCount(): number {
    if (this.#attempts instanceof SeveralAttempts) return this.#attempts.size;
    return this.#attempts === undefined ? 0 : 1;
  }

  get closedCount(): number {
    if (this.#attempts instanceof SeveralAttempts) return this.#attempts.size - this.#attempts.open;
    return this.#attempts?.closed === true ? 1 : 0;
  }

  *openAttempts(): Generator<Attempt> {
    for (const attempt of this.attempts) if (!attempt.closed) yield attempt;
  }

  get hasOpen(): boolean {
    return this.#attempts instanceof SeveralAttempts ? this.#attempts.open > 0 : this.#attempts?.closed === false;
  }

  /** The closed attempt with the highest number. */
  get lastClosed(): ClosedAttempt | undefined {
    if (this.#attempts instanceof SeveralAttempts) return this.#attempts.lastClosed;
    return this.#attempts?.closed === true ? this.#attempts : undefined;
  }

  find(number: number): Attempt | ClosedAttempt | undefined {
    if (this.#attempts instanceof SeveralAttempts) return this.#attempts.find(number);
    return this.#attempts?.number === number ? this.#attempts : undefined;
  }

  add(attempt: Attempt | ClosedAttempt): void {
    if (this.#attempts === undefined) {
      this.#attempts = attempt;
      return;
    }
    if (!(this.#attempts instanceof SeveralAttempts)) {
      const first = this.#attempts;
      this.#attempts = new SeveralAttempts();
      this.add(first);
    }
    if (attempt.closed) this.#attempts.addClosed(attempt);
    else this.#attempts.addOpen(attempt);
    if (!attempt.closed && attempt.definition !== undefined) this.keepDefinition(attempt.definition);
  }

  replace(closed: ClosedAttempt): void {
    if (this.#attempts instanceof SeveralAttempts) this.#attempts.close(closed);
    else this.#attempts = closed;
    this.noteRun(closed);
  }

  /** Of two definitions always the same one is kept, whichever came first. */
  keepDefinition(definition: TaskFacts): void {
    this.keptDefinition = oneOfFacts(this.keptDefinition, definition);
  }

  /** To be called for each new definition of an open attempt. */
  noteDefinition(definition: TaskFacts): void {
    if (this.#attempts instanceof SeveralAttempts) this.keepDefinition(definition);
  }

  /** To be called when the states of an attempt changed. */
  noteRun(attempt: Attempt | ClosedAttempt): void {
    if (this.#attempts instanceof SeveralAttempts) this.#attempts.noteRun(attempt, runningNs);
  }

  /** The attempt that ran at `atNs`, as far as is known; else the first one. */
  runningAt(atNs: TimeNs): Attempt | ClosedAttempt | undefined {
    return this.#attempts instanceof SeveralAttempts ? this.#attempts.runningAt(atNs, runningNs) : this.#attempts;
  }

  /** Makes room where the attempts of one task are all that is remembered. */
  forgetOldestClosed(): boolean {
    return this.#attempts instanceof SeveralAttempts && this.#attempts.forgetOldestClosed();
  }
}

/** When an attempt began to run: RUNNING, else the nearest that is known. */
export function runningNs(attempt: Attempt | ClosedAttempt): TimeNs | undefined {
  if (attempt.closed) return attempt.runningNs;
  let running: TimeNs | undefined;
  let submitted: TimeNs | undefined;
  let first: TimeNs | undefined;
  for (const { state, timeNs } of attempt.transitions) {
    if (state === 'RUNNING' && (running === undefined || timeNs < running)) running = timeNs;
    if (state === 'SUBMITTED_TO_WORKER' && (submitted === undefined || timeNs < submitted)) submitted = timeNs;
    if (first === undefined || timeNs < first) first = timeNs;
  }
  return running ?? submitted ?? first;
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
  driverError: TaskError | undefined;
  profile: (ProfileEntry & { readonly taskId?: string; readonly attempt: number })[] = [];
  /** Open attempts that stand in this job's trace, without those of `chains`. No other job lists them. */
  readonly open = new Set<Attempt>();
  /** Chains of callers of which this job is the best guess. */
  readonly chains = new Set<CallerChain<Job, Task>>();
  readonly actors = new Set<Actor>();
  /** Children that were sent or folded: the job needs a span. */
  hasChildren = false;
  childrenStartNs: TimeNs | undefined;
  childrenEndNs: TimeNs | undefined;
  readonly firstSeenMs: number;
  endMs: number | undefined;
  closed = false;
  /** Where its span ends, once that is made, if Ray never reported an end. */
  silentNs: TimeNs | undefined;
  marked = false;
  /** One of its actors has a name that Ray reserves for itself. */
  hasRayActor = false;
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
    this.id = ownText(id);
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
  leftOut: LeftOut | undefined;
  /** From definitions of its tasks, for releases that send no actor events. */
  className: string | undefined;
  moduleName: string | undefined;
  detachedByTask = false;
  tasksStartNs: TimeNs | undefined;
  tasksEndNs: TimeNs | undefined;
  /** It was ALIVE once. */
  isPlaced = false;
  deadMs: number | undefined;
  /** Attempts that are open while it is not dead, and creations among them that wait for its next state. */
  open: Set<Attempt> | undefined;
  creations: DueQueue<Attempt> | undefined;
  dueMs = Number.POSITIVE_INFINITY;
  closed = false;
  marked = false;

  constructor(session: Session, id: string) {
    this.session = session;
    this.id = ownText(id);
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
  leftOut: LeftOut | undefined;
  dueMs = Number.POSITIVE_INFINITY;
  closed = false;

  constructor(session: Session, id: string) {
    this.session = session;
    this.id = ownText(id);
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

interface Findable {
  find(session: Session, id: string): Task | undefined;
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
  /** Chains of callers by their first task, of which no caller is known. */
  readonly chains = new Map<string, CallerChain<Job, Task>>();
  /** What open attempts share, by a key; see `where.ts`. */
  readonly wheres = new Map<string, Where>();
  sweepWheresAt = 0;
  readonly #tombstones: Findable;
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
  marked = false;
  dueMs = Number.POSITIVE_INFINITY;
  readonly account: TraceAccount;

  constructor(name: string, number: number, account: TraceAccount, tombstones: Findable, nowMs: number) {
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
