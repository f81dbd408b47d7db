import { creationTaskOf, jobIdOf } from '../correlate/index.ts';
import type { ActorView } from './actor-view.ts';
import { calledActorOf } from './called-actor.ts';
import type { Needs } from './needs.ts';
import type { AttemptView, SessionView } from './records.ts';
import type { SessionNow } from './session-now.ts';
import { PENDING_STAGES } from './stage.ts';
import { shortened } from './text.ts';

/**
 * Resources that Ray derives from a placement group's bundles. The group itself already describes
 * them.
 */
const BUNDLE_RESOURCE = /_group_|^bundle_group/;
const MAX_LISTED = 10;
const MAX_GROUP_NAME_LENGTH = 200;

/** States in which an actor cannot take calls. */
const ACTOR_WORDS: Readonly<Record<string, string>> = {
  DEPENDENCIES_UNREADY: 'is not created yet',
  PENDING_CREATION: 'is being created',
  RESTARTING: 'is being restarted',
  DEAD: 'is dead',
};

/**
 * Says what an attempt waits for, followed to the root: `actor A, which is being created, which
 * waits for a node with CPU 4`. Undefined for an attempt that does not wait.
 */
export function waitsFor(attempt: AttemptView, now: SessionNow): string | undefined {
  if (attempt.stage === 'running') return blockedInRay(attempt);
  if (!PENDING_STAGES.includes(attempt.stage)) return undefined;
  // Most attempts of a function wait for the same thing.
  const key = calledActorOf(attempt.taskId) ?? attempt.needs;
  const texts = now.waits.get(key) ?? new Map<string, string>();
  now.waits.set(key, texts);
  let text = texts.get(attempt.state);
  if (text === undefined) texts.set(attempt.state, (text = chainOf(attempt, now).join(', which waits for ')));
  return text;
}

function blockedInRay({ state }: AttemptView): string | undefined {
  if (state === 'RUNNING_IN_RAY_GET') return 'results of other tasks, in ray.get';
  return state === 'RUNNING_IN_RAY_WAIT' ? 'results of other tasks, in ray.wait' : undefined;
}

/** The links of the chain: what the attempt waits for, what that waits for, and so on. */
function chainOf({ taskId, stage, state, needs }: AttemptView, now: SessionNow): readonly string[] {
  const actorId = calledActorOf(taskId);
  if (stage === 'pending_args') {
    const isHeldByActor = actorId !== undefined && isNotReady(now, actorId);
    return isHeldByActor ? actorChain(now, actorId) : ['its arguments: results of other tasks'];
  }
  if (state === 'PENDING_OBJ_STORE_MEM_AVAIL') return ['room in the object store of its node'];
  if (state === 'PENDING_ARGS_FETCH') return ['its arguments to be brought to its node'];
  if (state === 'PENDING_ACTOR_TASK_ARGS_FETCH') return ['its arguments to be brought to its actor'];
  // A call needs no node of its own: its actor has one or waits for one.
  if (actorId !== undefined) return actorChain(now, actorId);
  return stage === 'pending_node' ? [describeNodeNeed(now, needs)] : ['its worker to begin'];
}

function actorViewOf({ jobs }: SessionView, actorId: string): ActorView | undefined {
  return jobs.get(jobIdOf(actorId))?.actors.get(actorId);
}

/** True if the actor is known to be unable to take calls. */
function isNotReady({ session }: SessionNow, actorId: string): boolean {
  const state = actorViewOf(session, actorId)?.state ?? '';
  if (state !== '') return state !== 'ALIVE';
  const creation = session.lastAttempts.get(creationTaskOf(actorId));
  return creation !== undefined && (PENDING_STAGES.includes(creation.stage) || creation.stage === 'running');
}

function actorChain(now: SessionNow, actorId: string): readonly string[] {
  const { session } = now;
  const actor = actorViewOf(session, actorId);
  const creation = session.lastAttempts.get(creationTaskOf(actorId));
  const called = `actor ${actor?.name ?? actor?.className ?? classOf(creation) ?? actorId}`;
  if (!isNotReady(now, actorId)) {
    const running = now.callOf(actorId);
    return [`its turn at ${called}${running === undefined ? '' : `, which runs ${running.function.name}`}`];
  }
  const words = ACTOR_WORDS[actor?.state ?? ''] ?? 'is being created';
  if (creation !== undefined && PENDING_STAGES.includes(creation.stage)) return [`${called}, which ${words}`, ...chainOf(creation, now)];
  if (creation?.stage === 'running') return [`${called}, which ${words}: its constructor runs`];
  const isPlacing = actor?.state === 'PENDING_CREATION';
  return [`${called}, which ${words}`, ...(isPlacing ? [describeNodeNeed(now, actor?.needs)] : [])];
}

function classOf(creation: AttemptView | undefined): string | undefined {
  return creation?.function.name.replace(/\.__init__$/, '');
}

function describeNodeNeed(now: SessionNow, needs: Needs | undefined): string {
  if (needs === undefined) return 'a node that has room';
  const { requiredResources, placementGroupId, labelSelector } = needs;
  const resources = Object.entries(requiredResources).filter(([name]) => !BUNDLE_RESOURCE.test(name));
  const parts = [
    ...(placementGroupId === undefined ? [] : [`in placement group ${describeGroup(now.session, placementGroupId)}`]),
    ...(resources.length === 0 ? [] : [`with ${joined(resources.map(([name, amount]) => `${name} ${amount}`))}`]),
    ...(labelSelector === undefined
      ? []
      : [`labelled ${joined(Object.entries(labelSelector).map(([label, value]) => `${label} ${value}`))}`]),
  ];
  const node = parts.length === 0 ? 'a node that has room' : `a node ${parts.join(', ')}`;
  return `${node}${describeFit(now, resources, needs)}`;
}

function describeGroup({ entity }: SessionView, id: string): string {
  const group = entity.placementGroups.get(id);
  const name = shortened(group?.definition?.name ?? id, MAX_GROUP_NAME_LENGTH);
  const state = group?.untimedEnd?.state ?? group?.transitions.at(-1)?.state ?? '';
  return state === '' || state === 'CREATED' ? name : `${name}, which is ${state}`;
}

function describeFit({ capacity }: SessionNow, resources: readonly (readonly [string, number])[], needs: Needs): string {
  if (resources.length === 0 && needs.labelSelector === undefined) return '';
  const { fit, nodes } = capacity.fitting(resources, needs);
  if (fit === 'too_much') return ': no node has as much';
  if (fit === 'no_labels') return ': no node has these labels';
  // The bridge does not know how much of a placement group is in use.
  if (fit !== 'in_use' || needs.placementGroupId !== undefined) return '';
  return nodes === 1 ? ': the only node that has as much is in use' : `: all ${nodes} nodes that have as much are in use`;
}

function joined(items: readonly string[]): string {
  const shown = items.slice(0, MAX_LISTED).toSorted();
  return items.length > MAX_LISTED ? `${shown.join(', ')}…` : shown.join(', ');
}
