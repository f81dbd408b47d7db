import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import {
  type FinishedAttempt,
  type AttemptTimes,
  isRayWork,
  rayLibraryOf,
  serveReplicaOf,
  type TaskFacts,
  timesOf,
  WHOLE_TASK_PREFIX,
} from '../correlate/index.ts';
import { exceptionLine, exceptionOf, type ExceptionFacts, type ProfileEntry, type TaskLog } from '../event/index.ts';
import type { EventFields } from '../otlp/index.ts';
import type { MappingContext } from './context.ts';
import { addLibrary } from './libraries.ts';
import { type AttributeSet, linksOf, makeSibling, makeSpan, parentIdOf, seconds, startSiblings, stateEvents } from './span-builder.ts';
import { phaseSpanId, profileSpanId, taskSpanId } from './ids.ts';
import type { SpanOptions } from './options.ts';
import { countPhases, type Phase, phasesOf, showsPhasesAsSpans, statesAfterPhases } from './phases.ts';

/** Error type without a known type, from the semantic conventions. */
const ERROR_TYPE_UNKNOWN = '_OTHER';

/** Maps an attempt to its span, with phases and profile entries as children. */
export function attemptSpans(context: MappingContext, lifecycle: FinishedAttempt): ReadableSpan[] {
  const { session, taskId, attempt } = lifecycle;
  const spanId = taskSpanId(session, taskId, attempt);
  const resource = context.resources.of(lifecycle);
  const times = timesOf(lifecycle);
  const asSpans = showsPhasesAsSpans(lifecycle, times, context.options);
  const failed = lifecycle.outcome === 'failed';
  // A requested cancellation and a planned exit are not errors, although Python raises exceptions
  // for them.
  const exception = failed ? exceptionOf(lifecycle.error, lifecycle.profile) : undefined;
  const errorType = lifecycle.error?.errorType ?? (exception === undefined ? ERROR_TYPE_UNKNOWN : 'TASK_EXECUTION_EXCEPTION');
  const attributes = attemptAttributes(context, lifecycle, times);
  if (failed) attributes.set('error.type', errorType);
  if (!failed && lifecycle.outcome !== 'finished') attributes.set('ray.task.outcome', lifecycle.outcome);
  attributes
    .set('ray.task.end_reason', lifecycle.endReason)
    .set('ray.worker.exit_type', lifecycle.workerExit?.type)
    .set('ray.worker.exit_detail', exitDetail(lifecycle));
  const shownStates =
    context.options.phases === 'none' || isLean(lifecycle) ? [] : asSpans ? statesAfterPhases(lifecycle, times) : lifecycle.states;
  const span = makeSpan(context, lifecycle.trace, {
    startNs: lifecycle.startNs,
    endNs: lifecycle.endNs,
    endInferred: lifecycle.endInferred,
    endClamped: lifecycle.endClamped,
    statesLeftOut: lifecycle.statesLeftOut,
    name: lifecycle.name,
    spanId,
    parentSpanId: parentIdOf(lifecycle),
    attributes,
    resource,
    links: isLean(lifecycle) ? linksOf(withoutParentJob(lifecycle)) : linksOf(lifecycle),
    events: [...stateEvents(shownStates), ...exceptionEvents(context, lifecycle, exception)],
    error: failed ? (exception === undefined ? errorType : exceptionLine(exception) || errorType) : undefined,
  });
  if (lifecycle.isCompact === true) return [span];
  return [span, ...childSpans(context, lifecycle, spanId, asSpans ? phasesOf(lifecycle, times) : [])];
}

/** Counts the spans that `attemptSpans` makes. */
export function countAttemptSpans(lifecycle: FinishedAttempt, options: SpanOptions): number {
  if (lifecycle.isCompact === true) return 1;
  const times = timesOf(lifecycle);
  const phases = showsPhasesAsSpans(lifecycle, times, options) ? countPhases(lifecycle, times) : 0;
  return 1 + phases + shownProfile(lifecycle).length;
}

function shownProfile({ profile }: FinishedAttempt): readonly ProfileEntry[] {
  return profile.filter((entry) => !entry.name.startsWith(WHOLE_TASK_PREFIX));
}

