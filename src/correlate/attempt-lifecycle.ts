import type { ActorTransition, TimeNs } from '../event/index.ts';
import { traceJobOf } from './ancestry.ts';
import { attemptEnd, firstStateNs, jobStartNs } from './ends.ts';
import type { AttemptLifecycle, LinkRef, NodeFacts, SpanRef } from './lifecycle.ts';
import { smallest, sortedProfile, WHOLE_TASK_PREFIX } from './merge.ts';
import { creationTaskOf, isCreationTask } from './ray-ids.ts';
import type { Actor, Attempt, ClosedAttempt, Job, Session } from './records.ts';
import { runningNs } from './task-attempts.ts';
import type { State } from './state.ts';
import { sortedTransitions } from './transitions.ts';
import { actorSpan, actorTrace, jobTrace } from './trace-ref.ts';

/** The job in whose trace an attempt stands. */
export function jobOf(state: State, attempt: Attempt): Job {
  const { session } = attempt.task;
  return state.job(session, traceJobOf(attempt.task).jobId, attempt.firstSeenMs);
}

/** The earliest that is known of an attempt. */
export function attemptStartNs(attempt: Attempt): TimeNs {
  const { session, ownJobId } = attempt.task;
  const known = firstStateNs(attempt.transitions) ?? firstEntryNs(attempt) ?? attempt.extra.childrenStartNs ?? submitsOnlyStartNs(attempt);
  if (known !== undefined) return known;
  const job = session.jobs.get(ownJobId);
  return (job === undefined ? undefined : jobStartNs(job)) ?? session.firstNs ?? 0n;
}

/** Of an attempt of which nothing else is known. */
function submitsOnlyStartNs({ definition, extra }: Attempt): TimeNs | undefined {
  return definition === undefined ? extra.submitsStartNs : undefined;
}

function firstEntryNs({ extra: { profile } }: Attempt): TimeNs | undefined {
  let first: TimeNs | undefined;
  for (const { startNs } of profile) first = smallest(first, startNs);
  return first;
}

/** Where a span hangs, and the span of the task that submitted it, when that has one. */
export interface Place {
  readonly parent: SpanRef;
  readonly parentTask: SpanRef | undefined;
  readonly parentFolded: boolean;
}

export function attemptLifecycle(state: State, attempt: Attempt, job: Job, place: Place): AttemptLifecycle {
  const { task, where, extra } = attempt;
  const { session } = task;
  const startNs = attemptStartNs(attempt);
  const end = attempt.seen ? attemptEnd(attempt, startNs, job) : placeholderEnd(attempt, startNs);
  const definition = attempt.definition ?? task.keptDefinition;
  const { actorId } = task;
  const actor = actorId === undefined ? undefined : session.actors.get(actorId);
  const alive = actor === undefined ? undefined : aliveAt(actor, attempt, startNs);
  const workerId = where.workerId ?? alive?.workerId;
  // All keys, always: whoever reads one of a hundred thousand of them is compiled for one hidden class.
  return {
    kind: 'attempt',
    session: session.name,
    trace: jobTrace(job),
    parent: place.parent,
    links: attemptLinks(state, attempt, job, actor, place.parentTask),
    taskId: task.id,
    attempt: attempt.number,
    jobId: job.id === task.ownJobId ? job.id : task.ownJobId,
    actorId,
    name: attemptName(attempt, definition?.name, end.whole?.name, actor),
    definition,
    definitionFrom: attempt.definition !== undefined ? 'own' : definition === undefined ? 'missing' : 'other_attempt',
    states: sortedTransitions(attempt.transitions),
    outcome: end.outcome,
    error: extra.error ?? inferredError(end.endInferred),
    profile: sortedProfile(extra.profile),
    startNs: end.startNs,
    endNs: end.endNs,
    endInferred: end.endInferred,
    endClamped: end.endClamped,
    node: attemptNode(session, attempt, workerId, alive?.nodeId),
    workerId,
    workerPid: where.workerPid ?? alive?.pid,
    serviceName: job.definition?.serviceName,
    actorReprName: extra.actorReprName,
    wasDebuggerPaused: extra.wasDebuggerPaused ? true : undefined,
    log: extra.log,
    parentFolded: place.parentFolded ? true : undefined,
    placeholder: attempt.seen ? undefined : true,
    lean: undefined,
    statesLeftOut: extra.leftOut?.count,
  } satisfies { readonly [Key in keyof Required<AttemptLifecycle>]: AttemptLifecycle[Key] };
}

