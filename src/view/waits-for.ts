import { creationTaskOf, jobIdOf } from '../correlate/index.ts';
import type { ActorView } from './actor-view.ts';
import { calledActorOf } from './called-actor.ts';
import type { Amount, Fitting } from './capacity.ts';
import type { Needs } from './needs.ts';
import type { AttemptView, SessionView } from './records.ts';
import type { SessionNow } from './session-now.ts';
import { PENDING_STAGES } from './stage.ts';
import { shortened } from './text.ts';
import type { NodeNeed, Wait, WaitLink } from './wait.ts';

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
  return waitOf(attempt, now)?.text;
}

/** The wait of a pending attempt; undefined for an attempt that is not pending. */
export function waitOf(attempt: AttemptView, now: SessionNow): Wait | undefined {
  if (!PENDING_STAGES.includes(attempt.stage)) return undefined;
  // Most attempts of a function wait for the same thing.
  const key = calledActorOf(attempt.taskId) ?? attempt.needs;
  const waits = now.waits.get(key) ?? new Map<string, Wait>();
  now.waits.set(key, waits);
  let wait = waits.get(attempt.state);
  if (wait === undefined) {
    const links = chainOf(attempt, now);
    waits.set(attempt.state, (wait = { links, text: links.map(({ text }) => text).join(', which waits for ') }));
  }
  return wait;
}

function blockedInRay({ state }: AttemptView): string | undefined {
  if (state === 'RUNNING_IN_RAY_GET') return 'results of other tasks, in ray.get';
  return state === 'RUNNING_IN_RAY_WAIT' ? 'results of other tasks, in ray.wait' : undefined;
}

/** The links of the chain: what the attempt waits for, what that waits for, and so on. */
function chainOf({ taskId, stage, state, needs }: AttemptView, now: SessionNow): readonly WaitLink[] {
  const actorId = calledActorOf(taskId);
  if (stage === 'pending_args') {
    const isHeldByActor = actorId !== undefined && isNotReady(now, actorId);
    return isHeldByActor ? actorChain(now, actorId) : [{ kind: 'arguments', text: 'its arguments: results of other tasks' }];
  }
  if (state === 'PENDING_OBJ_STORE_MEM_AVAIL') return [{ kind: 'object_store', text: 'room in the object store of its node' }];
  if (state === 'PENDING_ARGS_FETCH') return [{ kind: 'transfer', text: 'its arguments to be brought to its node' }];
  if (state === 'PENDING_ACTOR_TASK_ARGS_FETCH') return [{ kind: 'transfer', text: 'its arguments to be brought to its actor' }];
  // A call needs no node of its own: its actor has one or waits for one.
  if (actorId !== undefined) return actorChain(now, actorId);
  return stage === 'pending_node' ? [nodeLink(now, needs)] : [{ kind: 'worker', text: 'its worker to begin' }];
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

function actorChain(now: SessionNow, actorId: string): readonly WaitLink[] {
  const { session } = now;
  const actor = actorViewOf(session, actorId);
  const creation = session.lastAttempts.get(creationTaskOf(actorId));
  const called = `actor ${actor?.name ?? actor?.className ?? classOf(creation) ?? actorId}`;
  if (!isNotReady(now, actorId)) {
    const running = now.callOf(actorId);
    const text = `its turn at ${called}${running === undefined ? '' : `, which runs ${running.function.name}`}`;
    return [{ kind: 'turn', text, actor: called }];
  }
  const words = ACTOR_WORDS[actor?.state ?? ''] ?? 'is being created';
  const link = { kind: actor?.state === 'DEAD' ? 'dead_actor' : 'actor', text: `${called}, which ${words}`, actor: called } as const;
  if (creation !== undefined && PENDING_STAGES.includes(creation.stage)) return [link, ...chainOf(creation, now)];
  if (creation?.stage === 'running') return [{ ...link, text: `${link.text}: its constructor runs` }];
  return actor?.state === 'PENDING_CREATION' ? [link, nodeLink(now, actor.needs)] : [link];
}

function classOf(creation: AttemptView | undefined): string | undefined {
  return creation?.function.name.replace(/\.__init__$/, '');
}

/** The resources that an attempt needs, in words; undefined if none are known. */
export function needsText(needs: Needs | undefined): string | undefined {
  if (needs === undefined) return undefined;
  const text = amountsText(resourcesOf(needs));
  return text === '' ? undefined : text;
}

function resourcesOf({ requiredResources }: Needs): readonly Amount[] {
  return Object.entries(requiredResources).filter(([name]) => !BUNDLE_RESOURCE.test(name));
}

function amountsText(resources: readonly Amount[]): string {
  return joined(resources.map(([name, amount]) => `${name} ${amount}`));
}

function nodeLink(now: SessionNow, needs: Needs | undefined): WaitLink {
  if (needs === undefined) return { kind: 'node', text: 'a node that has room' };
  const { placementGroupId, labelSelector } = needs;
  const resources = resourcesOf(needs);
  const group = placementGroupId === undefined ? undefined : groupOf(now.session, placementGroupId);
  const amounts = amountsText(resources);
  const labels = joined(Object.entries(labelSelector ?? {}).map(([label, value]) => `${label} ${value}`));
  const parts = [
    ...(group === undefined ? [] : [`in placement group ${group.text}`]),
    ...(amounts === '' ? [] : [`with ${amounts}`]),
    ...(labels === '' ? [] : [`labelled ${labels}`]),
  ];
  const node = parts.length === 0 ? 'a node that has room' : `a node ${parts.join(', ')}`;
  const fitting = fittingOf(now, resources, needs);
  return {
    kind: 'node',
    text: `${node}${fitText(fitting, needs)}`,
    node: {
      amounts,
      labels,
      fit: fitting?.fit ?? 'unknown',
      nodes: fitting?.nodes ?? 0,
      shortages: fitting?.shortages ?? [],
      ...(group === undefined ? {} : { group }),
    },
  };
}

function groupOf({ entity }: SessionView, id: string): NonNullable<NodeNeed['group']> & { readonly text: string } {
  const group = entity.placementGroups.get(id);
  const name = shortened(group?.definition?.name ?? id, MAX_GROUP_NAME_LENGTH);
  const state = group?.untimedEnd?.state ?? group?.transitions.at(-1)?.state ?? '';
  return { name, state, text: state === '' || state === 'CREATED' ? name : `${name}, which is ${state}` };
}

function fittingOf({ capacity }: SessionNow, resources: readonly Amount[], needs: Needs): Fitting | undefined {
  return resources.length === 0 && needs.labelSelector === undefined ? undefined : capacity.fitting(resources, needs);
}

function fitText(fitting: Fitting | undefined, { placementGroupId }: Needs): string {
  if (fitting?.fit === 'too_much') return ': no node has as much';
  if (fitting?.fit === 'no_labels') return ': no node has these labels';
  // The bridge does not know how much of a placement group is in use.
  if (fitting?.fit !== 'in_use' || placementGroupId !== undefined) return '';
  const { nodes } = fitting;
  return nodes === 1 ? ': the only node that has as much is in use' : `: all ${nodes} nodes that have as much are in use`;
}

function joined(items: readonly string[]): string {
  const shown = items.slice(0, MAX_LISTED).toSorted();
  return items.length > MAX_LISTED ? `${shown.join(', ')}…` : shown.join(', ');
}
