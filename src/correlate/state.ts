import { TraceAccount } from './account.ts';
import type { Cost } from './account.ts';
import { CallerChain } from './caller-chain.ts';
import { DueQueue } from './due-queue.ts';
import { compareTimed } from './due-order.ts';
import type { StateTransition } from '../event/index.ts';
import type { LeftOut } from './left-out.ts';
import type { AttemptLifecycle, EndInferred, Lifecycle } from './lifecycle.ts';
import { hasOpenAttempts } from './open-attempts.ts';
import { ownText } from './own-text.ts';
import { SharedDefinitions } from './definitions.ts';
import { Actor, Attempt, Job, NodeRecord, PlacementGroup, Session, SubmissionJob, Task, type Timed, WorkerRecord } from './records.ts';
import { Tombstones } from './tombstones.ts';
import { addTransitions } from './transitions.ts';

/** Times in milliseconds. */
export interface CorrelateOptions {
  /** Wait after a terminal state for what is still on its way. Default 5 s. */
  readonly settleMs: number;
  /** Wait after a job's end before what is open of it is closed. Default 15 s, as Ray's own `gcs_mark_task_failed_on_job_done_delay_ms`. */
  readonly jobEndDelayMs: number;
  /** A session from which nothing came for so long is over. Default 1 h. */
  readonly orphanTimeoutMs: number;
  /** Budget of one trace, 0 for none. Defaults 10,000 spans and 4,500,000 bytes of OTLP protobuf. */
  readonly maxSpansPerTrace: number;
  readonly maxBytesPerTrace: number;
  /** `tree`: under the attempt of the parent task; `flat`: all tasks under the job. Default `tree`. */
  readonly nesting: 'tree' | 'flat';
  /** An attempt that took as long is kept when a job asks for `ray_otel.detail` = `slow`. Default 1 s. */
  readonly slowMs: number;
  /**
   * What is told early of what is still open, as a mark under the span that is to come: nothing; each job, detached actor and
   * session (`jobs`); and each attempt that runs (`running`). Default `off`.
   */
  readonly inFlight: 'off' | 'jobs' | 'running';
  /** How long it must have been open before its mark. Default 10 s. */
  readonly inFlightAfterMs: number;
  /** Attempts, open or closed, that are remembered; the oldest closed ones are forgotten first. Default 1,000,000. */
  readonly maxTombstones: number;
  /** What a lifecycle takes of its trace. */
  readonly measure: (lifecycle: Lifecycle) => Cost;
  /** Hears of each attempt that is finished and was folded: it is not handed out. Default: nobody does. */
  readonly onFolded?: (lifecycle: AttemptLifecycle) => void;
}

export const CORRELATE_DEFAULTS = {
  settleMs: 5_000,
  jobEndDelayMs: 15_000,
  orphanTimeoutMs: 3_600_000,
  maxSpansPerTrace: 10_000,
  maxBytesPerTrace: 4_500_000,
  nesting: 'tree',
  slowMs: 1_000,
  inFlight: 'off',
  inFlightAfterMs: 10_000,
  maxTombstones: 1_000_000,
} as const satisfies Partial<CorrelateOptions>;

/** Records of one kind in one session that are remembered; beyond it the oldest closed ones are forgotten. */
const RECORDS_MAX = 100_000;
const EVICTION_SCAN_MAX = 100;

/** `late`: what an event tells came after its span was sent. */
export type Applied = 'applied' | 'late';

/** Everything that the correlator knows. */
export class State {
  options: CorrelateOptions;
  readonly sessions = new Map<string, Session>();
  readonly due = new DueQueue<Timed>(compareTimed);
  /** Where time stands, in milliseconds on the caller's clock: never runs backwards. */
  nowMs = 0;
  /** Tasks with closed attempts only, oldest first, so that the oldest are forgotten first. */
  readonly tombstones = new Tombstones();
  readonly definitions = new SharedDefinitions();
  #sessionNumbers = 0;
  #lastSession: Session | undefined;
  openAttempts = 0;
  /** Jobs, actors, nodes, workers, placement groups, submission jobs and sessions. */
  otherRecords = 0;
  late = 0;
  foldedAttempts = 0;
  /** Transitions between the first and the last ones of entities with too many. */
  leftOutStates = 0;
  readonly inferredEnds: Record<EndInferred, number> = {
    profile: 0,
    actor_alive: 0,
    actor_died: 0,
    worker_died: 0,
    node_died: 0,
    job_finished: 0,
    silence: 0,
  };

  constructor(options: CorrelateOptions) {
    this.options = options;
  }

