import type { Applied, JobState as JobEntity } from '../correlate/index.ts';
import { ActorView } from './actor-view.ts';
import type { ViewLimits } from './limits.ts';
import { JobView, type SessionView } from './records.ts';

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
    if (job.closedMs !== undefined) return;
    job.closedMs = nowMs;
    this.#countOpen(job.session, -1);
    this.#finished.add(job);
    this.prune(nowMs);
  }

  /** Returns the job that the correlator knows. Shows a new one if there is room and the event is not late. */
  job(session: SessionView, id: string, nowMs: number, applied: Applied = 'applied'): JobView | undefined {
    const known = session.jobs.get(id);
    if (applied === 'late') return known;
    if (known !== undefined) {
      this.noteSeen(known, nowMs);
      return known;
    }
    const entity = session.entity.jobs.get(id);
    if (entity === undefined) return undefined;
    return entity.closed ? this.#showEnded(session, entity, nowMs) : this.#showOpen(session, entity, nowMs);
  }

  #showOpen(session: SessionView, entity: JobEntity, nowMs: number): JobView | undefined {
    if (this.#open >= this.#limits.maxOpenJobs) this.#forgetNew();
    if (this.#open >= this.#limits.maxOpenJobs) {
      this.leftOut += 1;
      return undefined;
    }
    const job = this.#add(session, entity, nowMs);
    this.#countOpen(session, 1);
    this.#new.add(job);
    return job;
  }

  /** A job that ended before it was shown, or was dropped since: one of its actors may run for days. */
  #showEnded(session: SessionView, entity: JobEntity, nowMs: number): JobView {
    const job = this.#add(session, entity, nowMs);
    job.closedMs = nowMs;
    this.#finished.add(job);
    this.prune(nowMs);
    return job;
  }

  #add(session: SessionView, entity: JobEntity, nowMs: number): JobView {
    const job = new JobView(session, entity, this.#limits, nowMs);
    session.jobs.set(job.id, job);
    for (const actor of entity.actors) if (actor.seen) this.showActor(job, actor.id, true);
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
    if (!this.#finished.delete(job)) this.#countOpen(job.session, -1);
    job.session.jobs.delete(job.id);
    if (job.session.jobs.size === 0 && job.session.isClosed) this.#callbacks.onEmpty(job.session);
  }

  #countOpen(session: SessionView, change: number): void {
    this.#open += change;
    session.openJobs += change;
  }

  /** Shows an actor that the correlator knows. Without room, one that `isNew` is counted as left out. */
  showActor(job: JobView, id: string, isNew: boolean): void {
    if (job.actors.has(id)) return;
    const entity = job.session.entity.actors.get(id);
    if (entity === undefined) return;
    if (job.actors.size >= this.#limits.maxActorsPerJob || this.#actors >= this.#limits.maxActors) {
      if (isNew) job.actorsNotShown += 1;
      return;
    }
    job.actors.set(id, new ActorView(entity, this.#limits));
    this.#actors += 1;
  }
}
