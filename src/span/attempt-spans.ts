import type { ReadableSpan, TimedEvent } from '@opentelemetry/sdk-trace-base';
import { type AttemptLifecycle, type TaskFacts, WHOLE_TASK_PREFIX } from '../correlate/index.ts';
import type { ProfileEntry } from '../event/index.ts';
import { isRayModule, type MappingContext } from './context.ts';
import { type AttributeSet, hrTime, linksOf, makeSpan, parentIdOf, seconds, stateEvents } from './draft.ts';
import { exceptionOf, type ExceptionFacts, statusMessage } from './exception.ts';
import { phaseSpanId, profileSpanId, taskSpanId } from './ids.ts';
import { isTerminal, pendingNs, phasesOf, showsPhasesAsSpans, statesAfterPhases } from './phases.ts';

/** `_OTHER` of the semantic conventions: an error of which no type is known. */
const ERROR_TYPE_UNKNOWN = '_OTHER';

/** An attempt's span, with its phases and profile entries as children. */
export function attemptSpans(context: MappingContext, lifecycle: AttemptLifecycle): ReadableSpan[] {
  const { session, taskId, attempt } = lifecycle;
  const spanId = taskSpanId(session, taskId, attempt);
  const resource = context.resources.of(lifecycle);
  const asSpans = showsPhasesAsSpans(lifecycle, context.options);
  const exception = exceptionOf(lifecycle.error, lifecycle.profile);
  const failed = lifecycle.outcome === 'failed';
  const errorType = lifecycle.error?.errorType ?? (exception === undefined ? ERROR_TYPE_UNKNOWN : 'TASK_EXECUTION_EXCEPTION');
  const attributes = attemptAttributes(context, lifecycle);
  if (failed) attributes.set('error.type', errorType);
  const shownStates = context.options.phases === 'none' ? [] : asSpans ? statesAfterPhases(lifecycle.states) : lifecycle.states;
  const span = makeSpan(lifecycle.trace, {
    ...lifecycle,
    spanId,
    parentSpanId: parentIdOf(lifecycle),
    attributes,
    resource,
    links: linksOf(lifecycle),
    events: [...stateEvents(shownStates), ...exceptionEvents(context, lifecycle, exception)],
    error: failed ? (exception === undefined ? errorType : statusMessage(exception) || errorType) : undefined,
  });
  if (lifecycle.lean === true) return [span];
  const children = [...(asSpans ? phaseSpans(context, lifecycle, spanId) : []), ...profileSpans(context, lifecycle, spanId)];
  return [span, ...children];
}

function attemptAttributes(context: MappingContext, lifecycle: AttemptLifecycle): AttributeSet {
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
    .set('ray.log.stdout_file', log?.stdoutFile)
    .set('ray.log.stdout_start', log?.stdoutStart)
    .set('ray.log.stdout_end', log?.stdoutEnd)
    .set('ray.log.stderr_file', log?.stderrFile)
    .set('ray.log.stderr_start', log?.stderrStart)
    .set('ray.log.stderr_end', log?.stderrEnd);
  if (lifecycle.wasDebuggerPaused === true) attributes.set('ray.debugger_paused', true);
  if (lifecycle.definitionFrom !== 'own' && lifecycle.placeholder !== true) attributes.set('ray.definition', lifecycle.definitionFrom);
  if (lifecycle.placeholder === true) attributes.set('ray.placeholder', true);
  if (lifecycle.parentFolded === true) attributes.set('ray.parent_folded', true);
  if (definition !== undefined) addDefinition(context, attributes, definition);
  addTimes(attributes, lifecycle);
  return attributes;
}

function addDefinition(context: MappingContext, attributes: AttributeSet, definition: TaskFacts): void {
  const { moduleName, className, functionName } = definition;
  const qualified = [moduleName, className, functionName].filter((part) => part !== undefined && part !== '').join('.');
  const isActor = definition.taskType !== 'NORMAL_TASK' && className !== undefined;
  attributes
    .set('ray.task.type', definition.taskType)
    .set('ray.language', definition.language)
    .set('ray.parent_task_id', definition.parentTaskId)
    .set('code.function.name', qualified)
    .set('ray.function', isActor ? [className, functionName].filter((part) => part !== undefined).join('.') : qualified)
    .set('ray.actor_class', isActor ? className : undefined)
    .set('ray.actor_method', isActor ? functionName : undefined)
    .set('ray.placement_group_id', definition.placementGroupId)
    .set('ray.call_site', definition.callSite)
    .setEach('ray.resources.', definition.requiredResources)
    .setEach('ray.label_selector.', definition.labelSelector);
  context.addRuntimeEnv(attributes, definition.runtimeEnv);
  if (isRayModule(moduleName)) attributes.set('ray.internal', true);
}

