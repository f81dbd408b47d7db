import { actorIdOf, jobIdOf } from '../correlate/index.ts';
import type { ActorView } from './actor-view.ts';
import type { AttemptView, SessionView, TaskNeeds } from './records.ts';

/** Ray makes these of a placement group's bundles: they say nothing that the group does not. */
const OF_A_BUNDLE = /_group_|^bundle_group/;
const SHOWN_MAX = 10;

/** What a pending attempt waits for, in words; undefined for one that is not pending. */
export function waitsFor(attempt: AttemptView): string | undefined {
  const actor = actorOf(attempt.job.session, attempt.taskId);
  const isCall = actor !== undefined && attempt.needs?.taskType !== 'ACTOR_CREATION_TASK';
  switch (attempt.stage) {
    case 'pending_args':
      if (attempt.state === 'PENDING_ARGS_AVAIL' && isCall && actor.state !== 'ALIVE' && actor.state !== '') return actorInWords(actor);
      return 'its arguments: results of other tasks';
    case 'pending_node':
      if (attempt.state === 'PENDING_OBJ_STORE_MEM_AVAIL') return 'room in the object store of its node';
      if (attempt.state === 'PENDING_ARGS_FETCH') return 'its arguments to be brought to its node';
      return nodeInWords(attempt.job.session, attempt.needs);
    case 'pending_worker':
      if (attempt.state === 'PENDING_ACTOR_TASK_ARGS_FETCH') return 'its arguments to be brought to its actor';
      return isCall ? `its turn at ${actorInWords(actor)}` : 'its worker to begin';
    case 'unknown':
    case 'running':
    case 'finished':
    case 'failed':
    case 'cancelled':
    case 'unfinished':
      return undefined;
  }
}

function actorOf(session: SessionView, taskId: string): ActorView | undefined {
  const id = actorIdOf(taskId);
  return id === undefined ? undefined : session.jobs.get(jobIdOf(id))?.actors.get(id);
}

function actorInWords({ id, name, className, state }: ActorView): string {
  const called = name ?? className ?? id;
  return state === '' || state === 'ALIVE' ? `actor ${called}` : `actor ${called}, which is ${state}`;
}

function nodeInWords(session: SessionView, needs: TaskNeeds | undefined): string {
  if (needs === undefined) return 'a node that has room';
  const { requiredResources, placementGroupId, labelSelector } = needs;
  const resources = Object.entries(requiredResources).filter(([name]) => !OF_A_BUNDLE.test(name));
  const parts = [
    ...(placementGroupId === undefined ? [] : [`in placement group ${placementGroupId}`]),
    ...(resources.length === 0 ? [] : [`with ${listed(resources.map(([name, amount]) => `${name} ${amount}`))}`]),
    ...(labelSelector === undefined
      ? []
      : [`labelled ${listed(Object.entries(labelSelector).map(([label, value]) => `${label} ${value}`))}`]),
  ];
  const node = parts.length === 0 ? 'a node that has room' : `a node ${parts.join(', ')}`;
  return resources.length > 0 && hasNoSuchNode(session, resources) ? `${node}: no node has as much` : node;
}

function listed(items: readonly string[]): string {
  const shown = items.slice(0, SHOWN_MAX).toSorted();
  return items.length > SHOWN_MAX ? `${shown.join(', ')}…` : shown.join(', ');
}

/** Only where Ray told what its nodes have. */
function hasNoSuchNode(session: SessionView, resources: readonly (readonly [string, number])[]): boolean {
  let isTold = false;
  for (const { state, resources: totals } of session.nodes.values()) {
    if (state === 'DEAD' || totals === undefined) continue;
    isTold = true;
    if (resources.every(([name, amount]) => (totals[name] ?? 0) >= amount)) return false;
  }
  return isTold;
}
