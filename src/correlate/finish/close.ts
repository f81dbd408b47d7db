import { costOfMapped, mapSampled, type Output } from '../mapping.ts';
import type { ActorTransition, TimeNs } from '../../event/index.ts';
import { type Cost, NO_COST, RESERVED_COST } from '../budget/budget.ts';
import { creationAttemptSpan, nodeFacts } from './finished-attempt.ts';
import { closeAttempt, closeRest } from './close-attempt.ts';
import { sendAllHeld } from './settle-held.ts';
import { forgetThreads, settleThreads } from '../callers/close-threads.ts';
import { hasUntimedEnd, interval, jobEndNs, jobStartNs, sessionStartNs, silenceNs } from './ends.ts';
import { isInternalJob } from '../naming/internal.ts';
import { verdictOf } from './job-verdict.ts';
import {
  actorLastNs,
  actorStartNs,
  attemptsThatEnd,
  endedAfterJob,
  isActorEndedByJob,
  isAfterJob,
  noteChild,
  trustedActorInterval,
} from './job-end.ts';
import { actorOutlivesDriver } from './outlives.ts';
import { scheduleJob } from '../due/due.ts';
import { leftOutOf } from '../compact/left-out.ts';
import type { ActorLifecycle, Incarnation, Interval, FinishedJob, LinkRef } from '../finished.ts';
import { largest, sortedProfile } from '../states/merge.ts';
import { tasksSoFar } from '../entities/open-attempts.ts';
import type { Actor, Job, Session } from '../entities/entities.ts';
import type { JobState } from '../read-model.ts';
import { send, sendIfRoom } from '../send.ts';
import type { State } from '../state.ts';
import { ACTOR_ORDER, DRIVER_ORDER, JOB_ORDER, skewOf } from '../states/state-order.ts';
import { countOf, lastTimeOf, MAX_FIRST, nextOf, sortedTransitions } from '../states/transitions.ts';
import { actorSpan, actorTrace, jobSpan, jobTrace, parseCaller } from '../trace-ref.ts';
import { lastTrustedNs, trustedTimeOf } from './trusted-time.ts';
import { DEATH, statesWithEnd } from '../states/untimed.ts';

const MAX_DETACHED_LINKS = 100;

/**
 * Ends a job with what is open of it and does not outlive it. With its session, when that is silent, this is everything. Where it
 * `isSwept`, what ends with it was closed before.
 */
export function closeJob(state: State, job: Job, nowMs: number, out: Output[], isSilent = false, isSwept = false): void {
  if (!isSwept) closeWithJob(state, job, nowMs, out, isSilent);
  closeHeld(state, job, nowMs, out, isSilent);
  flushRollups(state, job, out);
  job.budget.forgetFunctions();
  if (!job.closed && job.hasContent) {
    state.close(job);
    job.silentNs = silenceNs(job.session);
    job.verdict = verdictOf(job);
    send(state, jobLifecycle(state, job, profileWithRoom(state, job)), out);
    job.profile = [];
    state.held.measure(job);
    for (const actor of job.actors) if (actor.closed) job.actors.delete(actor);
  }
  forgetThreads(job);
  job.budget.tighten();
  state.schedule(job, Number.POSITIVE_INFINITY);
}

function closeWithJob(state: State, job: Job, nowMs: number, out: Output[], isSilent: boolean): void {
  settleThreads(state, job, nowMs);
  const actors = [...job.actors]
    .filter((actor) => !actor.closed && !actor.isDetached && (isSilent || isActorEndedByJob(state, actor, job)))
    .sort(byId);
  const rareFields = { ...profileCost(job) };
  for (const actor of actors) {
    const cost = job.budget.isUnlimited ? NO_COST : costToCloseActor(state, actor, job);
    rareFields.spans += cost.spans;
    rareFields.bytes += cost.bytes;
  }
  closeRest(state, attemptsThatEnd(state, job, nowMs, isSilent), job, rareFields, nowMs, out);
  // Parents that were only named by the attempts just closed.
  closeRest(state, attemptsThatEnd(state, job, nowMs, isSilent), job, rareFields, nowMs, out);
  closeHeld(state, job, nowMs, out, isSilent);
  for (const actor of actors) closeActor(state, actor, nowMs, out);
}

/** Sends the slowest attempts, and closes parents that are only named by them. */
function closeHeld(state: State, job: Job, nowMs: number, out: Output[], isSilent: boolean): void {
  if (job.budget.heldBack.size === 0) return;
  sendAllHeld(state, job, nowMs, out);
  for (const attempt of attemptsThatEnd(state, job, nowMs, isSilent)) closeAttempt(state, attempt, nowMs, out);
}

/** What the entries of the driver take of its trace. */
export function profileCost({ profile }: Job): Cost {
  return { spans: profile.length, bytes: profile.length * RESERVED_COST.bytes };
}

/** What an actor takes of its job's trace when it is closed now. */
export function costToCloseActor(state: State, actor: Actor, job: Job): Cost {
  return costOfMapped(mapSampled(state.options.mapping, finishedActor(state, actor, job)));
}

