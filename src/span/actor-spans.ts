import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { type ActorLifecycle, type Incarnation, isRayActorName, isRayWork, rayLibraryOf, serveReplicaOf } from '../correlate/index.ts';
import { type DeathCause, reasonLine } from '../event/index.ts';
import type { LinkFields } from '../otlp/index.ts';
import type { MappingContext } from './context.ts';
import { addLibrary } from './libraries.ts';
import { linksOf, makeSpan, parentIdOf, spanLink, stateEvents } from './span-builder.ts';
import { actorSpanId, incarnationSpanId, traceIdOf } from './ids.ts';

/** Deaths that are not failures: `ActorDiedErrorContext.Reason` of Ray's `common.proto`. */
const ORDINARY_DEATHS: readonly string[] = ['RAY_KILL', 'OUT_OF_SCOPE', 'REF_DELETED', 'OWNER_DIED', 'UNSPECIFIED'];
/**
 * Text of a planned exit: `exit_actor()`, exit code 0, or the end of the work. Ray reports the
 * `WorkerExitType` of an actor only in the message.
 */
const INTENDED_EXIT = /\bWorker exit type: INTENDED_(?:USER|SYSTEM)_EXIT\b/;

/** Maps an actor to a span of its lifetime, and a child span for each incarnation. */
export function actorSpans(context: MappingContext, lifecycle: ActorLifecycle): ReadableSpan[] {
  const { session, actorId, definition, className } = lifecycle;
  const spanId = actorSpanId(session, actorId);
  const resource = context.resources.of(lifecycle);
  const death = lifecycle.states.find((transition) => transition.deathCause !== undefined)?.deathCause;
  const attributes = context
    .attributes()
    .set('ray.job_id', lifecycle.jobId)
    .set('ray.actor_id', actorId)
    .set('ray.actor_class', className)
    .set('ray.actor.name', definition?.name)
    .set('ray.actor.namespace', definition?.namespace)
    .set('ray.actor.detached', lifecycle.isDetached)
    .set('ray.actor.incarnations', lifecycle.incarnations.length + (lifecycle.incarnationsLeftOut ?? 0))
    .set('ray.actor.restarts', lifecycle.restarts === 0 ? undefined : lifecycle.restarts)
    .set('ray.placement_group_id', definition?.placementGroupId)
    .set('ray.call_site', definition?.callSite)
    .set('ray.actor.death_message', death?.message)
    .setEach('ray.resources.', definition?.requiredResources)
    .setEach('ray.label_selector.', definition?.labelSelector);
  context.addRuntimeEnv(attributes, definition?.runtimeEnv);
  addLibrary(attributes, lifecycle);
  attributes.set('ray.serve.replica', serveReplicaOf(definition?.name)).set('ray.tune.trainable', trainableOf(lifecycle));
  if (isRayWork(lifecycle) || isRayActorName(definition?.name)) attributes.set('ray.internal', true);
  const failure = failureOf(death);
  if (failure !== undefined) attributes.set('error.type', failure.type);
  const actor = makeSpan(context, lifecycle.trace, {
    ...lifecycle,
    name: `actor ${lifecycle.name}`,
    spanId,
    parentSpanId: parentIdOf(lifecycle),
    attributes,
    resource,
    links: linksOf(lifecycle),
    events: stateEvents(lifecycle.states),
    error: failure?.message,
  });
  const { incarnations } = lifecycle;
  return [actor, ...incarnations.map((incarnation, at) => incarnationSpan(context, lifecycle, incarnation, incarnations[at - 1], spanId))];
}

function incarnationSpan(
  context: MappingContext,
  lifecycle: ActorLifecycle,
  incarnation: Incarnation,
  previous: Incarnation | undefined,
  parentSpanId: string,
): ReadableSpan {
  const { session, actorId, serviceName } = lifecycle;
  const { number, alive, ended, node } = incarnation;
  const label = lifecycle.className ?? lifecycle.name;
  const death = ended?.deathCause;
  const attributes = context
    .attributes()
    .set('ray.job_id', lifecycle.jobId)
    .set('ray.actor_id', actorId)
    .set('ray.actor_class', lifecycle.className)
    .set('ray.actor.incarnation', number)
    .set('ray.worker_id', alive.workerId)
    .set('process.pid', alive.pid)
    .set('ray.actor.repr', alive.reprName)
    .set('ray.actor.restart_reason', ended?.restartReason)
    .set('ray.actor.death_message', death?.message)
    .set('ray.serve.replica', serveReplicaOf(lifecycle.definition?.name));
  addLibrary(attributes, lifecycle);
  // A restart has no death cause, but a process ended that should have continued.
  const failure =
    failureOf(death) ??
    (ended?.state === 'RESTARTING' ? { type: ended.restartReason ?? 'RESTARTING', message: 'the actor was restarted' } : undefined);
  if (failure !== undefined) attributes.set('error.type', failure.type);
  const resourceOf = { session, ...(serviceName === undefined ? {} : { serviceName }), ...(node === undefined ? {} : { node }) };
  return makeSpan(context, lifecycle.trace, {
    ...incarnation,
    name: `${label} #${number}`,
    spanId: incarnationSpanId(session, actorId, number),
    parentSpanId,
    attributes,
    resource: context.resources.of(resourceOf),
    // The previous incarnation may have been dropped.
    links: previous?.number === number - 1 ? [previousLink(lifecycle, number - 1)] : [],
    error: failure?.message,
  });
}

/** The function of a Tune trial. */
function trainableOf(lifecycle: ActorLifecycle): string | undefined {
  return rayLibraryOf(lifecycle)?.library === 'tune' ? lifecycle.incarnations.at(-1)?.alive.reprName : undefined;
}

function previousLink({ session, actorId, trace }: ActorLifecycle, number: number): LinkFields {
  return spanLink(traceIdOf(trace), incarnationSpanId(session, actorId, number), 'previous_incarnation');
}

function failureOf(death: DeathCause | undefined): { readonly type: string; readonly message: string } | undefined {
  if (death === undefined || ORDINARY_DEATHS.includes(death.reason)) return undefined;
  if (death.reason === 'WORKER_DIED' && INTENDED_EXIT.test(death.message)) return undefined;
  return { type: death.reason, message: reasonLine(death.message) || death.reason };
}
