import {
  type Applied,
  type Finished,
  type FinishedAttempt,
  isDriverTask,
  isReported,
  type JobState,
  jobIdOf,
  openAttemptsOf,
  type OpenAttemptState,
  type ReadModel,
  type SessionState,
  type TaskState,
} from '../correlate/index.ts';
import type { RayEvent, StateTransition, TaskProfile } from '../event/index.ts';
import { AttemptBook } from './attempt-book.ts';
import { DEFAULT_VIEW_LIMITS, type ViewLimits } from './limits.ts';
import { JobBook } from './job-book.ts';
import { NodeView } from './node-view.ts';
import { SessionView } from './records.ts';
import { toMs } from './times.ts';

/** Counts of what the limits of the view left out since the bridge started. */
export interface LeftOut {
  readonly sessions: number;
  readonly jobs: number;
}

const NO_STATES: readonly StateTransition[] = [];

/**
 * What the live page shows: rows on top of the correlator's entities, within limits. The pump says
 * which entity an event changed, the correlator what is finished, and the API reads. The pipeline
 * never depends on it. The cost of an event does not grow with the amount of state.
 */
export class ViewModel {
  readonly limits: ViewLimits;
  readonly sessions = new Map<string, SessionView>();
  readonly attempts: AttemptBook;
  readonly #entities: ReadModel;
  readonly #jobs: JobBook;
  /** Changes with everything that a reader could see. */
  version = 0;
  #sessionsLeftOut = 0;

