import type { Applied } from '../correlate/index.ts';
import { jobTraceId } from '../span/index.ts';
import { ActorView } from './actor-view.ts';
import type { ViewLimits } from './limits.ts';
import { NodeUse } from './node-use.ts';
import { type EndedJob, endedJob, JobView, type SessionView } from './records.ts';

export interface JobBookCallbacks {
  readonly forgetAttempts: (job: JobView) => void;
  /** Called when a closed session has lost its last job. */
  readonly onEmpty: (session: SessionView) => void;
}

/** The jobs of all sessions, and their actors, within the limits. */
export class JobBook {
  readonly #limits: ViewLimits;
  readonly #callbacks: JobBookCallbacks;
  #open = 0;
  #actors = 0;
  leftOut = 0;
  /** Ordered by when they were last seen, oldest first. */
  readonly #finished = new Set<JobView>();
  /** Oldest first. */
  readonly #forgotten = new Map<string, EndedJob>();
  /** Open jobs that may have no content yet, oldest first. They make room for other jobs. */
  readonly #new = new Set<JobView>();

  constructor(limits: ViewLimits, callbacks: JobBookCallbacks) {
    this.#limits = limits;
    this.#callbacks = callbacks;
  }

  get open(): number {
    return this.#open;
  }

  get finished(): Iterable<JobView> {
    return this.#finished;
  }

  /** Marks a job as closed: its span exists. */
  close(job: JobView, nowMs: number): void {
    job.closedMs = nowMs;
    this.#countOpen(job.session, -1);
    this.#finished.add(job);
    this.prune(nowMs);
  }

  /** Returns the job. Creates a new one if there is room and the event is not late. */
  job(session: SessionView, id: string, nowMs: number, applied: Applied = 'applied'): JobView | undefined {
    if (applied === 'late') return session.jobs.get(id);
    const known = this.known(session, id, nowMs);
    if (known !== undefined) return known;
    if (this.#open >= this.#limits.maxOpenJobs) this.#forgetNew();
    if (this.#open >= this.#limits.maxOpenJobs) {
      this.leftOut += 1;
      return undefined;
    }
    const job = this.#add(session, id, nowMs);
    this.#countOpen(session, 1);
    this.#new.add(job);
    return job;
  }

  /** Returns a job that exists, or restores one that was dropped after its end. */
  known(session: SessionView, id: string, nowMs: number): JobView | undefined {
    const known = session.jobs.get(id);
    if (known !== undefined) {
      this.noteSeen(known, nowMs);
      return known;
    }
    const key = keyOf(session, id);
    const ended = this.#forgotten.get(key);
    if (ended === undefined) return undefined;
    this.#forgotten.delete(key);
    const job = this.#add(session, id, nowMs);
    const { tasks, ...facts } = ended;
    Object.assign(job, facts);
    Object.assign(job.tasks, tasks);
    this.#finished.add(job);
    this.prune(nowMs);
    return job;
  }

  #add(session: SessionView, id: string, nowMs: number): JobView {
    const { nodeSeriesBuckets, maxNodeSeriesPerJob } = this.#limits;
    const nodeUse = new NodeUse(nodeSeriesBuckets, maxNodeSeriesPerJob);
    const job = new JobView(session, id, jobTraceId(session.name, id), nowMs, nodeUse);
    session.jobs.set(id, job);
    return job;
  }

  /** Records that an event of the job arrived. */
  noteSeen(job: JobView, nowMs: number): void {
    job.lastSeenMs = nowMs;
    if (job.closedMs === undefined) return;
    this.#finished.delete(job);
    this.#finished.add(job);
  }

  /** Drops the oldest open job without content: only an actor of it is known. */
  #forgetNew(): void {
    for (const job of this.#new) {
      this.#new.delete(job);
      if (job.hasContent) continue;
      this.forget(job);
      return;
    }
  }

  /** Drops ended jobs that are too many or were not seen for too long. */
  prune(nowMs: number): void {
    for (const job of this.#finished) {
      const isTooOld = nowMs - Math.max(job.lastSeenMs, job.closedMs ?? nowMs) > this.#limits.finishedJobAgeMs;
      if (!isTooOld && this.#finished.size <= this.#limits.maxFinishedJobs) return;
      this.forget(job);
    }
  }

  forget(job: JobView): void {
    this.#actors -= job.actors.size;
    this.#callbacks.forgetAttempts(job);
    this.#new.delete(job);
    if (this.#finished.delete(job)) this.#keepEnded(job);
    else this.#countOpen(job.session, -1);
    job.session.jobs.delete(job.id);
    if (job.session.jobs.size === 0 && job.session.isClosed) this.#callbacks.onEmpty(job.session);
  }

  #countOpen(session: SessionView, change: number): void {
    this.#open += change;
    session.openJobs += change;
  }

  #keepEnded(job: JobView): void {
    this.#forgotten.set(keyOf(job.session, job.id), endedJob(job));
    for (const key of this.#forgotten.keys()) {
      if (this.#forgotten.size <= this.#limits.maxForgottenJobs) return;
      this.#forgotten.delete(key);
    }
  }

  /** Returns the actor; creates a new one if there is room. */
  actor(job: JobView, id: string): ActorView | undefined {
    const known = job.actors.get(id);
    if (known !== undefined) return known;
    if (job.actors.size >= this.#limits.maxActorsPerJob || this.#actors >= this.#limits.maxActors) {
      job.actorsNotShown += 1;
      return undefined;
    }
    const actor = new ActorView(id, this.#limits.maxIncarnationsPerActor);
    job.actors.set(id, actor);
    this.#actors += 1;
    return actor;
  }
}

function keyOf({ name }: SessionView, jobId: string): string {
  return `${name}\0${jobId}`;
}
