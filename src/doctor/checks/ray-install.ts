import type { Facts } from '../facts.ts';
import { finding, type Finding, unknown, type Verdict, type Verdicts, verdictsOr, well } from '../verdict.ts';
import type { Check } from './check.ts';
import { noNodes, otherNodes } from './no-nodes.ts';

export const rayInstall: Check = { name: 'ray_install', judge };

function judge({ ray, local }: Facts): Verdicts {
  const minimal: Verdict[] = [
    ...otherNodes(ray),
    ...ray.nodes.filter(({ hasAgent }) => hasAgent === false).map(({ name }) => isMinimal(`node ${name}`)),
    ...local.processes.filter(({ isMinimal: is }) => is).map(({ pid }) => isMinimal(`raylet ${pid} on this machine`)),
    ...ray.nodes
      .filter(({ hasAgent }) => hasAgent === undefined)
      .map(({ name }) =>
        unknown(
          "the node's agent does not report",
          'look again in a minute; then whether Ray is installed as ray[default] on the node, and at dashboard_agent.log there',
          `node ${name}`,
        ),
      ),
  ];
  const raylets = local.processes.filter(({ kind }) => kind === 'raylet').length;
  if (ray.nodes.length === 0 && raylets === 0) return [noNodes(ray)];
  const seen = ray.nodes.length > 1 ? `all ${ray.nodes.length} nodes have` : 'the node has';
  return verdictsOr(minimal, well(`${seen} the agent`));
}

function isMinimal(where: string): Finding {
  return finding('ray_minimal', {
    where,
    what: 'Ray is installed without [default]',
    why: 'The agent that posts events is not in the minimal install: this node will never post.',
    fix: "pip install -U 'ray[default]' with the same version on the node, and restart Ray there",
  });
}