function placeholderEnd(attempt: Attempt, startNs: TimeNs): ReturnType<typeof attemptEnd> {
  const endNs = attempt.extra.childrenEndNs ?? startNs;
  return { startNs, endNs: endNs < startNs ? startNs : endNs, outcome: 'unfinished', whole: undefined };
}

function inferredError(endInferred: string | undefined): { readonly errorType: string; readonly message: string } | undefined {
  if (endInferred === 'worker_died')
    return { errorType: 'WORKER_DIED', message: 'The worker died while the task was open; Ray sent no end for it.' };
  if (endInferred === 'node_died')
    return { errorType: 'NODE_DIED', message: 'The node died while the task was open; Ray sent no end for it.' };
  return undefined;
}

function attemptName(attempt: Attempt, defined: string | undefined, whole: string | undefined, actor: Actor | undefined): string {
  if (defined !== undefined && defined !== '') return defined;
  if (whole !== undefined && whole.length > WHOLE_TASK_PREFIX.length) return whole.slice(WHOLE_TASK_PREFIX.length);
  const className = actor?.definition?.className ?? actor?.className;
  if (className !== undefined) return isCreationTask(attempt.task.id) ? `${className}.__init__` : `${className} call`;
  return attempt.seen ? 'task' : 'task (never seen)';
}

/** The ALIVE of the actor's process that an attempt ran in: the first from a creation's start on, else the last until it ran, or the first. */
function aliveAt(actor: Actor, attempt: Attempt, startNs: TimeNs): ActorTransition | undefined {
  const isCreation = isCreationTask(attempt.task.id);
  const atNs = isCreation ? startNs : (runningNs(attempt) ?? startNs);
  let first: ActorTransition | undefined;
  let firstFrom: ActorTransition | undefined;
  let lastUntil: ActorTransition | undefined;
  for (const transition of actor.transitions) {
    if (transition.state !== 'ALIVE') continue;
    const { timeNs } = transition;
    if (first === undefined || timeNs < first.timeNs) first = transition;
    if (timeNs >= atNs && (firstFrom === undefined || timeNs < firstFrom.timeNs)) firstFrom = transition;
    if (timeNs <= atNs && (lastUntil === undefined || timeNs > lastUntil.timeNs)) lastUntil = transition;
  }
  return isCreation ? firstFrom : (lastUntil ?? first);
}

function attemptNode(
  session: Session,
  attempt: Attempt,
  workerId: string | undefined,
  aliveNodeId: string | undefined,
): NodeFacts | undefined {
  const workerNodeId = workerId === undefined ? undefined : session.workers.get(workerId)?.definition?.nodeId;
  return nodeFacts(session, attempt.where.nodeId ?? aliveNodeId ?? workerNodeId, attempt.where.nodeIpAddress);
}

export function nodeFacts(session: Session, nodeId: string | undefined, ipAddress?: string): NodeFacts | undefined {
  if (nodeId === undefined) return undefined;
  const definition = session.nodes.get(nodeId)?.definition;
  return {
    nodeId,
    ipAddress: definition?.ipAddress ?? ipAddress,
    hostname: definition?.hostname,
    nodeName: definition?.nodeName,
    instanceId: definition?.instanceId,
    instanceTypeName: definition?.instanceTypeName,
    labels: definition?.labels,
  };
}

function attemptLinks(state: State, attempt: Attempt, job: Job, actor: Actor | undefined, parentTask: SpanRef | undefined): LinkRef[] {
  const { task } = attempt;
  const trace = jobTrace(job);
  const links: LinkRef[] = parentTask === undefined ? [] : [{ relation: 'parent_task', trace, span: parentTask }];
  const previous = attempt.number > 0 ? task.find(attempt.number - 1) : undefined;
  if (previous !== undefined && !(previous.closed && previous.fold !== undefined)) {
    links.push({ relation: 'previous_attempt', trace, span: { kind: 'task', taskId: task.id, attempt: previous.number } });
  }
  if (actor !== undefined) {
    const actorJob = state.job(task.session, actor.jobId, attempt.firstSeenMs);
    links.push({ relation: 'actor', trace: actorTrace(actor, actorJob), span: actorSpan(actor) });
  }
  return links;
}

/** The creation attempt of an actor that has a span of its own, to link to. */
export function creationAttemptSpan(actor: Actor): SpanRef | undefined {
  const task = actor.session.findTask(creationTaskOf(actor.id));
  let first: Attempt | ClosedAttempt | undefined;
  for (const attempt of task?.attempts ?? []) {
    if (attempt.closed && attempt.fold !== undefined) continue;
    if (first === undefined || attempt.number < first.number) first = attempt;
  }
  return first === undefined || task === undefined ? undefined : { kind: 'task', taskId: task.id, attempt: first.number };
}
