import {
  type ActorLifecycle,
  type Applied,
  type AttemptLifecycle,
  type AttemptSoFar,
  isDriverTask,
  isRayActorName,
  jobIdOf,
  type JobLifecycle,
  type Lifecycle,
  parseCaller,
  type Retold,
} from '../correlate/index.ts';
import type {
  ActorDefinition,
  ActorLifecycle as ActorEvent,
  JobDefinition,
  NodeDefinition,
  NodeLifecycle,
  RayEvent,
  StateTransition,
  SubmissionJobLifecycle,
  TaskLifecycle,
} from '../event/index.ts';
import { jobTraceId, traceIdOf } from '../span/index.ts';
import { ActorView } from './actor-view.ts';
import { AttemptBook } from './attempt-book.ts';
import { DEFAULT_VIEW_LIMITS, type ViewLimits } from './limits.ts';
import { noCounts } from './stage.ts';
import { NodeUse } from './node-use.ts';
import { kept } from './text.ts';
import { JobView, SessionView } from './records.ts';
import { earlier, toMs } from './times.ts';

/** What the view left out because of its limits, since the bridge started. */
export interface LeftOut {
  readonly sessions: number;
  readonly jobs: number;
}

/**
 * What is going on, as far as people look at it: fed one way with what the pump applies and what the correlator finishes, and read by the API.
 * Nothing of the pipeline depends on it. An event costs the same however much is known already.
 */
export class ViewModel {
  readonly limits: ViewLimits;
  readonly sessions = new Map<string, SessionView>();
  readonly attempts: AttemptBook;
  /** Changes with whatever a reader could see. */
  version = 0;
  readonly leftOut = { sessions: 0, jobs: 0 };
  #openJobs = 0;
  #actors = 0;
  /** Oldest first. */
  readonly #finishedJobs = new Set<JobView>();

  constructor(limits: Partial<ViewLimits> = {}) {
    this.limits = { ...DEFAULT_VIEW_LIMITS, ...limits };
    this.attempts = new AttemptBook(this.limits, () => this.#finishedJobs);
  }

  get openJobs(): number {
    return this.#openJobs;
  }

  /** What was open when a former process ended; before any event. */
  takeUp(retold: Retold, nowMs: number): void {
    if (retold.type === 'attempt_so_far') return this.#attemptSoFar(retold, nowMs);
    if (retold.type !== 'job_so_far') return this.observe(retold, nowMs);
    const session = this.#session(retold.session, nowMs);
    const job = session === undefined ? undefined : this.#job(session, retold.jobId, nowMs);
    if (session === undefined || job === undefined) return;
    const { finished, failed, unfinished, attempts, retried } = retold;
    session.sendsJobs ||= retold.sendsJobs;
    job.hasRayActor = retold.hasRayActor;
    Object.assign(job.tasks, { finished, failed, unfinished });
    job.attempts += attempts;
    job.retried += retried;
    job.withoutRow += attempts;
    this.version += 1;
  }

  #attemptSoFar({ session: name, definition, lifecycle }: AttemptSoFar, nowMs: number): void {
    const session = definition === undefined ? undefined : this.#session(name, nowMs);
    if (session !== undefined && definition !== undefined) {
      const job = this.#jobOf(session, lifecycle.taskId, definition.parentTaskId, nowMs);
      this.attempts.define(job, lifecycle, definition, 'applied');
    }
    this.observe(lifecycle, nowMs);
  }

