import {
  type ActorTransition,
  type DeathCause,
  type DeathMeaning,
  deathMeaning,
  endedBySigterm,
  exceptionOf,
  isCancellation,
  killedActorReason,
  processExit,
  type ProfileEntry,
  type StateTransition,
  type TaskError,
  type TimeNs,
  type Untimed,
} from '../../event/index.ts';
import { isDeathError } from './death-errors.ts';
import { type AttemptEnd, jobEndNs } from './ends.ts';
import type { Evidence } from './evidence.ts';
import type { AttemptOutcome, EndReason, WorkerExit } from '../finished.ts';
import type { Actor, Attempt, Job } from '../entities/entities.ts';
import { nextOf } from '../states/transitions.ts';

/** How an attempt ended, and what is known of why: a pure function of what is known of it, its worker, node, actor and job. */
export interface AttemptResult {
  readonly outcome: AttemptOutcome;
  /** Of a failure only. */
  readonly error: TaskError | undefined;
  readonly endReason: EndReason | undefined;
  /** Of the process whose end was the attempt's. */
  readonly workerExit: WorkerExit | undefined;
}

/** A process that ended later did not end the attempt. Ray detects the end of a process in several ways, at different times. */
const REASON_SLACK_NS = 10_000_000_000n;
/** Ray detects the end of a driver shortly after it, and then ends the driver's workers. */
const DRIVER_END_SLACK_NS = 1_000_000_000n;
/** What gRPC says when the other process is gone. */
const CONNECTION_LOST = /\bRPC error\b/i;
const OUT_OF_MEMORY = 'NODE_OUT_OF_MEMORY';
const SYSTEM_EXIT = 'SystemExit';
/** Of `sys.exit()`, `sys.exit(0)` and `exit_actor()`. */
const EXIT_CODES_ON_PURPOSE: readonly string[] = ['', '0', 'None'];

export function attemptResult(
  attempt: Attempt,
  evidence: Evidence,
  end: AttemptEnd,
  job: Job,
  workerId: string | undefined,
): AttemptResult {
  const { error } = attempt.rareFields;
  const { profile } = evidence;
  if (isCancellation(error, profile)) return plain('cancelled');
  // Ray can report an end without its time.
  const isReported = end.endInferred === undefined || attempt.rareFields.untimedEnd !== undefined;
  if (isReported && end.outcome !== 'failed') return plain(end.outcome, exitsOnPurpose(profile) ? 'intended_exit' : undefined);
  const deaths = new Deaths(attempt, evidence, workerId);
  if (isReported || error !== undefined) return reportedFailure(error, deaths, end.endNs);
  if (end.endInferred === 'job_finished') return plain('unfinished', 'driver_ended');
  if (end.endInferred === 'profile') return recordedEnd(profile, deaths, end, job);
  return end.outcome === 'failed' || end.endInferred === 'actor_died' ? endByDeath(deaths, end, job) : plain(end.outcome);
}

/** Of an attempt that is only named as a parent. */
export const UNSEEN_RESULT: AttemptResult = plain('unfinished');

function plain(outcome: AttemptOutcome, endReason?: EndReason): AttemptResult {
  return { outcome, error: undefined, endReason, workerExit: undefined };
}

/** The failure that Ray reports. The reason why its process ended is in another event. */
function reportedFailure(error: TaskError | undefined, deaths: Deaths, endNs: TimeNs): AttemptResult {
  if (error === undefined || !isDeathError(error)) return { ...plain('failed'), error };
  const reported: DeathCause = { reason: error.errorType, message: error.message };
  const isUseless = error.message === '' || CONNECTION_LOST.test(error.message);
  const untilNs = endNs + REASON_SLACK_NS;
  const known = error.errorType === 'NODE_DIED' ? deaths.ofNode(untilNs) : (deaths.ofWorker(untilNs) ?? deaths.ofActorProcess(untilNs));
  const death = isUseless ? (known ?? reported) : reported;
  const meaning = deathMeaning(death);
  const workerExit = processExit(death) ?? (known === undefined ? undefined : processExit(known));
  if (meaning === 'driver_ended' || meaning === 'cancelled') return { ...ofDeath(meaning), workerExit };
  return { outcome: 'failed', error: { ...error, message: death.message || error.message }, endReason: undefined, workerExit };
}

/** The profile of its execution is the only word of its end. */
function recordedEnd(profile: readonly ProfileEntry[], deaths: Deaths, end: AttemptEnd, job: Job): AttemptResult {
  const exception = exceptionOf(undefined, profile);
  if (exception === undefined) return plain(end.outcome);
  if (exitsOnPurpose(profile)) return plain('finished', 'intended_exit');
  if (exception.type !== SYSTEM_EXIT) return plain('failed');
  if (endsWithDriver(job, end.endNs)) return plain('unfinished', 'driver_ended');
  return endByDeath(deaths, end, job);
}

/** What it ran on ended. */
function endByDeath(deaths: Deaths, end: AttemptEnd, job: Job): AttemptResult {
  const isNode = end.endInferred === 'node_died';
  const isActor = end.endInferred === 'actor_died';
  const death = isNode ? deaths.ofNode() : isActor ? (deaths.ofActor() ?? deaths.ofWorker()) : (deaths.ofWorker() ?? deaths.ofActor());
  const workerExit = death === undefined ? undefined : processExit(death);
  const meaning = death === undefined ? 'failure' : meaningOf(death, job, end.endNs);
  if (meaning !== 'failure') return { ...ofDeath(meaning), workerExit };
  if (end.endInferred === 'profile' && death === undefined) return plain('failed');
  const error = isNode ? nodeError(death) : isActor ? actorError(death, deaths.restart) : workerError(death);
  return { outcome: 'failed', error, endReason: undefined, workerExit };
}

