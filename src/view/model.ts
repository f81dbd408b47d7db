import {
  type ActorLifecycle,
  type Applied,
  type FinishedAttempt,
  type AttemptSoFar,
  isDriverTask,
  isRayActorName,
  jobIdOf,
  type JobCounts,
  type JobEnded,
  type FinishedJob,
  type JobSoFar,
  type Finished,
  parseCaller,
  type ReplayedState,
  type SessionSoFar,
  type TraceRef,
} from '../correlate/index.ts';
import {
  type ActorDefinition,
  type ActorLifecycle as ActorEvent,
  type JobDefinition,
  type NodeDefinition,
  type NodeLifecycle,
  type PlacementGroupDefinition,
  type PlacementGroupLifecycle,
  type RayEvent,
  reasonLine,
  type StateTransition,
  type TaskLifecycle,
} from '../event/index.ts';
import { traceIdOf } from '../span/index.ts';
import { AttemptBook } from './attempt-book.ts';
import { DEFAULT_VIEW_LIMITS, type ViewLimits } from './limits.ts';
import { noCounts } from './stage.ts';
import { JobBook } from './job-book.ts';
import { shortened, boundedMap } from './text.ts';
import { type JobView, SessionView } from './records.ts';
import { earlier, toMs } from './times.ts';

/** Counts of what the limits of the view left out since the bridge started. */
export interface LeftOut {
  readonly sessions: number;
  readonly jobs: number;
}

/**
 * State of the live page: the pump feeds it events, the correlator feeds it results, and the API
 * reads it. The pipeline never depends on it. The cost of an event does not grow with the amount of
 * state.
 */
export class ViewModel {
  readonly limits: ViewLimits;
  readonly sessions = new Map<string, SessionView>();
  readonly attempts: AttemptBook;
  readonly #jobs: JobBook;
  /** Changes with everything that a reader could see. */
  version = 0;
  #sessionsLeftOut = 0;

  constructor(limits: Partial<ViewLimits> = {}) {
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
   * Restores the state of an earlier process, before any event. `fromJournalMs` converts a time of
   * the journal's clock to the bridge's clock. Actors of jobs that are not shown any more are left
   * out.
   */
  restore(replayed: ReplayedState, fromJournalMs: (journalMs: number) => number): void {
    if (replayed.type === 'session_so_far') return this.#sessionSoFar(replayed, fromJournalMs);
    const session = this.sessions.get(replayed.session);
    if (session === undefined) return;
    const nowMs = session.lastSeenMs;
    this.version += 1;
    if (replayed.type === 'job_so_far') this.#jobSoFar(session, replayed);
    else if (replayed.type === 'job_ended') this.#jobEnded(session, replayed, fromJournalMs(replayed.endedMs));
    else if (replayed.type === 'attempt_so_far') this.#attemptSoFar(session, replayed);
    else if (replayed.type === 'actor_ended') this.#actorFinished(session, replayed);
    else if (replayed.type !== 'actor_definition' && replayed.type !== 'actor_lifecycle') this.observe(replayed, nowMs);
    else if (session.jobs.has(jobIdOf(replayed.actorId))) this.observe(replayed, nowMs);
  }

  #sessionSoFar(replayed: SessionSoFar, fromJournalMs: (journalMs: number) => number): void {
    const session = this.#session(replayed.session, fromJournalMs(replayed.firstSeenMs));
    if (session === undefined) return;
    session.lastSeenMs = fromJournalMs(replayed.lastSeenMs);
    session.sendsJobs = replayed.sendsJobs;
    session.isClosed = replayed.closed;
    if (replayed.lastNs !== undefined) session.noteTime(toMs(replayed.lastNs), session.lastSeenMs);
  }

