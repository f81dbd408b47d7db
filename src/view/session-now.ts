import { calledActorOf } from './called-actor.ts';
import { Capacity } from './capacity.ts';
import { Outliving } from './outliving.ts';
import type { AttemptView, SessionView } from './records.ts';

/** Open attempts that are looked at for what actors do. */
const OPEN_ATTEMPTS_MAX = 10_000;

/** A session at the moment of one answer. What is asked of it several times is found once. */
export class SessionNow {
  readonly session: SessionView;
  /** On Ray's clock. */
  readonly nowMs: number;
  readonly capacity: Capacity;
  readonly #outliving: Outliving;
  #calls: ReadonlyMap<string, AttemptView> | undefined;
  /** What attempts wait for: by an actor's id or by what they need, then by state. */
  readonly waits = new Map<unknown, Map<string, string>>();

  constructor(session: SessionView, clockMs: number) {
    this.session = session;
    this.nowMs = session.clockMs(clockMs);
    this.capacity = new Capacity(session);
    this.#outliving = new Outliving(session);
  }

  /** Up to when its age counts: its end, else that of its job unless it goes on after that, else the present. */
  untilMs(attempt: AttemptView): number {
    return Number.isNaN(attempt.endMs) ? (this.frozenMs(attempt) ?? this.nowMs) : attempt.endMs;
  }

  /** The end of its job, for an open attempt that can only have ended with it. */
  frozenMs({ job, taskId, stateMs, endMs }: AttemptView): number | undefined {
    if (Number.isNaN(job.endMs) || !Number.isNaN(endMs)) return undefined;
    // A state after the job's end says that it does not end with the job.
    if (stateMs > job.endMs || this.#outliving.has(taskId)) return undefined;
    return job.endMs;
  }

  /** The call that an actor runs, if any is known to. */
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
        if (lookedAt > OPEN_ATTEMPTS_MAX) return calls;
        const actorId = attempt.stage === 'running' ? calledActorOf(attempt.taskId) : undefined;
        if (actorId !== undefined && !calls.has(actorId)) calls.set(actorId, attempt);
      }
    }
    return calls;
  }
}
