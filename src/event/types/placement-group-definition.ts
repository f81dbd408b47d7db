import { type Draft, readBoolean, readEnum, readEpochNs, readId, readList, readName, readRequiredId, setDefined } from '../fields.ts';
import { ID_BYTES } from '../hex-id.ts';
import type { Payload } from '../payload.ts';
import type { PlacementGroupDefinition } from '../ray-event.ts';

const STRATEGIES = ['PACK', 'SPREAD', 'STRICT_PACK', 'STRICT_SPREAD'];

/**
 * Decodes `PlacementGroupDefinitionEvent` (`events_placement_group_definition_event.proto`). In the
 * schema since Ray 2.55; no release up to 2.60 sends it.
 */
export function decodePlacementGroupDefinition({ body, header, problem }: Payload): PlacementGroupDefinition {
  const group: Draft<PlacementGroupDefinition> = {
    ...header,
    type: 'placement_group_definition',
    placementGroupId: readRequiredId(body, 'placementGroupId', ID_BYTES.placementGroup, problem),
    strategy: readEnum(body, 'strategy', STRATEGIES, problem),
    isDetached: readBoolean(body, 'isDetached', problem) ?? false,
    bundleCount: readList(body, 'bundles', problem).length,
  };
  setDefined(group, 'name', readName(body, 'name', problem));
  setDefined(group, 'namespace', readName(body, 'rayNamespace', problem));
  setDefined(group, 'creatorJobId', readId(body, 'creatorJobId', ID_BYTES.job, problem));
  setDefined(group, 'requestedNs', readEpochNs(body, 'creationRequestReceivedNs', problem));
  return group;
}
