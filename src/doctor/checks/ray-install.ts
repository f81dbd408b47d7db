import type { Facts, NodeFacts } from '../facts.ts';
import { finding, type Finding, unknown, type Verdict, type Verdicts, verdictsOr, passed } from '../verdict.ts';
import type { Check } from './check.ts';
import { noNodes, otherNodes } from './no-nodes.ts';

export const rayInstall: Check = { name: 'ray_install', judge };

/** Time in which an agent must report after the start of its node. It usually needs some seconds. */
const GRACE_MS = 60_000;

function judge({ ray, local }: Facts): Verdicts {
  const minimal: Verdict[] = [
    ...otherNodes(ray),
    ...ray.nodes.filter(({ hasAgent }) => hasAgent === false).map(({ name }) => isMinimal(`node ${name}`)),
    ...local.processes.filter(({ isMinimal: is }) => is).map(({ pid }) => isMinimal(`raylet ${pid} on this machine`)),
    ...ray.nodes.filter(({ hasAgent }) => hasAgent === undefined).map(isSilent),
  ];
  const raylets = local.processes.filter(({ kind }) => kind === 'raylet').length;
  if (ray.nodes.length === 0 && raylets === 0) return [noNodes(ray)];
  const seen = ray.nodes.length > 1 ? `all ${ray.nodes.length} nodes have` : 'the node has';
  return verdictsOr(minimal, passed(`${seen} the agent`));
}

/** Verdict for a node whose agent does not report. A minimal install of Ray 2.49 looks like this, too. */
function isSilent({ name, upMs }: NodeFacts): Verdict {
  const where = `node ${name}`;
  const fix =
    "check that Ray is installed there as ray[default] (`pip show colorful aiohttp`; otherwise pip install -U 'ray[default]'), check dashboard_agent.log there, and restart Ray on the node";
  if (upMs === undefined || upMs < GRACE_MS)
    return unknown("the node's agent does not report", `run this again in a minute; then ${fix}`, where);
  return finding('agent_absent', {
    where,
    what: `the node has been up for ${Math.floor(upMs / 60_000)} min, but its agent does not report to the dashboard`,
    why: 'The agent posts the events of its node. A minimal install has no agent. The agent may also have ended, or cannot reach the head.',
    fix,
  });
}

function isMinimal(where: string): Finding {
  return finding('ray_minimal', {
    where,
    what: 'Ray is installed without [default]',
    why: 'A minimal install has no agent to post events: this node will never post.',
    fix: "pip install -U 'ray[default]' with the same version on the node, and restart Ray there",
  });
}