function addTimes(attributes: AttributeSet, lifecycle: AttemptLifecycle): void {
  const { states, endNs } = lifecycle;
  attributes.set('ray.task.state', lastState(lifecycle));
  if (states.length === 0) return;
  const running = states.find(({ state }) => state === 'RUNNING');
  attributes.set('ray.task.pending_seconds', seconds(pendingNs(lifecycle)));
  if (running !== undefined) attributes.set('ray.task.running_seconds', seconds((terminalNs(lifecycle) ?? endNs) - running.timeNs));
  if (running === undefined && lifecycle.outcome === 'finished') attributes.set('ray.running_unknown', true);
  if (statesAfterPhases(states).length > 0) attributes.set('ray.end_after_terminal', true);
}

function terminalNs({ states }: AttemptLifecycle): bigint | undefined {
  const running = states.find(({ state }) => state === 'RUNNING');
  const terminal = states.find(({ state }) => isTerminal(state));
  return running === undefined || terminal === undefined || terminal.timeNs < running.timeNs ? undefined : terminal.timeNs;
}

function lastState({ states, outcome }: AttemptLifecycle): string | undefined {
  const terminal = outcome === 'failed' ? 'FAILED' : 'FINISHED';
  return states.some(({ state }) => state === terminal) ? terminal : states.at(-1)?.state;
}

/** As the OpenTelemetry semantic conventions want it: an event `exception` at the time of the failure. */
function exceptionEvents(context: MappingContext, lifecycle: AttemptLifecycle, exception: ExceptionFacts | undefined): TimedEvent[] {
  if (exception === undefined || (exception.type === undefined && exception.message === '')) return [];
  const attributes = context
    .attributes()
    .set('exception.type', exception.type)
    .set('exception.message', exception.message)
    .set('exception.stacktrace', exception.stacktrace);
  return [{ name: 'exception', time: hrTime(lifecycle.endNs), attributes: attributes.values }];
}

function phaseSpans(context: MappingContext, lifecycle: AttemptLifecycle, parentSpanId: string): ReadableSpan[] {
  const { session, taskId, attempt } = lifecycle;
  const resource = context.resources.of(lifecycle);
  return phasesOf(lifecycle).map((phase) =>
    makeSpan(lifecycle.trace, {
      name: phase.name,
      spanId: phaseSpanId(session, taskId, attempt, phase.state, phase.startNs),
      parentSpanId,
      startNs: phase.startNs,
      endNs: phase.endNs,
      resource,
      attributes: ownIds(context, lifecycle).set('ray.task.state', phase.state),
    }),
  );
}

function ownIds(context: MappingContext, { jobId, taskId, attempt }: AttemptLifecycle): AttributeSet {
  return context.attributes().set('ray.job_id', jobId).set('ray.task_id', taskId).set('ray.task.attempt', attempt);
}

function profileSpans(context: MappingContext, lifecycle: AttemptLifecycle, parentSpanId: string): ReadableSpan[] {
  const { session, taskId, attempt } = lifecycle;
  const resource = context.resources.of(lifecycle);
  return lifecycle.profile
    .filter((entry) => !entry.name.startsWith(WHOLE_TASK_PREFIX))
    .map((entry) =>
      makeSpan(lifecycle.trace, {
        name: entry.name,
        spanId: profileSpanId(session, taskId, attempt, entry.name, entry.startNs, entry.endNs),
        parentSpanId,
        ...profileTimes(entry),
        resource,
        attributes: ownIds(context, lifecycle).set('ray.profile', true),
      }),
    );
}

/** An entry that ends before it starts (a clock that was set back) is shown at its start, and says so. */
export function profileTimes({ startNs, endNs }: ProfileEntry): {
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly endClamped?: boolean;
} {
  return endNs < startNs ? { startNs, endNs: startNs, endClamped: true } : { startNs, endNs };
}