  /** An event that the correlator has applied, and what it said to it. `nowMs` is the present. */
  observe(event: RayEvent, nowMs: number, applied: Applied = 'applied'): void {
    const session = this.#session(event.session, nowMs);
    if (session === undefined) return;
    session.lastSeenMs = nowMs;
    this.version += 1;
    if ('transitions' in event) for (const { timeNs } of event.transitions) session.noteTime(toMs(timeNs), nowMs);
    switch (event.type) {
      case 'task_definition':
        if (isDriverTask(event.taskId)) return void this.#job(session, jobIdOf(event.taskId), nowMs);
        return this.attempts.define(this.#jobOf(session, event.taskId, event.parentTaskId, nowMs), event, event, applied);
      case 'task_lifecycle':
        if (isDriverTask(event.taskId)) return this.#driver(session, event, nowMs);
        return this.attempts.enter(this.#jobOf(session, event.taskId, undefined, nowMs), event, nowMs, applied);
      case 'actor_definition':
      case 'actor_lifecycle':
        return this.#actor(session, event, nowMs);
      case 'job_definition':
        session.sendsJobs = true;
        return this.#defineJob(session, event, nowMs);
      case 'job_lifecycle':
        session.sendsJobs = true;
        return this.#jobStates(this.#job(session, event.jobId, nowMs), event.transitions);
      case 'submission_job_lifecycle':
        return submissionStates(session, event);
      case 'node_definition':
      case 'node_lifecycle':
        return this.#node(session, event);
      case 'task_profile':
      case 'worker_definition':
      case 'worker_lifecycle':
      case 'placement_group_definition':
      case 'placement_group_lifecycle':
      case 'submission_job_definition':
      case 'cluster_point':
        return;
    }
  }

  /** A lifecycle that is finished; `folded`: an attempt that gets no span of its own. */
  finished(lifecycle: Lifecycle, nowMs: number, how: 'sent' | 'folded' = 'sent'): void {
    const session = this.#session(lifecycle.session, nowMs);
    if (session === undefined) return;
    if (lifecycle.kind === 'attempt') this.#attemptFinished(session, lifecycle, nowMs, how);
    else if (lifecycle.kind === 'job') this.#jobFinished(session, lifecycle, nowMs);
    else if (lifecycle.kind === 'actor') this.#actorFinished(session, lifecycle, nowMs);
    else if (lifecycle.kind === 'session') session.isClosed = true;
    else return;
    this.version += 1;
  }

  /** Forgets finished jobs that are too many or too old. */
  prune(nowMs: number): void {
    for (const job of this.#finishedJobs) {
      const isTooOld = nowMs - (job.closedMs ?? nowMs) > this.limits.finishedJobAgeMs;
      if (!isTooOld && this.#finishedJobs.size <= this.limits.maxFinishedJobs) return;
      this.#forget(job);
    }
  }

  #session(name: string, nowMs: number): SessionView | undefined {
    const known = this.sessions.get(name);
    if (known !== undefined) return known;
    if (this.sessions.size >= this.limits.maxSessions && !this.#forgetSession()) {
      this.leftOut.sessions += 1;
      return undefined;
    }
    const session = new SessionView(name, nowMs);
    this.sessions.set(name, session);
    return session;
  }

  /** The oldest one in which nothing is open makes room. */
  #forgetSession(): boolean {
    for (const session of this.sessions.values()) {
      const jobs = [...session.jobs.values()];
      if (jobs.some(({ closedMs }) => closedMs === undefined) && !session.isClosed) continue;
      for (const job of jobs) this.#forget(job);
      this.sessions.delete(session.name);
      return true;
    }
    return false;
  }

  #job(session: SessionView, id: string, nowMs: number): JobView | undefined {
    const known = session.jobs.get(id);
    if (known !== undefined) {
      known.lastSeenMs = nowMs;
      return known;
    }
    if (this.#openJobs >= this.limits.maxOpenJobs) {
      this.leftOut.jobs += 1;
      return undefined;
    }
    const { nodeSeriesBuckets, maxNodeSeriesPerJob } = this.limits;
    const nodeUse = new NodeUse(nodeSeriesBuckets, maxNodeSeriesPerJob);
    const job = new JobView(session, id, jobTraceId(session.name, id), nowMs, nodeUse);
    session.jobs.set(id, job);
    this.#openJobs += 1;
    return job;
  }

