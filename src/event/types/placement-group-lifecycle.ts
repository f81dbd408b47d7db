import { type Draft, type Problem, type RawObject, readEnum, readRequiredId } from '../fields.ts';
import { ID_BYTES } from '../hex-id.ts';
import type { Payload } from '../payload.ts';
import type { PlacementGroupLifecycle, PlacementGroupTransition, StateTransition } from '../ray-event.ts';
import { readTransitions } from '../transitions.ts';

const STATES = ['PENDING', 'PREPARED', 'CREATED', 'REMOVED', 'RESCHEDULING'];
const SCHEDULING_STATES = [
  'QUEUED',
  'SCHEDULING_REMOVED',
  'SCHEDULING_STARTED',
  'NO_RESOURCES',
  'INFEASIBLE',
  'FAILED_TO_COMMIT_RESOURCES',
  'FINISHED',
];

/**
 * Decodes `PlacementGroupLifecycleEvent` (`events_placement_group_lifecycle_event.proto`). In the
 * schema since Ray 2.55; no release up to 2.60 sends it.
 */
export function decodePlacementGroupLifecycle({ body, header, problem }: Payload): PlacementGroupLifecycle {
  return {
    ...header,
    type: 'placement_group_lifecycle',
    placementGroupId: readRequiredId(body, 'placementGroupId', ID_BYTES.placementGroup, problem),
    ...readTransitions(body, STATES, withDetails, problem),
  };
}

function withDetails(base: StateTransition, raw: RawObject, problem: Problem): PlacementGroupTransition {
  const transition: Draft<PlacementGroupTransition> = base;
  transition.schedulingState = readEnum(raw, 'schedulingState', SCHEDULING_STATES, problem);
  return transition;
}
