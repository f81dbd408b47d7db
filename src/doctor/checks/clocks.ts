import { formatCount } from '../../terminal/index.ts';
import type { ClockOffset, Facts } from '../facts.ts';
import { finding, unknown, type Verdicts, well } from '../verdict.ts';
import type { Check } from './check.ts';
import { noNodes } from './no-nodes.ts';

export const clocks: Check = { name: 'clocks', judge };

/** A state of a task is told by its owner's node, the next one by its worker's: a larger difference turns their order around. */
const toleratedSkewMs = 1000;

interface NodeClock extends ClockOffset {
  readonly name: string;
}

function judge({ ray }: Facts): Verdicts {
  const known = ray.nodes.flatMap(({ name, clock }): NodeClock[] => (clock === undefined ? [] : [{ name, ...clock }]));
  if (ray.nodes.length === 0 || ray.nodesMissing) return [noNodes(ray)];
  if (known.length === 0) return [unknown('no clock of a node can be read', 'on the nodes: `timedatectl` or `chronyc tracking`')];
  if (ray.nodes.length === 1) return [well('there is one node, with one clock')];
  const ahead = known.reduce((most, node) => (node.leastMs > most.leastMs ? node : most));
  const behind = known.reduce((least, node) => (node.mostMs < least.mostMs ? node : least));
  // What is certain, whatever the answers took.
  const skewMs = ahead.leastMs - behind.mostMs;
  if (skewMs > toleratedSkewMs) {
    return [
      finding('clock_skew', {
        what: `the clock of ${ahead.name} is at least ${(skewMs / 1000).toFixed(1)} s ahead of that of ${behind.name}`,
        why: 'Times of a span come from both nodes: waits look longer or shorter, and ends are moved to the last known state (`ray.end_clamped`).',
        fix: 'let every node follow one time source: `timedatectl set-ntp true`, or chrony',
      }),
    ];
  }
  const missing = ray.nodes.length - known.length + ray.nodesLeftOut;
  if (missing > 0)
    return [
      unknown(`the clock of ${formatCount(missing, 'node')} cannot be read`, 'run this on a machine that reaches their metrics ports'),
    ];
  return [well(`no two of the ${known.length} nodes have clocks that surely differ by more than ${toleratedSkewMs / 1000} s`)];
}