  #jobSoFar(session: SessionView, { jobId, hasRayActor, childrenStartNs, trace, ...counts }: JobSoFar): void {
    const job = this.#jobs.job(session, jobId, session.lastSeenMs);
    if (job === undefined) return;
    job.hasRayActor ||= hasRayActor;
    if (childrenStartNs !== undefined) job.attemptsStartMs = toMs(childrenStartNs);
    if (trace !== undefined) fixTrace(job, trace);
    countEnded(job, counts);
  }

  #jobEnded(session: SessionView, { lifecycle, counts }: JobEnded, endedMs: number): void {
    const { jobId, definition } = lifecycle;
    const job = this.#jobs.job(session, jobId, endedMs);
    if (job === undefined) return;
    if (definition !== undefined) this.#defineJob(job, definition);
    countEnded(job, counts);
    const { finished, failed, cancelled, unfinished } = counts;
    this.#jobFinished(session, { ...lifecycle, tasks: { finished, failed, cancelled, unfinished } }, endedMs);
  }

  #attemptSoFar(session: SessionView, { definition, lifecycle }: AttemptSoFar): void {
    const nowMs = session.lastSeenMs;
    if (definition !== undefined) {
      const job = this.#jobOf(session, lifecycle.taskId, definition.parentTaskId, nowMs);
      this.attempts.define(job, lifecycle, definition, 'applied');
    }
    this.observe(lifecycle, nowMs);
  }

  /** Adds an event that the correlator has applied. `nowMs` is the present. */
  observe(event: RayEvent, nowMs: number, applied: Applied = 'applied'): void {
    const session = this.#session(event.session, nowMs);
    if (session === undefined) return;
    session.lastSeenMs = nowMs;
    this.version += 1;
    noteTimes(session, event, nowMs);
    switch (event.type) {
      case 'task_definition':
        if (isDriverTask(event.taskId)) return void this.#jobs.job(session, jobIdOf(event.taskId), nowMs, applied);
        return this.attempts.define(this.#jobOf(session, event.taskId, event.parentTaskId, nowMs, applied), event, event, applied);
      case 'task_lifecycle':
        if (isDriverTask(event.taskId)) return this.#driver(this.#jobs.job(session, jobIdOf(event.taskId), nowMs, applied), event);
        return this.attempts.enter(this.#jobOf(session, event.taskId, undefined, nowMs, applied), event, nowMs, applied);
      case 'actor_definition':
      case 'actor_lifecycle':
        return this.#actor(this.#jobs.job(session, jobIdOf(event.actorId), nowMs, applied), event);
      case 'job_definition':
        session.sendsJobs = true;
        return this.#defineJob(this.#jobs.job(session, event.jobId, nowMs, applied), event);
      case 'job_lifecycle':
        session.sendsJobs = true;
        return this.#jobStates(this.#jobs.job(session, event.jobId, nowMs, applied), event.transitions);
      case 'node_definition':
      case 'node_lifecycle':
        return this.#node(session, event);
      case 'placement_group_definition':
      case 'placement_group_lifecycle':
        return this.#placementGroup(session, event);
      case 'task_profile':
      case 'worker_definition':
      case 'worker_lifecycle':
      case 'submission_job_definition':
      case 'submission_job_lifecycle':
      case 'cluster_point':
        return;
    }
  }

  /** Adds a result of the correlator. `rolled_up`: an attempt without a span of its own. */
  finished(lifecycle: Finished, nowMs: number, how: 'sent' | 'rolled_up' = 'sent'): void {
    const session = this.#session(lifecycle.session, nowMs);
    if (session === undefined) return;
    const { trace } = lifecycle;
    const job = trace.kind === 'job' ? session.jobs.get(trace.jobId) : undefined;
    if (job !== undefined) fixTrace(job, trace);
    if (lifecycle.kind === 'attempt') this.#attemptFinished(session, lifecycle, nowMs, how);
    else if (lifecycle.kind === 'job') this.#jobFinished(session, lifecycle, nowMs);
    else if (lifecycle.kind === 'actor') this.#actorFinished(session, lifecycle);
    else if (lifecycle.kind === 'session') session.isClosed = true;
    else return;
    this.version += 1;
  }

  #session(name: string, nowMs: number): SessionView | undefined {
    const known = this.sessions.get(name);
    if (known !== undefined) return known;
    if (this.sessions.size >= this.limits.maxSessions && !this.#forgetSession()) {
      this.#sessionsLeftOut += 1;
      return undefined;
    }
    const session = new SessionView(name, nowMs);
    this.sessions.set(name, session);
    return session;
  }

  /** Drops the oldest session without open jobs, to make room. */
  #forgetSession(): boolean {
    for (const session of this.sessions.values()) {
      if (session.openJobs > 0 && !session.isClosed) continue;
      for (const job of session.jobs.values()) this.#jobs.forget(job);
      this.sessions.delete(session.name);
      return true;
    }
    return false;
  }

  /** An attempt belongs to the job of its caller, even if it is a call on another job's actor. */
  #jobOf(
    session: SessionView,
    taskId: string,
    parentTaskId: string | undefined,
    nowMs: number,
    applied: Applied = 'applied',
  ): JobView | undefined {
    const known = session.lastAttempts.get(taskId);
    if (known !== undefined && parentTaskId === undefined) {
      this.#jobs.noteSeen(known.job, nowMs);
      return known.job;
    }
    const parent = parentTaskId === undefined ? undefined : session.lastAttempts.get(parentTaskId);
    if (parent !== undefined) return parent.job;
    const id = parentTaskId ?? taskId;
    // The job is nearly always that of the event before: a comparison is cheaper than a substring
    // and its hash.
    if (!id.endsWith(session.lastJobId)) session.lastJobId = jobIdOf(id);
    return this.#jobs.job(session, session.lastJobId, nowMs, applied);
  }

  #driver(job: JobView | undefined, event: TaskLifecycle): void {
    if (job === undefined) return;
    for (const { state, timeNs } of event.transitions) {
      job.driverStartMs = earlier(job.driverStartMs, toMs(timeNs));
      if (state === 'FAILED') job.state = 'failed';
      if (state === 'FINISHED' && job.state === 'running') job.state = 'finished';
      if (state === 'FAILED' || state === 'FINISHED') job.driverEndMs = toMs(timeNs);
    }
    if (event.error !== undefined)
      job.error = shortened(`${event.error.errorType}: ${reasonLine(event.error.message)}`, this.limits.maxMessageLength);
  }

  #defineJob(job: JobView | undefined, event: JobDefinition): void {
    if (job === undefined) return;
    const { maxNameLength } = this.limits;
    job.isDefined = true;
    job.name = shortened(event.jobName ?? event.submissionId ?? event.entrypoint ?? event.jobId, maxNameLength);
    if (event.submissionId !== undefined) job.submissionId = shortened(event.submissionId, maxNameLength);
    if (event.entrypoint !== undefined) job.entrypoint = shortened(event.entrypoint, maxNameLength);
    const caller = parseCaller(event.traceparent, event.tracestate);
    if (caller !== undefined && !job.isTraceFixed) job.traceId = caller.traceId;
  }

  #jobStates(job: JobView | undefined, transitions: readonly StateTransition[]): void {
    if (job === undefined) return;
    for (const { state, timeNs } of transitions) {
      if (state === 'CREATED') job.createdMs = toMs(timeNs);
      if (state !== 'FINISHED') continue;
      job.finishedMs = toMs(timeNs);
      if (job.state === 'running') job.state = 'finished';
    }
  }

  #attemptFinished(session: SessionView, lifecycle: FinishedAttempt, nowMs: number, how: 'sent' | 'rolled_up'): void {
    if (lifecycle.placeholder === true) return;
    const { trace } = lifecycle;
    const job = this.#jobs.job(session, trace.kind === 'job' ? trace.jobId : lifecycle.jobId, nowMs);
    if (job === undefined) return;
    this.attempts.close(job, lifecycle, nowMs, how);
  }

  #jobFinished(session: SessionView, lifecycle: FinishedJob, nowMs: number): void {
    const job = this.#jobs.job(session, lifecycle.jobId, nowMs);
    if (job === undefined || job.closedMs !== undefined) return;
    const { maxNameLength, maxMessageLength } = this.limits;
    job.name = shortened(lifecycle.name, maxNameLength);
    fixTrace(job, lifecycle.trace);
    job.createdMs = toMs(lifecycle.startNs);
    job.finishedMs = toMs(lifecycle.endNs);
    job.endInferred = lifecycle.endInferred;
    job.wasInternal = lifecycle.isInternal;
    const { driverError, verdict } = lifecycle;
    const { outcome, reason, exitCode } = verdict;
    job.verdict = { outcome, reason, message: shortened(verdict.message, maxMessageLength), exitCode };
    if (driverError !== undefined) job.error = shortened(`${driverError.errorType}: ${reasonLine(driverError.message)}`, maxMessageLength);
    job.state = outcome === 'failed' ? 'failed' : 'finished';
    // The correlator's counts include tasks without a row. Calls on a detached actor may still be
    // open.
    Object.assign(job.tasks, noCounts(), lifecycle.tasksSoFar);
    for (const attempt of job.open) if (!attempt.isSuperseded) job.tasks[attempt.stage] += 1;
    job.untracked = 0;
    for (const own of job.functions.values()) own.untracked = 0;
    const open = new Set(lifecycle.openActors);
    for (const actor of job.actors.values()) if (!actor.isDetached && !open.has(actor.id)) actor.isClosed = true;
    this.#jobs.close(job, nowMs);
  }

  #actor(job: JobView | undefined, event: ActorDefinition | ActorEvent): void {
    if (job === undefined) return;
    if (event.type === 'actor_definition' && isRayActorName(event.name)) job.hasRayActor = true;
    const actor = this.#jobs.actor(job, event.actorId);
    if (actor === undefined) return;
    const { maxNameLength, maxMessageLength } = this.limits;
    if (event.type === 'actor_lifecycle') return actor.enter(event.transitions, maxMessageLength);
    if (event.className !== undefined) actor.className = shortened(event.className, maxNameLength);
    if (event.name !== undefined) actor.name = shortened(event.name, maxNameLength);
    actor.isDetached = event.isDetached;
    const { requiredResources, placementGroupId, labelSelector } = event;
    actor.needs = { requiredResources, placementGroupId, labelSelector };
  }

  #actorFinished(session: SessionView, { actorId, className }: Pick<ActorLifecycle, 'actorId' | 'className'>): void {
    const job = session.jobs.get(jobIdOf(actorId));
    const actor = job === undefined ? undefined : this.#jobs.actor(job, actorId);
    if (actor === undefined) return;
    actor.isClosed = true;
    if (className !== undefined) actor.className = shortened(className, this.limits.maxNameLength);
  }

  /** Groups beyond the limit are shown by id. */
  #placementGroup(session: SessionView, event: PlacementGroupDefinition | PlacementGroupLifecycle): void {
    const { placementGroups } = session;
    let group = placementGroups.get(event.placementGroupId);
    if (group === undefined) {
      if (placementGroups.size >= this.limits.maxPlacementGroupsPerSession) return;
      group = { name: undefined, state: '' };
      placementGroups.set(event.placementGroupId, group);
    }
    if (event.type === 'placement_group_definition') {
      if (event.name !== undefined) group.name = shortened(event.name, this.limits.maxNameLength);
      return;
    }
    group.state = event.transitions.toSorted((a, b) => (a.timeNs < b.timeNs ? -1 : 1)).at(-1)?.state ?? group.state;
    if (group.state === 'REMOVED') placementGroups.delete(event.placementGroupId);
  }

  #node(session: SessionView, event: NodeDefinition | NodeLifecycle): void {
    let node = session.nodes.get(event.nodeId);
    if (node === undefined) {
      if (session.nodes.size >= this.limits.maxNodesPerSession) {
        session.nodesNotShown += 1;
        if (!forgetDeadNode(session)) return;
      }
      node = { id: event.nodeId, name: undefined, ip: undefined, state: '', resources: undefined, labels: {} };
      session.nodes.set(event.nodeId, node);
    }
    if (event.type === 'node_definition') {
      const name = event.hostname ?? event.nodeName;
      if (name !== undefined) node.name = shortened(name, this.limits.maxNameLength);
      if (event.ipAddress !== undefined) node.ip = shortened(event.ipAddress, this.limits.maxNameLength);
      node.labels = boundedMap(event.labels);
      return;
    }
    for (const { state, resources } of event.transitions) {
      if (node.state !== 'DEAD') {
        node.state = state;
        if (state === 'DEAD') session.deadNodes.add(node);
      }
      if (resources !== undefined) node.resources = boundedMap(resources);
    }
  }
}

function fixTrace(job: JobView, trace: TraceRef): void {
  if (job.isTraceFixed) return;
  job.isTraceFixed = true;
  job.traceId = traceIdOf(trace);
}

/** Drops the node that died first, to make room for a live one. */
function forgetDeadNode({ nodes, deadNodes }: SessionView): boolean {
  const node = deadNodes.dropOldest();
  return node !== undefined && nodes.delete(node.id);
}

function countEnded(job: JobView, { finished, failed, cancelled, unfinished, attempts, retried }: JobCounts): void {
  Object.assign(job.tasks, { finished, failed, cancelled, unfinished });
  job.attempts += attempts;
  job.retried += retried;
  job.withoutRow += attempts;
}

/**
 * Notes the times of an event, unless an executor reported it: its clock may differ from the one
 * that all other events use.
 */
function noteTimes(session: SessionView, event: RayEvent, nowMs: number): void {
  if (!('transitions' in event) || (event.type === 'task_lifecycle' && event.workerPid !== undefined)) return;
  for (const { timeNs } of event.transitions) session.noteTime(toMs(timeNs), nowMs);
}
