import type { RayFacts } from '../facts.ts';
import { type Unknown, unknown } from '../verdict.ts';

/** Of nodes that were looked at without the dashboard: that there may be others. */
export function otherNodes(ray: RayFacts): readonly Unknown[] {
  if (!ray.nodesMissing || ray.nodes.length === 0) return [];
  return [unknown('nodes of other machines are not known without the dashboard', 'run this on each of them with the user of Ray')];
}

/** Why no node can be judged through the dashboard. */
export function noNodes(ray: RayFacts): Unknown {
  if (ray.version === undefined)
    return unknown('the nodes are not known without the dashboard', 'give --ray-address, or run this on a node with the user of Ray');
  if (ray.nodesMissing)
    return unknown('the dashboard does not give its list of nodes', 'look again in a minute; then at dashboard.log on the head');
  return unknown(
    'the dashboard lists no node that is alive',
    'look again in a minute: a head that has just started lists its nodes after some seconds',
  );
}
