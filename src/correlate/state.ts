import { TraceBudget, type TraceLimits } from './budget/budget.ts';
import { AgingList } from './compact/aging-list.ts';
import { addEntries } from './compact/attempt-states.ts';
import { type ClusterKind, CLUSTER_KINDS } from './entities/cluster-kinds.ts';
import { CallerChain, FinalTrace } from './callers/caller-chain.ts';
import type { StateOptions } from './correlate-options.ts';
import { DueQueue } from './due/due-queue.ts';
import { compareTimed } from './due/due-order.ts';
import type { StateTransition } from '../event/index.ts';
import { HeldBytes } from './compact/held.ts';
import type { LeftOut } from './compact/left-out.ts';
import type { EndInferred } from './finished.ts';
import { OrdinaryTasks } from './finish/outlives.ts';
import { compactString } from './compact/compact-string.ts';
import { SharedDefinitions } from './compact/definitions.ts';
import type { LazyMap } from './compact/lazy-collections.ts';
import { Actor, type AgingRecord, Attempt, Job, Point, Session, Task, type Timed } from './entities/entities.ts';
import type { Watcher } from './read-model.ts';
import { Sweeps } from './due/sweeps.ts';
import { Threads } from './callers/threads.ts';
import { MAX_ROW_DEPTH, Tombstones } from './compact/tombstones.ts';
import { addTransitions } from './states/transitions.ts';
import { ReceiveTime } from './finish/trusted-time.ts';

/** Bytes of closed records that are remembered; beyond it the oldest are forgotten. */
const MAX_AGING_BYTES = 64 * 1024 * 1024;
/** Records that are looked at to make room for another one. */
const MAX_LOOKS = 8;

/** Places in the queue of what is due that are looked through for those that count no more, when there are so many and twice as many as then. */
const MIN_SWEPT = 10_000;

/** `late`: the event came after the span of its subject was sent. */
export type Applied = 'applied' | 'late';

/** What was taken for a thread's profile is the attempt's. */
function takeFromThread({ held }: State, attempt: Attempt): void {
  const { task, number } = attempt;
  const { id, session, ownJobId } = task;
  const part = session.threads?.take(id, number);
  if (part === undefined) return;
  const { writableRareFields: rareFields } = attempt;
  rareFields.submitsStartNs = part.submitsStartNs;
  rareFields.submitsEndNs = part.submitsEndNs;
  const job = session.jobs.get(ownJobId);
  if (!part.hasEntries || job === undefined) return;
  const isOwn = (entry: Job['profile'][number]): boolean => entry.taskId === id && entry.attempt === number;
  addEntries(
    rareFields,
    job.profile.filter(isOwn).map(({ taskId: _taskId, attempt: _attempt, ...entry }) => entry),
  );
  job.profile = job.profile.filter((entry) => !isOwn(entry));
  rareFields.seen ||= rareFields.profile.length > 0;
  held.attemptGrew(attempt, 0);
  held.measure(job);
}

/** Everything that the correlator knows. */
export class State {
  options: StateOptions;
  /** Undefined while nobody reads along. */
  watcher: Watcher | undefined;
  readonly sessions = new Map<string, Session>();
  /** Sessions by their last event, without those that give way. */
  readonly recent = new AgingList<Session>();
  readonly due = new DueQueue<Timed>(compareTimed);
  readonly sweeps = new Sweeps();
  /** Where time stands, in milliseconds on the caller's clock: never runs backwards. */
  nowMs = 0;
  /** Of the event that is applied. */
  received = new ReceiveTime();
  /** Tasks with closed attempts only, oldest first, so that the oldest are forgotten first. */
  readonly tombstones = new Tombstones();
  readonly definitions = new SharedDefinitions();
  readonly ordinary = new OrdinaryTasks();
  #sweepDueAt = MIN_SWEPT;
  #sessionNumbers = 0;
  #lastSession: Session | undefined;
  openAttempts = 0;
  /** Jobs, actors, nodes, workers, placement groups, submission jobs and points. */
  otherRecords = 0;
  /** Those of them that nothing needs: closed ones, and machines that events only named. */
  readonly aging = new AgingList<AgingRecord>();
  readonly held = new HeldBytes();
  /** Closed points, reduced to their names. They are many and must not push out the other closed things. */
  readonly agingPoints = new AgingList<AgingRecord>();
  openJobs = 0;
  forgottenRecords = 0;
  forgottenSessions = 0;
  late = 0;
  rolledUpAttempts = 0;
  /** Attempts of all traces that are held back. */
  heldBack = 0;
  /** Transitions between the first and the last ones of entities with too many. */
  leftOutStates = 0;
  readonly inferredEnds: Record<EndInferred, number> = {
    profile: 0,
    actor_alive: 0,
    actor_died: 0,
    worker_died: 0,
    node_died: 0,
    job_finished: 0,
    last_state: 0,
    silence: 0,
  };