/** Attempts can still arrive when the job's span was sent: their rollups, and parents that were only named, follow. */
export function closeRemainder(state: State, job: Job, nowMs: number, out: Output[], isSwept: boolean): void {
  if (!isSwept) for (const attempt of attemptsThatEnd(state, job, nowMs, false)) closeAttempt(state, attempt, nowMs, out);
  closeHeld(state, job, nowMs, out, false);
  flushRollups(state, job, out);
  job.budget.forgetFunctions();
  state.schedule(job, Number.POSITIVE_INFINITY);
}

function flushRollups(state: State, job: Job, out: Output[]): void {
  if (job.budget.rollups.isEmpty) return;
  for (const rollup of job.budget.rollups.flush(jobTrace(job), job.session.name, job.definition?.serviceName)) send(state, rollup, out);
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}

/** The job's name, by what is known of it. */
export function jobName({ id, definition }: JobState): string {
  return definition?.jobName ?? definition?.submissionId ?? definition?.entrypoint ?? id;
}

/** The result of a job; `profile` are the driver's entries. */
export function jobLifecycle(state: State, job: Job, profile: FinishedJob['profile']): FinishedJob {
  const { session, definition } = job;
  const node = nodeFacts(session, definition?.driverNodeId);
  return {
    kind: 'job',
    session: session.name,
    trace: jobTrace(job),
    links: jobLinks(state, job),
    jobId: job.id,
    name: jobName(job),
    states: sortedTransitions([
      ...job.transitions,
      ...job.driverTransitions.map((driver) => ({ ...driver, state: `DRIVER_${driver.state}` })),
    ]),
    tasks: { finished: job.finished, failed: job.failed, cancelled: job.cancelled, unfinished: job.unfinished },
    attemptCount: job.attemptCount,
    actorCount: job.actorCount,
    tasksSoFar: tasksSoFar(job),
    openActors: [...job.actors].filter((actor) => !actor.closed && !actor.isDetached).map(({ id }) => id),
    rolledUpAttemptCount: job.budget.rolledUpAttemptCount,
    compactAttemptCount: job.budget.compactAttemptCount,
    statesLeftOut: leftOutOf(job, { leftOut: job.driverLeftOut }),
    clockSkewNs: largest(skewOf(job.transitions, JOB_ORDER), skewOf(job.driverTransitions, DRIVER_ORDER)),
    profile,
    isInternal: isInternalJob(job),
    verdict: job.verdict ?? verdictOf(job),
    ...jobInterval(job),
    ...(definition === undefined ? {} : { definition }),
    ...(definition?.serviceName === undefined ? {} : { serviceName: definition.serviceName }),
    ...(job.driverError === undefined ? {} : { driverError: job.driverError }),
    ...(node === undefined ? {} : { node }),
  };
}

/** Start and end of a job's span. */
export function jobInterval(job: JobState): Interval {
  const startNs = jobStartNs(job) ?? job.childrenStartNs ?? sessionStartNs(job.session);
  const endNs = jobEndNs(job);
  // Inferred, too, where the time of FINISHED is that of a wrong clock.
  if (endNs !== undefined) return interval(startNs, endNs, lastTimeOf(job, 'FINISHED') === endNs ? undefined : 'job_finished');
  if (!hasUntimedEnd(job)) return interval(startNs, job.silentNs ?? silenceNs(job.session), 'silence');
  const driver = { session: job.session, transitions: job.driverTransitions };
  const lastNs = largest(job.childrenEndNs, largest(lastTrustedNs(job), lastTrustedNs(driver)));
  return interval(startNs, lastNs ?? startNs, 'last_state');
}

/** The driver's entries are detail. Entries of no task, as async actors send them, can also end after the job's span is sent. */
function profileWithRoom(state: State, job: Job): FinishedJob['profile'] {
  return sortedProfile(job.profile).filter(({ endNs }) => {
    if (isAfterJob(state, endNs, job) || !job.budget.fits(RESERVED_COST, 'ordinary')) return false;
    job.budget.charge(RESERVED_COST);
    return true;
  });
}

function jobLinks(state: State, job: Job): LinkRef[] {
  const links: LinkRef[] = [];
  for (const actor of [...job.actors]
    .filter((candidate) => candidate.isDetached && !isAfterJob(state, trustedTimeOf(candidate, actorStartNs(candidate)), job))
    .sort(byId)
    .slice(0, MAX_DETACHED_LINKS)) {
    links.push({ relation: 'detached_actor', trace: actorTrace(actor, job), span: actorSpan(actor) });
  }
  const caller = parseCaller(job.definition?.traceparent, job.definition?.tracestate);
  if (caller !== undefined && jobTrace(job).caller === undefined) links.push({ relation: 'caller', context: caller });
  return links;
}