  constructor(entities: ReadModel, limits: Partial<ViewLimits> = {}) {
    this.#entities = entities;
    this.limits = { ...DEFAULT_VIEW_LIMITS, ...limits };
    this.attempts = new AttemptBook(this.limits, () => this.#jobs.finished);
    this.#jobs = new JobBook(this.limits, {
      forgetAttempts: (job) => this.attempts.forget(job),
      onEmpty: ({ name }) => this.sessions.delete(name),
    });
  }

  get openJobs(): number {
    return this.#jobs.open;
  }

  get leftOut(): LeftOut {
    return { sessions: this.#sessionsLeftOut, jobs: this.#jobs.leftOut };
  }

  /** Drops ended jobs that are too many or were not seen for too long. */
  prune(nowMs: number): void {
    this.#jobs.prune(nowMs);
  }

  /**
   * Shows what the correlator knows already, before any event: all that is open, and the jobs that
   * ended. Pauses after each step. `fromJournalMs` converts a time of the journal's clock to the
   * bridge's clock.
   */
  *restore(fromJournalMs: (journalMs: number) => number): Generator<void> {
    this.version += 1;
    const ended: JobState[] = [];
    for (const entity of this.#entities.sessions()) {
      const session = this.#session(entity.name, fromJournalMs(entity.firstSeenMs));
      if (session === undefined) continue;
      session.lastSeenMs = fromJournalMs(entity.lastSeenMs);
      const lastNs = entity.lastNs ?? entity.wrong?.lastNs;
      if (lastNs !== undefined) session.noteTime(toMs(lastNs), session.lastSeenMs);
      for (const job of entity.jobs.values()) if (job.closed) ended.push(job);
      yield;
    }
    // The job that ended first is dropped first.
    for (const job of ended.sort((a, b) => endedMsOf(a) - endedMsOf(b))) {
      const session = this.sessions.get(job.session.name);
      if (session !== undefined) this.#jobs.job(session, job.id, fromJournalMs(endedMsOf(job)));
      yield;
    }
    for (const session of this.sessions.values()) yield* this.#restoreOpen(session);
  }

  *#restoreOpen(session: SessionView): Generator<void> {
    const { entity, lastSeenMs } = session;
    for (const closed of [false, true]) {
      for (const node of entity.nodes.values()) {
        if (node.closed === closed && node.seen) this.#showNode(session, node.id);
        yield;
      }
    }
    for (const job of entity.jobs.values()) {
      if (!job.closed && (job.hasContent || job.closedAttempts > 0)) this.#jobs.job(session, job.id, lastSeenMs);
      yield;
    }
    for (const job of entity.jobs.values()) {
      for (const attempt of openAttemptsOf<OpenAttemptState>(job)) {
        this.#showAttempt(session, attempt, lastSeenMs, 'applied', NO_STATES, attempt.definition !== undefined);
        yield;
      }
    }
    for (const actor of entity.actors.values()) {
      const job = session.jobs.get(jobIdOf(actor.id));
      if (job !== undefined && (actor.seen || actor.closed)) this.#jobs.showActor(job, actor.id, true);
      yield;
    }
  }

  /** Shows what an event changed that the correlator has applied. `nowMs` is the present. */
  observe(event: RayEvent, nowMs: number, applied: Applied = 'applied'): void {
    const session = this.#session(event.session, nowMs);
    if (session === undefined) return;
    session.lastSeenMs = nowMs;
    this.version += 1;
    noteTimes(session, event, nowMs);
    switch (event.type) {
      case 'task_definition':
        if (isDriverTask(event.taskId)) return void this.#jobs.job(session, jobIdOf(event.taskId), nowMs, applied);
        return this.#observeAttempt(session, event.taskId, event.attempt, nowMs, applied, NO_STATES, true);
      case 'task_lifecycle':
        if (isDriverTask(event.taskId)) return void this.#jobs.job(session, jobIdOf(event.taskId), nowMs, applied);
        return this.#observeAttempt(session, event.taskId, event.attempt, nowMs, applied, event.transitions, false);
      case 'actor_definition':
      case 'actor_lifecycle': {
        const jobId = jobIdOf(event.actorId);
        // A job that was not shown before shows its actors itself.
        const isNew = event.type === 'actor_definition' && session.jobs.has(jobId);
        const job = this.#jobs.job(session, jobId, nowMs, applied);
        if (job !== undefined) this.#jobs.showActor(job, event.actorId, isNew);
        return;
      }
      case 'job_definition':
      case 'job_lifecycle':
        return void this.#jobs.job(session, event.jobId, nowMs, applied);
      case 'node_definition':
      case 'node_lifecycle':
        return this.#showNode(session, event.nodeId);
      case 'task_profile':
        return this.#observeProfile(session, event, nowMs, applied);
      case 'placement_group_definition':
      case 'placement_group_lifecycle':
      case 'worker_definition':
      case 'worker_lifecycle':
      case 'submission_job_definition':
      case 'submission_job_lifecycle':
      case 'cluster_point':
        return;
    }
  }

  #observeAttempt(
    session: SessionView,
    taskId: string,
    number: number,
    nowMs: number,
    applied: Applied,
    added: readonly StateTransition[],
    isDefinition: boolean,
  ): void {
    const attempt = session.entity.tasks.get(taskId)?.find(number);
    if (attempt?.closed === false) this.#showAttempt(session, attempt, nowMs, applied, added, isDefinition);
  }

  /** It can say where an attempt runs, and prove that its job does. */
  #observeProfile(session: SessionView, { taskId, jobId, attempt }: TaskProfile, nowMs: number, applied: Applied): void {
    if (taskId !== undefined) this.#observeAttempt(session, taskId, attempt, nowMs, applied, NO_STATES, false);
    const ownJobId = taskId === undefined ? jobId : jobIdOf(taskId);
    if (ownJobId !== undefined && session.entity.jobs.get(ownJobId)?.hasContent === true) this.#jobs.job(session, ownJobId, nowMs, applied);
  }

  #showAttempt(
    session: SessionView,
    attempt: OpenAttemptState,
    nowMs: number,
    applied: Applied,
    added: readonly StateTransition[],
    isDefinition: boolean,
  ): void {
    // An attempt that only its profile or its children name is shown when it ends.
    if (!isReported(attempt)) return;
    const job = this.#jobs.job(session, attempt.task.jobId, nowMs, applied);
    if (job !== undefined) this.attempts.show(job, attempt, nowMs, added, isDefinition);
  }

  /** Shows what the correlator has finished. `rolled_up`: it has no span of its own. */
  finished(lifecycle: Finished, nowMs: number, how: 'sent' | 'rolled_up' = 'sent'): void {
    const session = this.#session(lifecycle.session, nowMs);
    if (session === undefined) return;
    if (lifecycle.kind === 'attempt') this.#attemptFinished(session, lifecycle, nowMs, how);
    else if (lifecycle.kind === 'job') {
      const job = this.#jobs.job(session, lifecycle.jobId, nowMs);
      if (job !== undefined) this.#jobs.close(job, nowMs);
    } else if (lifecycle.kind === 'actor') {
      const job = this.#jobs.job(session, lifecycle.jobId, nowMs);
      if (job !== undefined) this.#jobs.showActor(job, lifecycle.actorId, lifecycle.definition === undefined);
    } else if (lifecycle.kind !== 'session') return;
    this.version += 1;
  }

  #attemptFinished(session: SessionView, lifecycle: FinishedAttempt, nowMs: number, how: 'sent' | 'rolled_up'): void {
    const { trace } = lifecycle;
    const job = this.#jobs.job(session, trace.kind === 'job' ? trace.jobId : lifecycle.jobId, nowMs);
    if (job !== undefined && lifecycle.placeholder !== true) this.attempts.close(job, lifecycle, nowMs, how);
  }

  /** Moves the open attempts of a task to the job that the correlator lists them under now. */
  moved(task: TaskState, fromJobId: string): void {
    const session = this.sessions.get(task.session.name);
    if (session === undefined) return;
    const to = this.#jobs.job(session, task.jobId, session.lastSeenMs);
    if (to !== undefined) this.attempts.move(session.jobs.get(fromJobId), to, task);
    this.version += 1;
  }

  /** A finished attempt without a span got one after all. */
  hasSpan({ session: name, taskId, attempt }: FinishedAttempt): void {
    const session = this.sessions.get(name);
    if (session === undefined) return;
    this.attempts.noteSpan(session, taskId, attempt);
    this.version += 1;
  }

  #session(name: string, nowMs: number): SessionView | undefined {
    const known = this.sessions.get(name);
    const entity = this.#entities.session(name);
    if (entity === undefined || known?.entity === entity) return known;
    // The correlator had forgotten the session, and with it all that was shown.
    if (known !== undefined) this.#forgetSession(known);
    return this.#addSession(entity, nowMs);
  }

  #addSession(entity: SessionState, nowMs: number): SessionView | undefined {
    if (this.sessions.size >= this.limits.maxSessions && !this.#makeRoomForSession()) {
      this.#sessionsLeftOut += 1;
      return undefined;
    }
    const session = new SessionView(entity, nowMs);
    this.sessions.set(entity.name, session);
    return session;
  }

  /** Drops the oldest session without open jobs. */
  #makeRoomForSession(): boolean {
    for (const session of this.sessions.values()) {
      if (session.openJobs > 0 && !session.isClosed) continue;
      this.#forgetSession(session);
      return true;
    }
    return false;
  }

  #forgetSession(session: SessionView): void {
    for (const job of session.jobs.values()) this.#jobs.forget(job);
    this.sessions.delete(session.name);
  }

  #showNode(session: SessionView, nodeId: string): void {
    const entity = session.entity.nodes.get(nodeId);
    if (entity === undefined) return;
    let node = session.nodes.get(nodeId);
    const wasDead = node?.isKnownDead === true;
    if (node === undefined) {
      if (session.nodes.size >= this.limits.maxNodesPerSession) {
        session.nodesNotShown += 1;
        if (!forgetDeadNode(session)) return;
      }
      node = new NodeView(entity, this.limits.maxNameLength);
      session.nodes.set(nodeId, node);
    }
    node.changed();
    if (wasDead || node.state !== 'DEAD') return;
    node.isKnownDead = true;
    session.deadNodes.add(node);
  }
}

/** When a job that is closed ended, on the journal's clock. */
function endedMsOf({ endMs, session }: JobState): number {
  return endMs ?? session.lastSeenMs;
}

/** Drops the node that died first, to make room for a live one. */
function forgetDeadNode({ nodes, deadNodes }: SessionView): boolean {
  const node = deadNodes.dropOldest();
  return node !== undefined && nodes.delete(node.id);
}

/**
 * Notes the times of an event, unless an executor reported it: its clock may differ from the one
 * that all other events use.
 */
function noteTimes(session: SessionView, event: RayEvent, nowMs: number): void {
  if (!('transitions' in event) || (event.type === 'task_lifecycle' && event.workerPid !== undefined)) return;
  for (const { timeNs } of event.transitions) session.noteTime(toMs(timeNs), nowMs);
}
