import { calledActorOf } from './called-actor.ts';
import { Capacity } from './capacity.ts';
import { Outliving } from './outliving.ts';
import type { AttemptView, JobView, SessionView } from './records.ts';
import type { Wait } from './wait.ts';

/** Maximum open attempts that are searched for running actor calls. */
const MAX_OPEN_ATTEMPTS = 10_000;

/** A session at the time of one answer. Caches what the answer needs several times. */
export class SessionNow {
  readonly session: SessionView;
  /** On Ray's clock. */
  readonly nowMs: number;
  readonly capacity: Capacity;
  readonly #outliving: Outliving;
  readonly #endsMs = new Map<JobView, number>();
  #calls: ReadonlyMap<string, AttemptView> | undefined;
  /** Known waits: by actor id or needs, then by state. */
  readonly waits = new Map<unknown, Map<string, Wait>>();

  constructor(session: SessionView, clockMs: number) {
    this.session = session;
    this.nowMs = session.clockMs(clockMs);
    this.capacity = new Capacity(session);
    this.#outliving = new Outliving(session.entity);
  }

  /**
   * The time up to which an attempt's age counts: its end; else the end of its job, unless it
   * outlives the job; else the present.
   */
  untilMs(attempt: AttemptView): number {
    return Number.isNaN(attempt.endMs) ? (this.frozenMs(attempt) ?? this.nowMs) : attempt.endMs;
  }

  /** The end of its job, for an open attempt that cannot have outlived the job. */
  frozenMs({ job, taskId, stateMs, endMs }: AttemptView): number | undefined {
    if (!Number.isNaN(endMs)) return undefined;
    const jobEndMs = this.#endMsOf(job);
    if (Number.isNaN(jobEndMs)) return undefined;
    // A state after the job's end proves that the attempt outlived the job.
    if (stateMs > jobEndMs || this.#outliving.has(taskId)) return undefined;
    return jobEndMs;
  }

  /** A job's end follows from all its states, and many attempts ask for it. */
  #endMsOf(job: JobView): number {
    let endMs = this.#endsMs.get(job);
    if (endMs === undefined) this.#endsMs.set(job, (endMs = job.endMs));
    return endMs;
  }

  /** The call that an actor runs, if known. */
  callOf(actorId: string): AttemptView | undefined {
    this.#calls ??= this.#findCalls();
    return this.#calls.get(actorId);
  }

  #findCalls(): ReadonlyMap<string, AttemptView> {
    const calls = new Map<string, AttemptView>();
    let lookedAt = 0;
    for (const { open } of this.session.jobs.values()) {
      for (const attempt of open) {
        lookedAt += 1;
        if (lookedAt > MAX_OPEN_ATTEMPTS) return calls;
        const actorId = attempt.stage === 'running' ? calledActorOf(attempt.taskId) : undefined;
        if (actorId !== undefined && !calls.has(actorId)) calls.set(actorId, attempt);
      }
    }
    return calls;
  }
}