  /** An attempt stands with its caller: a call on another job's actor belongs to the job that called. */
  #jobOf(session: SessionView, taskId: string, parentTaskId: string | undefined, nowMs: number): JobView | undefined {
    const known = session.lastAttempts.get(taskId);
    if (known !== undefined && parentTaskId === undefined) {
      known.job.lastSeenMs = nowMs;
      return known.job;
    }
    const parent = parentTaskId === undefined ? undefined : session.lastAttempts.get(parentTaskId);
    if (parent !== undefined) return parent.job;
    const id = parentTaskId ?? taskId;
    // Nearly always it is the job of the last one: comparing its id is cheaper than cutting one out and hashing it.
    if (!id.endsWith(session.lastJobId)) session.lastJobId = jobIdOf(id);
    return this.#job(session, session.lastJobId, nowMs);
  }

  #driver(session: SessionView, event: TaskLifecycle, nowMs: number): void {
    const job = this.#job(session, jobIdOf(event.taskId), nowMs);
    if (job === undefined) return;
    for (const { state, timeNs } of event.transitions) {
      job.driverStartMs = earlier(job.driverStartMs, toMs(timeNs));
      if (state === 'FAILED') job.state = 'failed';
      if (state === 'FINISHED' && job.state === 'running') job.state = 'finished';
      if (state === 'FAILED' || state === 'FINISHED') job.driverEndMs = toMs(timeNs);
    }
    if (event.error !== undefined) job.error = kept(`${event.error.errorType}: ${event.error.message}`, this.limits.maxMessageLength);
  }

  #defineJob(session: SessionView, event: JobDefinition, nowMs: number): void {
    const job = this.#job(session, event.jobId, nowMs);
    if (job === undefined) return;
    const { maxNameLength } = this.limits;
    job.isDefined = true;
    job.name = kept(event.jobName ?? event.submissionId ?? event.entrypoint ?? event.jobId, maxNameLength);
    if (event.submissionId !== undefined) job.submissionId = kept(event.submissionId, maxNameLength);
    if (event.entrypoint !== undefined) job.entrypoint = kept(event.entrypoint, maxNameLength);
    const caller = parseCaller(event.traceparent, event.tracestate);
    if (caller !== undefined && job.attempts === 0) job.traceId = caller.traceId;
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

  #attemptFinished(session: SessionView, lifecycle: AttemptLifecycle, nowMs: number, how: 'sent' | 'folded'): void {
    if (lifecycle.placeholder === true) return;
    const { trace } = lifecycle;
    const job = this.#job(session, trace.kind === 'job' ? trace.jobId : lifecycle.jobId, nowMs);
    if (job === undefined) return;
    job.traceId = traceIdOf(trace);
    this.attempts.close(job, lifecycle, nowMs, how);
  }

  #jobFinished(session: SessionView, lifecycle: JobLifecycle, nowMs: number): void {
    const job = this.#job(session, lifecycle.jobId, nowMs);
    if (job === undefined || job.closedMs !== undefined) return;
    const { maxNameLength, maxMessageLength } = this.limits;
    job.name = kept(lifecycle.name, maxNameLength);
    job.traceId = traceIdOf(lifecycle.trace);
    job.createdMs = toMs(lifecycle.startNs);
    job.finishedMs = toMs(lifecycle.endNs);
    job.endInferred = lifecycle.endInferred;
    job.wasInternal = lifecycle.isInternal;
    const { driverError } = lifecycle;
    if (driverError !== undefined) job.error = kept(`${driverError.errorType}: ${driverError.message}`, maxMessageLength);
    if (job.state === 'running') job.state = driverError === undefined ? 'finished' : 'failed';
    // The correlator's count is exact also for tasks of which no row is left.
    Object.assign(job.tasks, noCounts(), lifecycle.tasks);
    job.untracked = 0;
    for (const own of job.functions.values()) own.untracked = 0;
    for (const actor of job.actors.values()) if (!actor.isDetached) actor.isClosed = true;
    job.closedMs = nowMs;
    this.#openJobs -= 1;
    this.#finishedJobs.add(job);
    this.prune(nowMs);
  }

  #forget(job: JobView): void {
    this.#actors -= job.actors.size;
    this.attempts.forget(job);
    if (!this.#finishedJobs.delete(job)) this.#openJobs -= 1;
    job.session.jobs.delete(job.id);
    if (job.session.jobs.size === 0 && job.session.isClosed) this.sessions.delete(job.session.name);
  }

  #actor(session: SessionView, event: ActorDefinition | ActorEvent, nowMs: number): void {
    if (event.type === 'actor_definition' && isRayActorName(event.name)) {
      const job = this.#job(session, jobIdOf(event.actorId), nowMs);
      if (job !== undefined) job.hasRayActor = true;
    }
    const actor = this.#actorView(session, event.actorId, nowMs);
    if (actor === undefined) return;
    const { maxNameLength, maxMessageLength } = this.limits;
    if (event.type === 'actor_lifecycle') return actor.enter(event.transitions, maxMessageLength);
    if (event.className !== undefined) actor.className = kept(event.className, maxNameLength);
    if (event.name !== undefined) actor.name = kept(event.name, maxNameLength);
    actor.isDetached = event.isDetached;
  }

  #actorFinished(session: SessionView, lifecycle: ActorLifecycle, nowMs: number): void {
    const actor = this.#actorView(session, lifecycle.actorId, nowMs);
    if (actor === undefined) return;
    actor.isClosed = true;
    if (lifecycle.className !== undefined) actor.className = kept(lifecycle.className, this.limits.maxNameLength);
  }

  #actorView(session: SessionView, id: string, nowMs: number): ActorView | undefined {
    const job = this.#job(session, jobIdOf(id), nowMs);
    const known = job?.actors.get(id);
    if (job === undefined || known !== undefined) return known;
    if (job.actors.size >= this.limits.maxActorsPerJob || this.#actors >= this.limits.maxActors) {
      job.actorsNotShown += 1;
      return undefined;
    }
    const actor = new ActorView(id, this.limits.maxIncarnationsPerActor);
    job.actors.set(id, actor);
    this.#actors += 1;
    return actor;
  }

  #node(session: SessionView, event: NodeDefinition | NodeLifecycle): void {
    let node = session.nodes.get(event.nodeId);
    if (node === undefined) {
      if (session.nodes.size >= this.limits.maxNodesPerSession) {
        session.nodesNotShown += 1;
        return;
      }
      node = { id: event.nodeId, name: undefined, ip: undefined, state: '', resources: undefined };
      session.nodes.set(event.nodeId, node);
    }
    if (event.type === 'node_definition') {
      const name = event.hostname ?? event.nodeName;
      if (name !== undefined) node.name = kept(name, this.limits.maxNameLength);
      if (event.ipAddress !== undefined) node.ip = kept(event.ipAddress, this.limits.maxNameLength);
      return;
    }
    for (const { state, resources } of event.transitions) {
      if (node.state !== 'DEAD') node.state = state;
      if (resources !== undefined) node.resources = resources;
    }
  }
}

/** How a submitted job ended says more than that its driver did. */
function submissionStates(session: SessionView, { submissionId, transitions }: SubmissionJobLifecycle): void {
  for (const job of session.jobs.values()) {
    if (job.submissionId !== submissionId) continue;
    for (const { state } of transitions) {
      if (state === 'FAILED' || state === 'STOPPED') job.state = 'failed';
    }
  }
}
