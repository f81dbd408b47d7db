import type { TaskDefinition } from '../event/index.ts';
import { boundedMap } from './text.ts';

/** Resources and placement that an attempt or an actor needs in order to run. */
export type Needs = Pick<TaskDefinition, 'requiredResources' | 'placementGroupId' | 'labelSelector'>;

/** A cache: many attempts share one definition, and answers compare their needs by identity. */
const boundedNeeds = new WeakMap<Needs, Needs>();

/** The needs that a definition names, with bounded maps. Always the same object for one definition. */
export function needsOf(definition: Needs | undefined): Needs | undefined {
  if (definition === undefined) return undefined;
  const known = boundedNeeds.get(definition);
  if (known !== undefined) return known;
  const { requiredResources, placementGroupId, labelSelector } = definition;
  const needs: Needs = {
    requiredResources: boundedMap(requiredResources),
    placementGroupId,
    labelSelector: labelSelector === undefined ? undefined : boundedMap(labelSelector),
  };
  boundedNeeds.set(definition, needs);
  return needs;
}
