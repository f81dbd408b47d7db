import { creationTaskOf, jobIdOf } from '../correlate/index.ts';
import type { ActorView } from './actor-view.ts';
import { calledActorOf } from './called-actor.ts';
import type { Needs } from './needs.ts';
import type { AttemptView, SessionView } from './records.ts';
import type { SessionNow } from './session-now.ts';
import { PENDING_STAGES } from './stage.ts';

/** Ray makes these of a placement group's bundles: they say nothing that the group does not. */
const OF_A_BUNDLE = /_group_|^bundle_group/;
const SHOWN_MAX = 10;

/** States of an actor that is no use to a call yet, or any more. */
const ACTOR_WORDS: Readonly<Record<string, string>> = {
  DEPENDENCIES_UNREADY: 'is not created yet',
  PENDING_CREATION: 'is being created',
  RESTARTING: 'is being restarted',
  DEAD: 'is dead',
};

/**
 * What an attempt waits for, in words, followed to the root: `actor A, which is being created, which waits for a node with CPU 4`. Undefined for one that
 * waits for nothing.
 */
export function waitsFor(attempt: AttemptView, now: SessionNow): string | undefined {
  if (attempt.stage === 'running') return inRayGet(attempt);
  if (!PENDING_STAGES.includes(attempt.stage)) return undefined;
  // Most attempts of a function wait for the same thing.
  const key = calledActorOf(attempt.taskId) ?? attempt.needs;
  const texts = now.waits.get(key) ?? new Map<string, string>();
  now.waits.set(key, texts);
  let text = texts.get(attempt.state);
  if (text === undefined) texts.set(attempt.state, (text = chainOf(attempt, now).join(', which waits for ')));
  return text;
}

function inRayGet({ state }: AttemptView): string | undefined {
  if (state === 'RUNNING_IN_RAY_GET') return 'results of other tasks, in ray.get';
  return state === 'RUNNING_IN_RAY_WAIT' ? 'results of other tasks, in ray.wait' : undefined;
}

/** What it waits for, what that waits for, and so on. */
function chainOf({ taskId, stage, state, needs }: AttemptView, now: SessionNow): readonly string[] {
  const actorId = calledActorOf(taskId);
  if (stage === 'pending_args') {
    const isHeldByActor = actorId !== undefined && isNotReady(now, actorId);
    return isHeldByActor ? ofActor(now, actorId) : ['its arguments: results of other tasks'];
  }
  if (state === 'PENDING_OBJ_STORE_MEM_AVAIL') return ['room in the object store of its node'];
  if (state === 'PENDING_ARGS_FETCH') return ['its arguments to be brought to its node'];
  if (state === 'PENDING_ACTOR_TASK_ARGS_FETCH') return ['its arguments to be brought to its actor'];
  // A call needs no node: its actor has one, or waits for it.
  if (actorId !== undefined) return ofActor(now, actorId);
  return stage === 'pending_node' ? [nodeInWords(now, needs)] : ['its worker to begin'];
}

function actorViewOf({ jobs }: SessionView, actorId: string): ActorView | undefined {
  return jobs.get(jobIdOf(actorId))?.actors.get(actorId);
}

/** It is known to be unable to take a call. */
function isNotReady({ session }: SessionNow, actorId: string): boolean {
  const state = actorViewOf(session, actorId)?.state ?? '';
  if (state !== '') return state !== 'ALIVE';
  const creation = session.lastAttempts.get(creationTaskOf(actorId));
  return creation !== undefined && (PENDING_STAGES.includes(creation.stage) || creation.stage === 'running');
}

function ofActor(now: SessionNow, actorId: string): readonly string[] {
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
  return [`${called}, which ${words}`, ...(isPlacing ? [nodeInWords(now, actor?.needs)] : [])];
}

function classOf(creation: AttemptView | undefined): string | undefined {
  return creation?.function.name.replace(/\.__init__$/, '');
}

function nodeInWords(now: SessionNow, needs: Needs | undefined): string {
  if (needs === undefined) return 'a node that has room';
  const { requiredResources, placementGroupId, labelSelector } = needs;
  const resources = Object.entries(requiredResources).filter(([name]) => !OF_A_BUNDLE.test(name));
  const parts = [
    ...(placementGroupId === undefined ? [] : [`in placement group ${groupInWords(now.session, placementGroupId)}`]),
    ...(resources.length === 0 ? [] : [`with ${listed(resources.map(([name, amount]) => `${name} ${amount}`))}`]),
    ...(labelSelector === undefined
      ? []
      : [`labelled ${listed(Object.entries(labelSelector).map(([label, value]) => `${label} ${value}`))}`]),
  ];
  const node = parts.length === 0 ? 'a node that has room' : `a node ${parts.join(', ')}`;
  return `${node}${fittingInWords(now, resources, needs)}`;
}

function groupInWords({ placementGroups }: SessionView, id: string): string {
  const { name = id, state = '' } = placementGroups.get(id) ?? {};
  return state === '' || state === 'CREATED' ? name : `${name}, which is ${state}`;
}

function fittingInWords({ capacity }: SessionNow, resources: readonly (readonly [string, number])[], needs: Needs): string {
  if (resources.length === 0 && needs.labelSelector === undefined) return '';
  const { fit, nodes } = capacity.fitting(resources, needs);
  if (fit === 'too_much') return ': no node has as much';
  if (fit === 'no_labels') return ': no node has these labels';
  // What of a placement group is in use is not known.
  if (fit !== 'in_use' || needs.placementGroupId !== undefined) return '';
  return nodes === 1 ? ': the only node that has as much is in use' : `: all ${nodes} nodes that have as much are in use`;
}

function listed(items: readonly string[]): string {
  const shown = items.slice(0, SHOWN_MAX).toSorted();
  return items.length > SHOWN_MAX ? `${shown.join(', ')}…` : shown.join(', ');
}
