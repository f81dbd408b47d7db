import type { ProfileEntry, TimeNs } from '../../event/index.ts';
import { traceJobOf } from '../callers/ancestry.ts';
import { attemptResult, UNSEEN_RESULT } from './attempt-outcome.ts';
import { type AttemptEnd, attemptEnd, firstStateNs, jobStartNs, sessionStartNs } from './ends.ts';
import { evidenceOf } from './evidence.ts';
import type { FinishedAttempt, LinkRef, NodeFacts, SpanRef } from '../finished.ts';
import { firstEntryNs, WHOLE_TASK_PREFIX } from '../states/merge.ts';
import type { PlacementFacts } from '../compact/placement-facts.ts';
import { creationTaskOf, isCreationTask } from '../naming/ray-ids.ts';
import type { Actor, Attempt, Job, Session } from '../entities/entities.ts';
import type { ClosedAttempt } from '../compact/closed-attempt.ts';
import type { State } from '../state.ts';
import { actorSpan, actorTrace, jobTrace } from '../trace-ref.ts';

/** The job in whose trace an attempt stands. */
export function jobOf(state: State, attempt: Attempt): Job {
  const { session } = attempt.task;
  return state.job(session, traceJobOf(attempt.task).jobId, attempt.firstSeenMs);
}

/** The earliest that is known of an attempt. */
export function attemptStartNs(attempt: Attempt): TimeNs {
  const { session, ownJobId } = attempt.task;
  const known =
    firstStateNs(attempt.transitions) ??
    firstEntryNs(attempt.rareFields.profile) ??
    attempt.rareFields.childrenStartNs ??
    submitsOnlyStartNs(attempt);
  if (known !== undefined) return known;
  const job = session.jobs.get(ownJobId);
  return (job === undefined ? undefined : jobStartNs(job)) ?? sessionStartNs(session);
}

/** The start of an attempt that is only known from its submissions. */
function submitsOnlyStartNs({ definition, rareFields }: Attempt): TimeNs | undefined {
  return definition === undefined ? rareFields.submitsStartNs : undefined;
}

/** Where a span hangs, and the span of the task that submitted it, when that has one. */
export interface Place {
  readonly parent: SpanRef;
  readonly parentTask: SpanRef | undefined;
  readonly parentRolledUp: boolean;
  /** The span of the parent task is so deep in the trace that nothing hangs under it. */
  readonly parentTooDeep: boolean;
}

export function finishedAttempt(state: State, attempt: Attempt, job: Job, place: Place): FinishedAttempt {
  const { task, rareFields } = attempt;
  const { session } = task;
  const startNs = attemptStartNs(attempt);
  const evidence = evidenceOf(attempt, startNs);
  const end = attempt.seen ? attemptEnd(state, attempt, evidence, startNs, job) : placeholderEnd(attempt, startNs);
  const definition = attempt.definition ?? task.keptDefinition;
  const { actorId } = task;
  const actor = actorId === undefined ? undefined : session.actors.get(actorId);
  const { alive, placement } = evidence;
  const workerId = placement.workerId ?? alive?.workerId;
  const result = attempt.seen ? attemptResult(attempt, evidence, end, job, workerId) : UNSEEN_RESULT;
  // Every key, always: V8 then compiles the readers of all attempts for one hidden class.
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
    states: evidence.states,
    outcome: result.outcome,
    error: result.error,
    endReason: result.endReason,
    workerExit: result.workerExit,
    profile: ownEntries(state, evidence.profile, end),
    startNs: end.startNs,
    endNs: end.endNs,
    endInferred: end.endInferred,
    endClamped: end.endClamped,
    node: attemptNode(session, placement, workerId, alive?.nodeId),
    workerId,
    workerPid: placement.workerPid ?? alive?.pid,
    serviceName: job.definition?.serviceName,
    actorReprName: rareFields.actorReprName,
    actorName: actor?.definition?.name,
    wasDebuggerPaused: rareFields.wasDebuggerPaused ? true : undefined,
    log: rareFields.log,
    parentRolledUp: place.parentRolledUp ? true : undefined,
    parentTooDeep: place.parentTooDeep ? true : undefined,
    placeholder: attempt.seen ? undefined : true,
    isCompact: undefined,
    statesLeftOut: rareFields.leftOut?.count,
    clockSkewNs: isByClockOfOthers(end) ? evidence.skewNs : undefined,
  } satisfies { readonly [Key in keyof Required<FinishedAttempt>]: FinishedAttempt[Key] };
}

/** Its end is a time of its actor, worker, node or job, which the head's clock gave. */
function isByClockOfOthers({ endInferred }: AttemptEnd): boolean {
  return endInferred !== undefined && endInferred !== 'profile' && endInferred !== 'last_state';
}

/**
 * The profile entries that an attempt can have made. Async actors also send entries under the id of a call that ended long before:
 * those end after the attempt, and after its span is sent.
 */
function ownEntries(state: State, entries: readonly ProfileEntry[], { endNs, endInferred, whole }: AttemptEnd): readonly ProfileEntry[] {
  const settleNs = BigInt(state.options.settleMs) * 1_000_000n;
  const lastNs = whole?.endNs ?? (endInferred === undefined ? endNs + settleNs : undefined);
  return lastNs === undefined ? entries : entries.filter((entry) => entry.endNs <= lastNs);
}

function placeholderEnd(attempt: Attempt, startNs: TimeNs): ReturnType<typeof attemptEnd> {
  const endNs = attempt.rareFields.childrenEndNs ?? startNs;
  return { startNs, endNs: endNs < startNs ? startNs : endNs, outcome: 'unfinished', whole: undefined };
}

function attemptName(attempt: Attempt, defined: string | undefined, whole: string | undefined, actor: Actor | undefined): string {
  if (defined !== undefined && defined !== '') return defined;
  if (whole !== undefined && whole.length > WHOLE_TASK_PREFIX.length) return whole.slice(WHOLE_TASK_PREFIX.length);
  const className = actor?.definition?.className ?? actor?.className;
  if (className !== undefined) return isCreationTask(attempt.task.id) ? `${className}.__init__` : `${className} call`;
  return attempt.seen ? 'task' : 'task (never seen)';
}

function attemptNode(
  session: Session,
  placement: PlacementFacts,
  workerId: string | undefined,
  aliveNodeId: string | undefined,
): NodeFacts | undefined {
  const workerNodeId = workerId === undefined ? undefined : session.workers.get(workerId)?.definition?.nodeId;
  const nodeId = placement.executorNodeId ?? placement.submittedNodeId ?? aliveNodeId ?? workerNodeId;
  return nodeFacts(session, nodeId, placement.nodeIpAddress);
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
  if (previous !== undefined && !(previous.closed && previous.rollup !== undefined)) {
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
    if (attempt.closed && (attempt.rollup !== undefined || attempt.isHeldBack)) continue;
    if (first === undefined || attempt.number < first.number) first = attempt;
  }
  return first === undefined || task === undefined ? undefined : { kind: 'task', taskId: task.id, attempt: first.number };
}
