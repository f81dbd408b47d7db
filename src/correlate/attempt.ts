import type { ProfileEntry, StateTransition, TaskError, TaskLog, TimeNs } from '../event/index.ts';
import type { TaskFacts } from './definitions.ts';
import type { FoldNode } from './fold.ts';
import type { AttemptOutcome } from './lifecycle.ts';
import { NO_STATES, type PackedStates, unpackStates } from './packed-states.ts';
import { actorIdOf, jobIdOf } from './ray-ids.ts';
import type { Session } from './records.ts';
import { NOWHERE, type Where } from './where.ts';

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
    return unpackStates(this.states);
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

/** What few attempts have, or all have only shortly before their end. */
class Extra {
  error: TaskError | undefined;
  actorReprName: string | undefined;
  wasDebuggerPaused = false;
  log: TaskLog | undefined;
  profile: ProfileEntry[] = [];
  /** From the first to the last call that it submitted. */
  submitsStartNs: TimeNs | undefined;
  submitsEndNs: TimeNs | undefined;
  /** An event came, even if it told no state and none of its entries is kept. */
  seen = false;
  terminalMs: number | undefined;
  evidenceMs: number | undefined;
  deathMs: number | undefined;
  dueMs = Number.POSITIVE_INFINITY;
  /** A span that was sent names this one as its parent, so it can't be folded any more. */
  pinned = false;
  /** Folded children that wait for what becomes of this attempt. */
  folds: Map<string, FoldNode> | undefined;
  /** When nothing but children is known of it. */
  childrenStartNs: TimeNs | undefined;
  childrenEndNs: TimeNs | undefined;
}

const NO_EXTRA: Readonly<Extra> = new Extra();

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
  /** Smallest id of those that its definitions named; one in practice. */
  parentTaskId: string | undefined;
  /** The job whose trace it stands in, once no later event can change that. */
  traceJobId: string | undefined;
  /** Kept from a closed creation attempt, because restarted ones come without. */
  keptDefinition: TaskFacts | undefined;
  /** Its row among the tombstones, once every attempt is closed. */
  tombstone: number | undefined;
  /** The one attempt that nearly all have, or an array of several. */
  #attempts: Attempt | ClosedAttempt | readonly (Attempt | ClosedAttempt)[] = NO_ATTEMPTS;

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

  /** In the order in which they were first heard of. */
  get attempts(): readonly (Attempt | ClosedAttempt)[] {
    return isSeveral(this.#attempts) ? this.#attempts : [this.#attempts];
  }

  get hasOpen(): boolean {
    return isSeveral(this.#attempts) ? this.#attempts.some(({ closed }) => !closed) : !this.#attempts.closed;
  }

  find(number: number): Attempt | ClosedAttempt | undefined {
    if (isSeveral(this.#attempts)) return this.#attempts.find((attempt) => attempt.number === number);
    return this.#attempts.number === number ? this.#attempts : undefined;
  }

  add(attempt: Attempt | ClosedAttempt): void {
    this.#attempts = isSeveral(this.#attempts) && this.#attempts.length === 0 ? attempt : [...this.attempts, attempt];
  }

  replace(attempt: Attempt, closed: ClosedAttempt): void {
    this.#attempts = this.#attempts === attempt ? closed : this.attempts.map((other) => (other === attempt ? closed : other));
  }

  /** The definition of any attempt: they differ in the attempt number only. */
  get anyDefinition(): TaskFacts | undefined {
    let found: Attempt | undefined;
    for (const attempt of this.attempts) {
      if (!attempt.closed && attempt.definition !== undefined && (found === undefined || attempt.number < found.number)) found = attempt;
    }
    return found?.definition ?? this.keptDefinition;
  }
}

const NO_ATTEMPTS: readonly (Attempt | ClosedAttempt)[] = [];

function isSeveral(
  attempts: Attempt | ClosedAttempt | readonly (Attempt | ClosedAttempt)[],
): attempts is readonly (Attempt | ClosedAttempt)[] {
  return Array.isArray(attempts);
}
