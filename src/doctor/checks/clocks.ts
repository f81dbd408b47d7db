import { formatCount } from '../../terminal/index.ts';
import type { ClockOffset, Facts } from '../facts.ts';
import { finding, unknown, type Verdicts, passed } from '../verdict.ts';
import type { Check } from './check.ts';
import { noNodes } from './no-nodes.ts';

export const clocks: Check = { name: 'clocks', judge };

/** One state of a task comes from its owner's node and the next from its worker's node. A larger skew can reverse their order. */
const MAX_SKEW_MS = 1000;

interface NodeClock extends ClockOffset {
  readonly name: string;
}

function judge({ ray }: Facts): Verdicts {
  const known = ray.nodes.flatMap(({ name, clock }): NodeClock[] => (clock === undefined ? [] : [{ name, ...clock }]));
  if (ray.nodes.length === 0 || ray.nodesMissing) return [noNodes(ray)];
  if (known.length === 0)
    return [unknown('the clocks of the nodes cannot be read', 'run `timedatectl` or `chronyc tracking` on the nodes')];
  if (ray.nodes.length === 1) return [passed('there is only one node, so only one clock')];
  const ahead = known.reduce((most, node) => (node.minMs > most.minMs ? node : most));
  const behind = known.reduce((least, node) => (node.maxMs < least.maxMs ? node : least));
  // Minimum difference, however long the answers took.
  const skewMs = ahead.minMs - behind.maxMs;
  if (skewMs > MAX_SKEW_MS) {
    return [
      finding('clock_skew', {
        what: `the clock of ${ahead.name} is at least ${(skewMs / 1000).toFixed(1)} s ahead of the clock of ${behind.name}`,
        why: 'Times of a span come from both nodes: waits look longer or shorter, and ends move to the last known state (`ray.end_clamped`).',
        fix: 'synchronise all nodes with one time source: `timedatectl set-ntp true`, or chrony',
      }),
    ];
  }
  const missing = ray.nodes.length - known.length + ray.nodesLeftOut;
  if (missing > 0)
    return [
      unknown(`the clocks of ${formatCount(missing, 'node')} cannot be read`, 'run this on a machine that reaches their metrics ports'),
    ];
  return [passed(`no two clocks of the ${known.length} nodes are known to differ by more than ${MAX_SKEW_MS / 1000} s`)];
}
