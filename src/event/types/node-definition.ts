import { type Draft, readName, readRequiredId, readTextMap, readTimestamp, setDefined } from '../fields.ts';
import { ID_BYTES } from '../hex-id.ts';
import type { Payload } from '../payload.ts';
import type { NodeDefinition } from '../ray-event.ts';

/**
 * Decodes `NodeDefinitionEvent` (`events_node_definition_event.proto`), Ray 2.50 and later; names
 * and instance since 2.54.
 */
export function decodeNodeDefinition({ body, header, problem }: Payload): NodeDefinition {
  const node: Draft<NodeDefinition> = {
    ...header,
    type: 'node_definition',
    nodeId: readRequiredId(body, 'nodeId', ID_BYTES.node, problem),
    labels: readTextMap(body, 'labels', problem),
  };
  setDefined(node, 'ipAddress', readName(body, 'nodeIpAddress', problem));
  setDefined(node, 'hostname', readName(body, 'hostname', problem));
  setDefined(node, 'nodeName', readName(body, 'nodeName', problem));
  setDefined(node, 'instanceId', readName(body, 'instanceId', problem));
  setDefined(node, 'instanceTypeName', readName(body, 'instanceTypeName', problem));
  setDefined(node, 'startNs', readTimestamp(body, 'startTimestamp', problem));
  return node;
}
