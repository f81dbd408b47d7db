import { readActorDeathCause } from '../death-cause.ts';
import {
  type Draft,
  type Problem,
  type RawObject,
  getField,
  readEnum,
  readId,
  readName,
  readPid,
  readRequiredId,
  setDefined,
} from '../fields.ts';
import { ID_BYTES } from '../hex-id.ts';
import type { Payload } from '../payload.ts';
import type { ActorLifecycle, ActorTransition, StateTransition } from '../ray-event.ts';
import { readTransitions } from '../transitions.ts';

const STATES = ['DEPENDENCIES_UNREADY', 'PENDING_CREATION', 'ALIVE', 'RESTARTING', 'DEAD'];
const RESTART_REASONS = ['ACTOR_FAILURE', 'LINEAGE_RECONSTRUCTION', 'NODE_PREEMPTION'];

/** Decodes `ActorLifecycleEvent` (`events_actor_lifecycle_event.proto`), Ray 2.50 and later. */
export function decodeActorLifecycle({ body, header, problem }: Payload): ActorLifecycle {
  return {
    ...header,
    type: 'actor_lifecycle',
    actorId: readRequiredId(body, 'actorId', ID_BYTES.actor, problem),
    ...readTransitions(body, STATES, withDetails, problem),
  };
}

function withDetails(base: StateTransition, raw: RawObject, problem: Problem): ActorTransition {
  const transition: Draft<ActorTransition> = base;
  setDefined(transition, 'nodeId', readId(raw, 'nodeId', ID_BYTES.node, problem));
  setDefined(transition, 'workerId', readId(raw, 'workerId', ID_BYTES.worker, problem));
  setDefined(transition, 'pid', readPid(raw, 'pid', problem));
  setDefined(transition, 'reprName', readName(raw, 'reprName', problem));
  setDefined(transition, 'deathCause', readActorDeathCause(raw, 'deathCause', problem));
  // Ray prints the default, ACTOR_FAILURE, with every state.
  if (transition.state === 'RESTARTING' && getField(raw, 'restartReason') !== undefined) {
    transition.restartReason = readEnum(raw, 'restartReason', RESTART_REASONS, problem);
  }
  return transition;
}
