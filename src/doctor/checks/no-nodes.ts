import type { RayFacts } from '../facts.ts';
import { type Unknown, unknown } from '../verdict.ts';

/** Verdict that nodes on other machines are unknown, if the nodes here were checked without the dashboard. */
export function otherNodes(ray: RayFacts): readonly Unknown[] {
  if (!ray.nodesMissing || ray.nodes.length === 0) return [];
  return [unknown('without the dashboard, nodes on other machines are unknown', 'run this on each of them as the user of Ray')];
}

/** Why the dashboard shows no nodes. */
export function noNodes(ray: RayFacts): Unknown {
  if (ray.version === undefined)
    return unknown('without the dashboard, the nodes are unknown', 'give --ray-address, or run this on a node as the user of Ray');
  if (ray.nodesMissing)
    return unknown('the dashboard does not return its list of nodes', 'run this again in a minute; then check dashboard.log on the head');
  return unknown(
    'the dashboard lists no node that is alive',
    'run this again in a minute: after its start, a head needs some seconds to list its nodes',
  );
}