  constructor(options: StateOptions) {
    this.options = options;
  }

  session(name: string, nowMs: number): Session {
    // Nearly all events are of one session: comparing two texts is cheaper than hashing one.
    if (this.#lastSession?.name === name) return this.#lastSession;
    let session = this.sessions.get(name);
    if (session === undefined) {
      session = this.addSession(name, new TraceBudget({ kind: 'session' }, this.#traceLimits), nowMs);
      if (this.sessions.size > this.options.maxSessions) this.#makeRoomForSession();
    }
    this.#lastSession = session;
    return session;
  }

  addSession(name: string, budget: TraceBudget, nowMs: number): Session {
    this.#sessionNumbers += 1;
    const session = new Session(name, this.#sessionNumbers, budget, this.tombstones, nowMs);
    this.sessions.set(name, session);
    this.recent.add(session);
    return session;
  }

  /** To be called for an event of a session that is later than its last one. */
  touch(session: Session, nowMs: number): void {
    session.lastSeenMs = Math.max(session.lastSeenMs, nowMs);
    session.isOver = false;
    session.givesWay = false;
    session.sweeps = undefined;
    this.recent.add(session);
  }

  /** The session that was silent longest gives way: at once where all of it is closed, else as soon as that is done. */
  #makeRoomForSession(): void {
    const { oldest } = this.recent;
    if (oldest === undefined) return;
    this.forgottenSessions += 1;
    if (oldest.isOver) return this.forgetSession(oldest);
    this.recent.remove(oldest);
    oldest.givesWay = true;
    this.schedule(oldest, this.nowMs);
  }

  job(session: Session, id: string, nowMs: number): Job {
    return session.jobs.get(id) ?? this.addRecord(session.jobs, new Job(session, id, this.#traceLimits, nowMs));
  }

  /** The open attempt of this number, made when it is new; undefined when it is closed already. */
  attempt(session: Session, taskId: string, number: number, nowMs: number): Attempt | undefined {
    const task = session.tasks.get(taskId) ?? this.#newTask(session, taskId, number);
    if (task === undefined) return undefined;
    const known = task.find(number);
    if (known !== undefined) return known.closed ? undefined : known;
    const attempt = new Attempt(task, number, nowMs);
    const kept = task.hasOpen ? task.keptDefinition : undefined;
    if (!task.hasOpen) this.tombstones.release(task);
    task.add(attempt);
    this.held.replaceFacts(kept, task.keptDefinition);
    takeFromThread(this, attempt);
    this.openAttempts += 1;
    this.list(attempt);
    return attempt;
  }

  /** Adds a new attempt to the list of the job in whose trace it stands, unless a chain of callers lists its task. */
  list(attempt: Attempt): void {
    const { task, firstSeenMs } = attempt;
    const { session, trace } = task;
    // The job in its id is known from now on, even if the attempt belongs to another job's trace.
    const own = this.job(session, task.ownJobId, firstSeenMs);
    if (trace instanceof CallerChain) return;
    (trace instanceof FinalTrace ? this.job(session, trace.jobId, firstSeenMs) : own).open.add(attempt);
  }

  /** Undefined if the attempt is closed already, by its tombstone. */
  #newTask(session: Session, id: string, number: number): Task | undefined {
    const buried = this.tombstones.find(session, id);
    if (buried?.find(number) !== undefined) return undefined;
    const own = compactString(id);
    const task = (buried === undefined ? undefined : this.tombstones.take(session, own)) ?? new Task(session, own);
    session.tasks.set(task.id, task);
    return task;
  }

  actor(session: Session, id: string, nowMs: number): Actor {
    const known = session.actors.get(id);
    if (known !== undefined) return known;
    const actor = new Actor(session, id);
    this.job(session, actor.jobId, nowMs).actors.add(actor);
    return this.addRecord(session.actors, actor);
  }

  /** An entity of the session's own trace. One that was only named is forgotten first. */
  clusterEntity<Entity extends AgingRecord>(kind: ClusterKind<Entity>, session: Session, id: string): Entity {
    const known = kind.of(session);
    return known.get(id) ?? this.#named(known, kind.create(session, id));
  }

  newThreads(): Threads {
    return new Threads((change) => this.held.grow(change));
  }

  /** Everything of a session, tombstones and all. */
  forgetSession(session: Session): void {
    session.threads?.forgetAll();
    this.tombstones.forgetSession(session);
    this.ordinary.forget(session);
    this.sweeps.add(this.#forgetRecords(session));
    session.dueMs = Number.POSITIVE_INFINITY;
    this.sessions.delete(session.name);
    this.recent.remove(session);
    this.#lastSession = undefined;
  }

  *#forgetRecords(session: Session): Generator<void> {
    for (const record of recordsOf(session)) yield this.#countForgotten(record);
  }

  addRecord<Kind extends AgingRecord>(records: LazyMap<string, Kind>, record: Kind): Kind {
    records.set(record.id, record);
    this.otherRecords += 1;
    if (record instanceof Job && !record.closed) this.openJobs += 1;
    return record;
  }

  /** A node or worker that other events only name so far. */
  #named<Kind extends AgingRecord>(records: LazyMap<string, Kind>, record: Kind): Kind {
    this.letAge(this.addRecord(records, record));
    return record;
  }

  /** To be called when a record is closed. */
  close(record: AgingRecord): void {
    if (record instanceof Job && !record.closed) this.openJobs -= 1;
    this.held.remove(record);
    record.closed = true;
    this.held.add(record);
    this.schedule(record, Number.POSITIVE_INFINITY);
    this.letAge(record);
  }

  /** Remembers a record that nothing needs, as long as there is room for it. */
  letAge(record: AgingRecord): void {
    const aging = this.#agingOf(record);
    aging.add(record);
    const isFull = (): boolean => aging.size > this.options.maxAgingRecords || this.held.aging > MAX_AGING_BYTES;
    for (let looks = 0; looks < MAX_LOOKS && isFull(); looks += 1) {
      const { oldest } = aging;
      if (oldest === undefined || oldest === record) return;
      if (oldest.isNeeded) aging.add(oldest);
      else this.#forget(oldest);
    }
  }

  #forget(record: AgingRecord): void {
    this.forgottenRecords += 1;
    this.#countForgotten(record);
    const { session, id } = record;
    mapOf(record).delete(id);
    if (record instanceof Actor) session.jobs.get(record.jobId)?.actors.delete(record);
  }

  #countForgotten(record: AgingRecord): void {
    this.otherRecords -= 1;
    this.held.remove(record);
    // It may be scheduled still.
    record.dueMs = Number.POSITIVE_INFINITY;
    if (record instanceof Job && !record.closed) this.openJobs -= 1;
    this.#agingOf(record).remove(record);
  }

  /** As it was listed by a former process. */
  listAging(record: AgingRecord): void {
    this.#agingOf(record).add(record);
  }

  #agingOf(record: AgingRecord): AgingList<AgingRecord> {
    return record instanceof Point ? this.agingPoints : this.aging;
  }