  session(name: string, nowMs: number): Session {
    // Nearly all events are of one session: comparing two texts is cheaper than hashing one.
    if (this.#lastSession?.name === name) return this.#lastSession;
    let session = this.sessions.get(name);
    if (session === undefined) {
      session = this.addSession(name, new TraceAccount({ kind: 'session' }, this.#traceLimits), nowMs);
    }
    this.#lastSession = session;
    return session;
  }

  addSession(name: string, account: TraceAccount, nowMs: number): Session {
    this.#sessionNumbers += 1;
    const session = new Session(name, this.#sessionNumbers, account, this.tombstones, nowMs);
    this.sessions.set(name, session);
    this.otherRecords += 1;
    return session;
  }

  job(session: Session, id: string, nowMs: number): Job {
    return (
      session.jobs.get(id) ??
      this.#added(session.jobs, new Job(session, id, new TraceAccount({ kind: 'job', id }, this.#traceLimits), nowMs))
    );
  }

  /** The open attempt of this number, made when it is new; undefined when it is closed already. */
  attempt(session: Session, taskId: string, number: number, nowMs: number): Attempt | undefined {
    const task = session.tasks.get(taskId) ?? this.#newTask(session, taskId, number);
    if (task === undefined) return undefined;
    const known = task.find(number);
    if (known !== undefined) return known.closed ? undefined : known;
    const attempt = new Attempt(task, number, nowMs);
    if (!task.hasOpen) this.tombstones.giveUp(task);
    task.add(attempt);
    this.openAttempts += 1;
    this.list(attempt);
    return attempt;
  }

  /** Adds a new attempt to the list of the job in whose trace it stands, unless a chain of callers lists its task. */
  list(attempt: Attempt): void {
    const { task, firstSeenMs } = attempt;
    const { session, trace } = task;
    // The job of its id is known from now on, even where the attempt stands in another job's trace.
    const own = this.job(session, task.ownJobId, firstSeenMs);
    if (trace instanceof CallerChain) return;
    (typeof trace === 'string' && trace !== own.id ? this.job(session, trace, firstSeenMs) : own).open.add(attempt);
  }

  /** Undefined when the attempt is closed already: its tombstone tells. */
  #newTask(session: Session, id: string, number: number): Task | undefined {
    const buried = this.tombstones.find(session, id);
    if (buried?.find(number) !== undefined) return undefined;
    const own = ownText(id);
    const task = (buried === undefined ? undefined : this.tombstones.take(session, own)) ?? new Task(session, own);
    session.tasks.set(task.id, task);
    return task;
  }

  actor(session: Session, id: string, nowMs: number): Actor {
    const known = session.actors.get(id);
    if (known !== undefined) return known;
    const actor = new Actor(session, id);
    this.job(session, actor.jobId, nowMs).actors.add(actor);
    return this.#added(session.actors, actor);
  }

  node(session: Session, id: string): NodeRecord {
    return session.nodes.get(id) ?? this.#added(session.nodes, new NodeRecord(session, id));
  }

  worker(session: Session, id: string): WorkerRecord {
    return session.workers.get(id) ?? this.#added(session.workers, new WorkerRecord(session, id));
  }

  placementGroup(session: Session, id: string): PlacementGroup {
    return session.placementGroups.get(id) ?? this.#added(session.placementGroups, new PlacementGroup(session, id));
  }

  submissionJob(session: Session, id: string): SubmissionJob {
    return session.submissionJobs.get(id) ?? this.#added(session.submissionJobs, new SubmissionJob(session, id));
  }

  /** Everything of a session, tombstones and all. */
  forgetSession(session: Session): void {
    const { jobs, actors, nodes, workers, placementGroups, submissionJobs } = session;
    this.tombstones.forgetSession(session);
    for (const records of [jobs, actors, nodes, workers, placementGroups, submissionJobs]) this.otherRecords -= records.size;
    this.sessions.delete(session.name);
    this.#lastSession = undefined;
    this.otherRecords -= 1;
  }

  /** A new record; the oldest closed one gives way when there are too many. */
  #added<Kind extends { readonly id: string; readonly closed: boolean }>(records: Map<string, Kind>, record: Kind): Kind {
    records.set(record.id, record);
    this.otherRecords += evictClosed(records) ? 0 : 1;
    return record;
  }

  /** Adds the transitions of an entity that are new. */
  addTransitions<T extends StateTransition>(
    record: { readonly transitions: T[]; leftOut: LeftOut | undefined },
    added: readonly T[],
  ): void {
    const before = record.leftOut?.count ?? 0;
    record.leftOut = addTransitions(record.transitions, added, record.leftOut);
    this.leftOutStates += (record.leftOut?.count ?? 0) - before;
  }

  /** Puts a record where the clock finds it, not before the present; an earlier place is found again, and skipped. */
  schedule(record: Timed, wantedMs: number): void {
    const dueMs = Math.max(wantedMs, this.nowMs);
    if (record.dueMs === dueMs) return;
    record.dueMs = dueMs;
    if (Number.isFinite(dueMs)) this.due.push(dueMs, record);
  }

  get #traceLimits(): { readonly maxSpans: number; readonly maxBytes: number } {
    return { maxSpans: this.options.maxSpansPerTrace, maxBytes: this.options.maxBytesPerTrace };
  }
}

/** True when one was forgotten. */
function evictClosed(records: Map<string, { readonly closed: boolean }>): boolean {
  if (records.size <= RECORDS_MAX) return false;
  let scanned = 0;
  for (const [id, record] of records) {
    if (record.closed && !(record instanceof Job && hasOpenAttempts(record))) return records.delete(id);
    scanned += 1;
    if (scanned >= EVICTION_SCAN_MAX) break;
  }
  return false;
}