/** Ends an actor's lifetime. */
export function closeActor(state: State, actor: Actor, nowMs: number, out: Output[]): void {
  const job = state.job(actor.session, actor.jobId, nowMs);
  const lifecycle = finishedActor(state, actor, job);
  state.close(actor);
  if (lifecycle.endInferred !== undefined) state.inferredEnds[lifecycle.endInferred] += 1;
  if (actor.isDetached) {
    send(state, lifecycle, out);
    if (job.closed) job.actors.delete(actor);
    return;
  }
  job.actors.delete(actor);
  job.hasChildren = true;
  const times = trustedActorInterval(actor, lifecycle);
  if (!endedAfterJob(state, times, job, () => actorOutlivesDriver(state.ordinary, actor))) {
    noteChild(job, times);
    job.actorCount += 1;
  }
  if (sendIfRoom(state, job.budget, lifecycle, 'structure', out)) return;
  state.watcher?.finished(lifecycle, 'rolled_up', state.nowMs);
  job.budget.rollups.add(job.budget.rollups.under(), {
    name: `actor ${lifecycle.className ?? lifecycle.name}`,
    outcome: 'finished',
    isAttempt: false,
    startNs: lifecycle.startNs,
    endNs: lifecycle.endNs,
  });
  if (job.closed) scheduleJob(state, job, nowMs);
}

export function finishedActor(state: State, actor: Actor, job: Job): ActorLifecycle {
  const { session, definition } = actor;
  const startNs = actorStartNs(actor);
  const lastNs = actorLastNs(actor) ?? startNs;
  const { states, endNs, endInferred } = statesWithEnd(actor, DEATH, lastNs);
  const times = endNs === undefined ? openActorEnd(state, actor, job, startNs, lastNs) : interval(startNs, endNs, endInferred);
  const className = definition?.className ?? actor.className;
  const incarnations = incarnationsOf(actor, states, times);
  const node = incarnations[0]?.node;
  return {
    kind: 'actor',
    session: session.name,
    trace: actorTrace(actor, job),
    links: actorLinks(actor, job),
    actorId: actor.id,
    jobId: actor.jobId,
    isDetached: actor.isDetached,
    name: definition?.name ?? className ?? actor.id,
    states,
    incarnations,
    incarnationsLeftOut: actor.leftOut?.countOf('ALIVE'),
    restarts: countOf(actor, 'RESTARTING'),
    statesLeftOut: leftOutOf(actor),
    clockSkewNs: skewOf(actor.transitions, ACTOR_ORDER),
    ...times,
    ...(actor.isDetached ? {} : { parent: jobSpan(job) }),
    ...(className === undefined ? {} : { className }),
    ...(actor.moduleName === undefined ? {} : { moduleName: actor.moduleName }),
    ...(definition === undefined ? {} : { definition }),
    ...(job.definition?.serviceName === undefined ? {} : { serviceName: job.definition.serviceName }),
    ...(node === undefined ? {} : { node }),
  };
}

function openActorEnd(state: State, actor: Actor, job: Job, startNs: TimeNs, lastNs: TimeNs): Interval {
  const endNs = isActorEndedByJob(state, actor, job) ? (jobEndNs(job) ?? lastNs) : undefined;
  return interval(startNs, endNs ?? silenceNs(actor.session), endNs === undefined ? 'silence' : 'job_finished', lastNs);
}

/** States that can follow ALIVE without an end of the process. */
const BEFORE_ALIVE: readonly string[] = ['PENDING_CREATION', 'DEPENDENCIES_UNREADY'];

function incarnationsOf({ session, leftOut }: Actor, transitions: readonly ActorTransition[], times: Interval): Incarnation[] {
  const incarnations: Incarnation[] = [];
  const leftOutEnd = leftOut === undefined ? undefined : nextOf({ transitions: [], leftOut }, ['RESTARTING', 'DEAD', 'ALIVE']);
  let number = countOf({ transitions, leftOut }, 'ALIVE');
  let ended: ActorTransition | undefined;
  for (let index = transitions.length - 1; index >= 0; index -= 1) {
    if (index === MAX_FIRST - 1 && leftOut !== undefined) {
      number -= leftOut.countOf('ALIVE');
      ended = leftOutEnd ?? ended;
    }
    const transition = transitions[index];
    if (transition?.state === 'ALIVE') {
      number -= 1;
      incarnations.push(incarnationOf(session, number, transition, ended, times));
    }
    if (transition !== undefined && !BEFORE_ALIVE.includes(transition.state)) ended = transition;
  }
  return incarnations.reverse();
}

function incarnationOf(
  session: Session,
  number: number,
  alive: ActorTransition,
  ended: ActorTransition | undefined,
  times: Interval,
): Incarnation {
  const node = nodeFacts(session, alive.nodeId);
  const isEndKnown = ended !== undefined && !(times.endInferred === 'last_state' && ended.state === 'DEAD');
  return {
    number,
    alive,
    ...interval(alive.timeNs, ended?.timeNs ?? times.endNs, isEndKnown ? undefined : times.endInferred),
    ...(ended === undefined ? {} : { ended }),
    ...(node === undefined ? {} : { node }),
  };
}

function actorLinks(actor: Actor, job: Job): LinkRef[] {
  const links: LinkRef[] = [];
  const span = creationAttemptSpan(actor);
  if (span !== undefined) links.push({ relation: 'creation_task', trace: jobTrace(job), span });
  if (actor.isDetached && job.hasContent) links.push({ relation: 'job', trace: jobTrace(job), span: jobSpan(job) });
  return links;
}