  /** Records that something needs. */
  get openRecords(): number {
    return this.otherRecords - this.aging.size - this.agingPoints.size;
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
    if (!Number.isFinite(dueMs)) return;
    this.due.push(dueMs, record);
    if (this.due.size > this.#sweepDueAt) this.#sweepDue();
  }

  /** Earlier places of records hold on to them, also to those that were forgotten. */
  #sweepDue(): void {
    this.due.keep((record, dueMs) => record.dueMs === dueMs);
    this.#sweepDueAt = 2 * this.due.size + MIN_SWEPT;
  }

  /** Depths from here on count as equal: one more than a trace may have. */
  get depthLimit(): number {
    return Math.min(this.options.maxDepth + 1, MAX_ROW_DEPTH);
  }

  get #traceLimits(): TraceLimits {
    const { maxSpansPerTrace, maxBytesPerTrace, slowestPerFunction } = this.options;
    return { maxSpans: maxSpansPerTrace, maxBytes: maxBytesPerTrace, slowest: slowestPerFunction };
  }
}

/** What a session has, without attempts. */
export function* recordsOf({ jobs, actors, nodes, workers, placementGroups, submissionJobs, points }: Session): Generator<AgingRecord> {
  for (const records of [jobs, actors, nodes, workers, placementGroups, submissionJobs, points]) yield* records.values();
}

function mapOf(record: AgingRecord): Pick<LazyMap<string, AgingRecord>, 'delete'> {
  const { session } = record;
  if (record instanceof Job) return session.jobs;
  if (record instanceof Actor) return session.actors;
  return record instanceof Point ? session.points : CLUSTER_KINDS[record.kind].of(session);
}
