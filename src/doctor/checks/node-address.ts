import type { BridgeFacts, Facts, NodeFacts, ProcessFacts } from '../facts.ts';
import { isSameAddress, publicUrl } from '../public-url.ts';
import { isOn } from '../ray-release.ts';
import { RAY_VARIABLES } from '../variables.ts';
import { finding, type Finding, unknown, type Verdict, type Verdicts, verdictsOr, well } from '../verdict.ts';
import type { Check } from './check.ts';
import { noNodes } from './no-nodes.ts';

export const nodeAddress: Check = { name: 'node_address', judge };

const name = RAY_VARIABLES.address;
const whyMissing = 'Without it the node posts nothing at all.';
const fixMissing = `set ${name} on every node before \`ray start\`, with the other lines that \`ray-otel-bridge serve\` prints, and restart Ray there`;

function judge({ ray, local, bridge }: Facts): Verdicts {
  const raylets = local.processes.filter(({ kind, variables }) => kind === 'raylet' && variables !== undefined);
  const others = raylets.length > 0 ? ray.nodes.filter(({ isHere }) => !isHere) : ray.nodes;
  const verdicts = [
    ...raylets.flatMap((process) => ofProcess(process, local.shell.address, bridge)),
    ...others.filter(({ hasAgent }) => hasAgent !== false).flatMap((node) => ofNode(node, bridge)),
  ];
  if (raylets.length === 0 && ray.nodes.length === 0) return [noNodes(ray)];
  return verdictsOr(
    verdicts,
    well(
      ray.nodes.length > 0 && !ray.nodesMissing
        ? 'every node has an address to post to'
        : 'the node on this machine has an address to post to',
    ),
  );
}

function ofProcess({ pid, variables = {} }: ProcessFacts, inShell: string | undefined, bridge: BridgeFacts): readonly Verdict[] {
  const where = `raylet ${pid} on this machine`;
  const { address, publishing } = variables;
  if (publishing !== undefined && !isOn(publishing)) return [isOff(where)];
  if (address) return [...ofAddress(address, where), ...differing(address, where, bridge)];
  if (inShell) {
    return [
      finding('restart_needed', {
        where,
        what: `this shell has ${name}, but Ray was started without it`,
        why: 'A process keeps the variables that it was started with.',
        fix: 'stop Ray on this node and start it from a shell that has the variables: `ray stop`, then `ray start ...`',
      }),
    ];
  }
  return [finding('address_missing', { where, what: `Ray was started without ${name}`, why: whyMissing, fix: fixMissing })];
}

function ofNode({ name: node, log }: NodeFacts, bridge: BridgeFacts): readonly Verdict[] {
  const where = `node ${node}`;
  if (log?.isPosting === undefined)
    return [
      unknown(
        "the begin of the agent's log, which tells it, cannot be read through the dashboard",
        `run this on the node, or look at ${name} there`,
        where,
      ),
    ];
  const { isPosting, address } = log;
  if (!isPosting)
    return [
      address === undefined
        ? finding('address_missing', { where, what: `the agent was started without ${name}`, why: whyMissing, fix: fixMissing })
        : isOff(where),
    ];
  if (address === undefined) return [];
  return [...ofAddress(address, where), ...differing(address, where, bridge)];
}

/** From the address that was checked: that of --bridge or this shell, else of the first process or node that has one. */
function differing(address: string, where: string, bridge: BridgeFacts): readonly Finding[] {
  if (bridge.source === 'default' || bridge.url === undefined || isSameAddress(address, bridge.address)) return [];
  return [
    finding('address_differs', {
      where,
      what: `Ray posts to ${publicUrl(address)} from there, and not to ${publicUrl(bridge.address)}, which was checked`,
      why: 'Two names may be of one bridge; if they are not, its events go elsewhere.',
      fix: `set ${name} there to the address of the bridge and restart Ray, or give the other address with --bridge`,
    }),
  ];
}

function ofAddress(address: string, where: string): readonly Finding[] {
  const fix = `set ${name} to the URL of the bridge, as in http://bridge:8080/v1/events, and restart Ray`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || address !== address.trim()) {
    const what = `${publicUrl(address)} is not a whole URL with http:// or https://`;
    return [finding('address_invalid', { where, what, why: "Ray's client cannot post to it.", fix })];
  }
  if (url.port !== '4317' && url.port !== '4318') return [];
  const what = `${publicUrl(address)} has the port ${url.port}, on which backends take OTLP`;
  return [
    finding('address_otlp_port', { where, what, why: "A backend does not understand Ray's events: the bridge stands between.", fix }),
  ];
}

function isOff(where: string): Finding {
  return finding('publishing_off', {
    where,
    what: `${RAY_VARIABLES.publishing} is not true`,
    why: 'The agent then posts nothing, whatever the address.',
    fix: `unset ${RAY_VARIABLES.publishing} on the node and restart Ray there`,
  });
}
