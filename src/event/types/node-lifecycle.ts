import { readReason } from '../death-cause.ts';
import { type Draft, type Problem, type RawObject, readEnum, readNumberMap, readObject, readRequiredId, setDefined } from '../fields.ts';
import { ID_BYTES } from '../hex-id.ts';
import type { Payload } from '../payload.ts';
import type { DeathCause, NodeLifecycle, NodeTransition, StateTransition } from '../ray-event.ts';
import { readTransitions } from '../transitions.ts';

const STATES = ['ALIVE', 'DEAD'];
const ALIVE_SUB_STATES = ['UNSPECIFIED', 'DRAINING'];
const DEATH_REASONS = [
  'UNSPECIFIED',
  'EXPECTED_TERMINATION',
  'UNEXPECTED_TERMINATION',
  'AUTOSCALER_DRAIN_PREEMPTED',
  'AUTOSCALER_DRAIN_IDLE',
];

/** Decodes `NodeLifecycleEvent` (`events_node_lifecycle_event.proto`), Ray 2.50 and later. */
export function decodeNodeLifecycle({ body, header, problem }: Payload): NodeLifecycle {
  return {
    ...header,
    type: 'node_lifecycle',
    nodeId: readRequiredId(body, 'nodeId', ID_BYTES.node, problem),
    ...readTransitions(body, STATES, withDetails, problem),
  };
}

function withDetails(base: StateTransition, raw: RawObject, problem: Problem): NodeTransition {
  const transition: Draft<NodeTransition> = base;
  const resources = readNumberMap(raw, 'resources', problem);
  if (Object.keys(resources).length > 0) transition.resources = resources;
  if (readEnum(raw, 'aliveSubState', ALIVE_SUB_STATES, problem) === 'DRAINING') transition.isDraining = true;
  setDefined(transition, 'deathCause', readDeathInfo(raw, problem));
  return transition;
}

function readDeathInfo(raw: RawObject, problem: Problem): DeathCause | undefined {
  const info = readObject(raw, 'deathInfo', problem);
  return info === undefined ? undefined : readReason(info, 'reason', DEATH_REASONS, 'reasonMessage', problem);
}
