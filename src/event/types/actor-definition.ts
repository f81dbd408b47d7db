import {
  type Draft,
  readBoolean,
  readId,
  readMessage,
  readName,
  readNumberMap,
  readRequiredId,
  readTextMap,
  setDefined,
} from '../fields.ts';
import { ID_BYTES } from '../hex-id.ts';
import type { Payload } from '../payload.ts';
import type { ActorDefinition } from '../ray-event.ts';
import { readRuntimeEnv } from '../redaction/runtime-env.ts';

/** Decodes `ActorDefinitionEvent` (`events_actor_definition_event.proto`), Ray 2.50 and later. */
export function decodeActorDefinition({ body, header, problem }: Payload): ActorDefinition {
  const actor: Draft<ActorDefinition> = {
    ...header,
    type: 'actor_definition',
    actorId: readRequiredId(body, 'actorId', ID_BYTES.actor, problem),
    isDetached: readBoolean(body, 'isDetached', problem) ?? false,
    requiredResources: readNumberMap(body, 'requiredResources', problem),
  };
  setDefined(actor, 'jobId', readId(body, 'jobId', ID_BYTES.job, problem));
  setDefined(actor, 'name', readName(body, 'name', problem));
  setDefined(actor, 'namespace', readName(body, 'rayNamespace', problem));
  setDefined(actor, 'className', readName(body, 'className', problem));
  setDefined(actor, 'placementGroupId', readId(body, 'placementGroupId', ID_BYTES.placementGroup, problem));
  setDefined(actor, 'callSite', readMessage(body, 'callSite', problem));
  setDefined(actor, 'runtimeEnv', readRuntimeEnv(body, problem));
  const labelSelector = readTextMap(body, 'labelSelector', problem);
  if (Object.keys(labelSelector).length > 0) actor.labelSelector = labelSelector;
  return actor;
}