/** Returns the exit detail, unless the message of the failure contains it. */
function exitDetail({ workerExit, error }: FinishedAttempt): string | undefined {
  return workerExit === undefined || error?.message.includes(workerExit.detail) === true ? undefined : workerExit.detail;
}

function attemptAttributes(context: MappingContext, lifecycle: FinishedAttempt, times: AttemptTimes): AttributeSet {
  const { definition, log } = lifecycle;
  const attributes = context
    .attributes()
    .set('ray.job_id', lifecycle.jobId)
    .set('ray.task_id', lifecycle.taskId)
    .set('ray.task.attempt', lifecycle.attempt)
    .set('ray.actor_id', lifecycle.actorId)
    .set('ray.worker_id', lifecycle.workerId)
    .set('process.pid', lifecycle.workerPid)
    .set('ray.actor.repr', lifecycle.actorReprName)
    .set('ray.serve.replica', serveReplicaOf(lifecycle.actorName))
    .set('ray.tune.trainable', trainableOf(lifecycle));
  if (log !== undefined && !isLean(lifecycle)) addLog(attributes, log);
  if (lifecycle.wasDebuggerPaused === true) attributes.set('ray.debugger_paused', true);
  if (lifecycle.definitionFrom !== 'own' && lifecycle.placeholder !== true) attributes.set('ray.definition', lifecycle.definitionFrom);
  if (lifecycle.placeholder === true) attributes.set('ray.placeholder', true);
  if (lifecycle.parentRolledUp === true) attributes.set('ray.parent_folded', true);
  if (lifecycle.parentTooDeep === true) attributes.set('ray.parent_too_deep', true);
  if (definition !== undefined) attributes.include(context.attributesOf(definition, (set) => addDefinition(context, set, definition)));
  addTimes(attributes, lifecycle, times);
  return attributes;
}

/** The function of a trial, which is all that its actor says of it. */
function trainableOf({ definition, actorReprName }: FinishedAttempt): string | undefined {
  if (definition === undefined || actorReprName === undefined) return undefined;
  return rayLibraryOf(definition)?.library === 'tune' ? actorReprName : undefined;
}

/** One of many in a trace with little room. A failure shows its states and its log all the same. */
function isLean({ isCompact, outcome }: FinishedAttempt): boolean {
  return isCompact === true && outcome !== 'failed';
}

/** Without the link that repeats the parent span. */
function withoutParentJob({ session, links }: FinishedAttempt): Pick<FinishedAttempt, 'session' | 'links'> {
  return { session, links: links.filter((link) => !(link.relation === 'parent_task' && link.span.kind === 'job')) };
}

function addLog(attributes: AttributeSet, log: TaskLog): void {
  attributes
    .set('ray.log.stdout_file', log.stdoutFile)
    .set('ray.log.stdout_start', log.stdoutStart)
    .set('ray.log.stdout_end', log.stdoutEnd)
    .set('ray.log.stderr_file', log.stderrFile)
    .set('ray.log.stderr_start', log.stderrStart)
    .set('ray.log.stderr_end', log.stderrEnd);
}

function addDefinition(context: MappingContext, attributes: AttributeSet, definition: TaskFacts): void {
  attributes
    .set('ray.task.type', definition.taskType)
    .set('ray.language', definition.language)
    .set('ray.parent_task_id', definition.parentTaskId);
  addFunction(attributes, definition);
  attributes
    .set('ray.placement_group_id', definition.placementGroupId)
    .set('ray.call_site', definition.callSite)
    .setEach('ray.resources.', definition.requiredResources)
    .setEach('ray.label_selector.', definition.labelSelector);
  context.addRuntimeEnv(attributes, definition.runtimeEnv);
  addLibrary(attributes, definition);
  if (isRayWork(definition)) attributes.set('ray.internal', true);
}

