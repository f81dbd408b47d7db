import type { BridgeFacts, Facts, NodeFacts, ProcessFacts } from '../facts.ts';
import { isSameAddress, publicUrl } from '../public-url.ts';
import { isOn } from '../ray-release.ts';
import { RAY_VARIABLES } from '../variables.ts';
import { finding, type Finding, unknown, type Verdict, type Verdicts, verdictsOr, passed } from '../verdict.ts';
import type { Check } from './check.ts';
import { noNodes } from './no-nodes.ts';

export const nodeAddress: Check = { name: 'node_address', judge };

const NAME = RAY_VARIABLES.address;
const WHY_MISSING = 'Without it, the node posts nothing.';
const FIX_MISSING = `set ${NAME} on every node before \`ray start\`, with the other lines that \`ray-otel-bridge serve\` prints, and restart Ray there`;

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
    passed(
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
        what: `this shell has ${NAME}, but Ray was started without it`,
        why: 'A process keeps the variables of its start.',
        fix: 'stop Ray on this node and start it from a shell that has the variables: `ray stop`, then `ray start ...`',
      }),
    ];
  }
  return [finding('address_missing', { where, what: `Ray was started without ${NAME}`, why: WHY_MISSING, fix: FIX_MISSING })];
}

function ofNode({ name: node, log }: NodeFacts, bridge: BridgeFacts): readonly Verdict[] {
  const where = `node ${node}`;
  if (log?.isPosting === undefined)
    return [
      unknown(
        "its address is unknown, because the dashboard does not return the beginning of the agent's log",
        `run this on the node, or check ${NAME} there`,
        where,
      ),
    ];
  const { isPosting, address } = log;
  if (!isPosting)
    return [
      address === undefined
        ? finding('address_missing', { where, what: `the agent was started without ${NAME}`, why: WHY_MISSING, fix: FIX_MISSING })
        : isOff(where),
    ];
  if (address === undefined) return [];
  return [...ofAddress(address, where), ...differing(address, where, bridge)];
}

/** Finding when an address differs from the checked one (--bridge, this shell, or the first process or node with an address). */
function differing(address: string, where: string, bridge: BridgeFacts): readonly Finding[] {
  if (bridge.source === 'default' || bridge.url === undefined || isSameAddress(address, bridge.address)) return [];
  return [
    finding('address_differs', {
      where,
      what: `Ray posts to ${publicUrl(address)} from there, not to the checked ${publicUrl(bridge.address)}`,
      why: 'Both may be names of one bridge. If not, the events of this node go elsewhere.',
      fix: `set ${NAME} there to the address of the bridge and restart Ray, or give the other address with --bridge`,
    }),
  ];
}

function ofAddress(address: string, where: string): readonly Finding[] {
  const fix = `set ${NAME} to the URL of the bridge, as in http://bridge:8080/v1/events, and restart Ray`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || address !== address.trim()) {
    const what = `${publicUrl(address)} is not a complete URL with http:// or https://`;
    return [finding('address_invalid', { where, what, why: "Ray's client cannot post to it.", fix })];
  }
  if (url.port !== '4317' && url.port !== '4318') return [];
  const what = `${publicUrl(address)} has the port ${url.port}, on which backends accept OTLP`;
  return [
    finding('address_otlp_port', { where, what, why: "A backend does not understand Ray's events. The bridge must be in between.", fix }),
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