function meaningOf(death: DeathCause, job: Job, endNs: TimeNs): DeathMeaning {
  return endedBySigterm(death.message) && endsWithDriver(job, endNs) ? 'driver_ended' : deathMeaning(death);
}

function ofDeath(meaning: 'cancelled' | 'driver_ended' | 'intended'): AttemptResult {
  if (meaning === 'cancelled') return plain('cancelled');
  return plain('unfinished', meaning === 'driver_ended' ? 'driver_ended' : 'intended_exit');
}

function exitsOnPurpose(profile: readonly ProfileEntry[]): boolean {
  return profile.some(
    ({ exceptionType, exceptionMessage }) => exceptionType === SYSTEM_EXIT && EXIT_CODES_ON_PURPOSE.includes(exceptionMessage ?? ''),
  );
}

/** Ray ended it because the driver of its job had ended: it says so, or sent a SIGTERM at that time. */
export function diedWithDriver(death: DeathCause, job: Job, endNs: TimeNs): boolean {
  return meaningOf(death, job, endNs) === 'driver_ended';
}

function endsWithDriver(job: Job, atNs: TimeNs): boolean {
  const endNs = jobEndNs(job);
  return endNs !== undefined && atNs >= endNs - DRIVER_END_SLACK_NS;
}

function nodeError(death: DeathCause | undefined): TaskError {
  return { errorType: 'NODE_DIED', message: death?.message || unknownCause('node') };
}

function workerError(death: DeathCause | undefined): TaskError {
  const killed = death === undefined ? undefined : killedActorReason(death.message);
  if (killed !== undefined) return { errorType: 'ACTOR_DIED', message: killed };
  const errorType = death?.reason === OUT_OF_MEMORY ? 'OUT_OF_MEMORY' : 'WORKER_DIED';
  return { errorType, message: death?.message || unknownCause('worker') };
}

function actorError(death: DeathCause | undefined, restart: ActorTransition | undefined): TaskError {
  if (restart !== undefined) {
    const reason = restart.restartReason === undefined ? '' : ` (${restart.restartReason})`;
    const message = death?.message || `The actor was restarted${reason} while the task was open; Ray sent no end for it.`;
    return { errorType: 'ACTOR_DIED', message };
  }
  const errorType = death === undefined || death.reason === 'UNSPECIFIED' ? 'ACTOR_DIED' : death.reason;
  return { errorType, message: death?.message || unknownCause('actor') };
}

function unknownCause(place: 'worker' | 'node' | 'actor'): string {
  return `The ${place} died while the task was open; Ray sent no end for it.`;
}

interface Dying extends StateTransition {
  readonly deathCause?: DeathCause;
}

/** What Ray says of the deaths of what an attempt ran in, until a time where one is given. */
class Deaths {
  readonly #attempt: Attempt;
  readonly #evidence: Evidence;
  readonly #workerId: string | undefined;

  constructor(attempt: Attempt, evidence: Evidence, workerId: string | undefined) {
    this.#attempt = attempt;
    this.#evidence = evidence;
    this.#workerId = workerId;
  }

  /** Its actor's process ended, and another one followed. */
  get restart(): ActorTransition | undefined {
    const { actorEnd } = this.#evidence;
    return actorEnd?.state === 'RESTARTING' ? actorEnd : undefined;
  }

  ofWorker(untilNs?: TimeNs): DeathCause | undefined {
    const { workers } = this.#attempt.task.session;
    return this.#workerId === undefined ? undefined : causeIn(workers.get(this.#workerId), untilNs);
  }

  ofNode(untilNs?: TimeNs): DeathCause | undefined {
    const { executorNodeId, submittedNodeId } = this.#evidence.placement;
    const nodeId = executorNodeId ?? submittedNodeId;
    return nodeId === undefined ? undefined : causeIn(this.#attempt.task.session.nodes.get(nodeId), untilNs);
  }

  /** Of its actor, where that ended an attempt without a reported end. */
  ofActor(): DeathCause | undefined {
    const { actorEnd } = this.#evidence;
    return actorEnd?.state === 'DEAD' ? (actorEnd.deathCause ?? causeIn(this.#actor)) : undefined;
  }

  /** Of its actor, where that died with the process in which an attempt failed. */
  ofActorProcess(untilNs: TimeNs): DeathCause | undefined {
    const { alive, actorEnd } = this.#evidence;
    const end: Dying | undefined =
      alive === undefined || this.#actor === undefined ? actorEnd : nextOf(this.#actor, ['RESTARTING', 'DEAD'], alive.timeNs);
    return end?.state === 'DEAD' && end.timeNs <= untilNs ? end.deathCause : undefined;
  }

  get #actor(): Actor | undefined {
    const { actorId, session } = this.#attempt.task;
    return actorId === undefined ? undefined : session.actors.get(actorId);
  }
}

interface Mortal {
  readonly transitions: readonly Dying[];
  readonly untimedEnd: Untimed<Dying> | undefined;
}

/** The longest of several, which says most. */
function causeIn(mortal: Mortal | undefined, untilNs?: TimeNs): DeathCause | undefined {
  let cause = mortal?.untimedEnd?.deathCause;
  for (const { state, timeNs, deathCause: found } of mortal?.transitions ?? []) {
    if (state !== 'DEAD' || found === undefined || (untilNs !== undefined && timeNs > untilNs)) continue;
    if (cause === undefined || isMore(found.message, cause.message)) cause = found;
  }
  return cause;
}

function isMore(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}