/** Sets the names of the called function. */
export function addFunction(attributes: AttributeSet, { taskType, moduleName, className, functionName }: TaskFacts): void {
  const qualified = dotted(dotted(moduleName, className), functionName);
  const isActor = taskType !== 'NORMAL_TASK' && className !== undefined;
  attributes
    .set('code.function.name', qualified)
    .set('ray.function', isActor ? dotted(className, functionName) : qualified)
    .set('ray.actor_class', isActor ? className : undefined)
    .set('ray.actor_method', isActor ? functionName : undefined);
}

function dotted(first: string | undefined, second: string | undefined): string {
  if (first === undefined || first === '') return second ?? '';
  return second === undefined || second === '' ? first : `${first}.${second}`;
}

function addTimes(attributes: AttributeSet, lifecycle: FinishedAttempt, times: AttemptTimes): void {
  const { states } = lifecycle;
  const { pendingNs, ranNs, runningAtNs, terminalIndex, skewNs } = times;
  attributes.set('ray.task.state', lastState(lifecycle));
  if (states.length === 0) return;
  if (pendingNs !== undefined) attributes.set('ray.task.pending_seconds', seconds(pendingNs));
  if (ranNs !== undefined) attributes.set('ray.task.running_seconds', seconds(ranNs));
  if (runningAtNs === undefined && lifecycle.outcome === 'finished') attributes.set('ray.running_unknown', true);
  if (terminalIndex !== -1 && terminalIndex < states.length - 1) attributes.set('ray.end_after_terminal', true);
  if (skewNs > 0n) attributes.set('ray.clock_skew_seconds', seconds(skewNs));
}

function lastState({ states, outcome, endInferred }: FinishedAttempt): string | undefined {
  const terminal = outcome === 'failed' ? 'FAILED' : 'FINISHED';
  // Ray reported the terminal state without a time.
  if (endInferred === 'last_state') return terminal;
  return states.some(({ state }) => state === terminal) ? terminal : states.at(-1)?.state;
}

/**
 * Makes the event `exception` of the OpenTelemetry semantic conventions, at the time of the
 * failure.
 */
function exceptionEvents(context: MappingContext, lifecycle: FinishedAttempt, exception: ExceptionFacts | undefined): EventFields[] {
  if (exception === undefined || (exception.type === undefined && exception.message === '')) return [];
  const attributes = context
    .attributes()
    .set('exception.type', exception.type)
    .set('exception.message', exception.message)
    .set('exception.stacktrace', exception.stacktrace);
  return [{ name: 'exception', timeNs: lifecycle.endNs, attributes }];
}

/** Makes the spans of phases and profile entries, which share their parent and ids. */
function childSpans(context: MappingContext, lifecycle: FinishedAttempt, parentSpanId: string, phases: readonly Phase[]): ReadableSpan[] {
  const { session, jobId, taskId, attempt, trace } = lifecycle;
  const entries = shownProfile(lifecycle);
  if (phases.length + entries.length === 0) return [];
  startSiblings(context, trace, {
    resource: context.resources.of(lifecycle),
    parentSpanId,
    attributes: context.attributes().set('ray.job_id', jobId).set('ray.task_id', taskId).set('ray.task.attempt', attempt),
  });
  const spans: ReadableSpan[] = phases.map(({ state, name, startNs, endNs, endClamped }) =>
    makeSibling(context, {
      name,
      spanId: phaseSpanId(session, taskId, attempt, state, startNs),
      startNs,
      endNs,
      endClamped,
      attributes: context.attributes().set('ray.task.state', state),
    }),
  );
  for (const entry of entries) {
    const attributes = context.attributes().set('ray.profile', true);
    const spanId = profileSpanId(session, taskId, attempt, entry.name, entry.startNs, entry.endNs);
    spans.push(makeSibling(context, { name: entry.name, spanId, ...profileTimes(entry), attributes }));
  }
  return spans;
}

/**
 * Returns the times of an entry. One that ends before it starts (a clock was set back) ends at its
 * start, marked as clamped.
 */
export function profileTimes({ startNs, endNs }: ProfileEntry): {
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly endClamped?: boolean;
} {
  return endNs < startNs ? { startNs, endNs: startNs, endClamped: true } : { startNs, endNs };
}
