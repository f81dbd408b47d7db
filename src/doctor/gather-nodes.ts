import { readAgentLog } from './agent-log.ts';
import { type AgentCounts, readAgentCounts } from './agent-metrics.ts';
import type { Answered, HttpAnswer } from './ask.ts';
import { offsetOfDate, offsetOfSample } from './clock-offset.ts';
import type { ClockOffset, NodeFacts } from './facts.ts';
import { parseJson } from '../runtime/index.ts';
import { at, listAt, numberAt, textAt } from './json.ts';
import { askIn, type World } from './world.ts';

/** A node in the dashboard's list. */
export interface ListedNode {
  readonly id: string;
  readonly ip: string;
  readonly hostname: string;
  readonly isHead: boolean;
  readonly hasAgent: boolean | undefined;
  readonly upMs: number | undefined;
  readonly metricsPort: number | undefined;
  readonly sampleOffset: ClockOffset | undefined;
}

/** Log in which an agent writes where it posts to, and why posts fail. */
export const LOG_NAME = 'dashboard_agent.log';

type AskRay = (path: string, maxBytes?: number) => Promise<HttpAnswer>;

/** Nodes that are alive. Undefined when the answer is not a list of nodes. */
export function listNodes(answer: Answered): readonly ListedNode[] | undefined {
  const summary = at(parseJson(answer.text), 'data', 'summary');
  if (!Array.isArray(summary)) return undefined;
  return listAt({ summary }, 'summary').flatMap((entry) => {
    const id = textAt(entry, 'raylet', 'nodeId');
    const isAlive = at(entry, 'raylet', 'state') === 'ALIVE';
    if (id === undefined || !/^[0-9a-f]{1,64}$/.test(id) || !isAlive) return [];
    const port = numberAt(entry, 'raylet', 'metricsExportPort');
    const nowSeconds = numberAt(entry, 'now');
    return [
      {
        id,
        ip: textAt(entry, 'ip') ?? textAt(entry, 'raylet', 'nodeManagerAddress') ?? '',
        hostname: textAt(entry, 'hostname') ?? textAt(entry, 'raylet', 'nodeManagerHostname') ?? '',
        isHead: at(entry, 'raylet', 'isHeadNode') === true,
        // A minimal install has the port -1. An agent that does not report may have started recently.
        hasAgent: port === -1 ? false : at(entry, 'agent') === undefined ? undefined : true,
        upMs: upTime(answer, Number(textAt(entry, 'raylet', 'startTimeMs'))),
        metricsPort: port !== undefined && port > 0 && port <= 65_535 ? port : undefined,
        sampleOffset:
          nowSeconds === undefined || answer.clock === undefined ? undefined : offsetOfSample(nowSeconds * 1000, answer.clock.receivedAtMs),
      },
    ];
  });
}

function upTime({ clock }: Answered, startMs: number): number | undefined {
  return clock !== undefined && startMs > 0 ? clock.dateMs - startMs : undefined;
}

/** Reads the node's counters from its metrics port, and the log of its agent through the dashboard. */
export async function gatherNode(node: ListedNode, askRay: AskRay, world: World): Promise<NodeFacts> {
  const { limits } = world;
  const log = (lines: number, maxBytes: number): Promise<HttpAnswer> =>
    askRay(`/api/v0/logs/file?node_id=${node.id}&filename=${LOG_NAME}&lines=${lines}`, maxBytes);
  const [metrics, head, tail] =
    node.hasAgent !== false
      ? await Promise.all([askNodeMetrics(node, world), log(-1, limits.maxLogHeadBytes), log(limits.logTailLines, limits.maxLogTailBytes)])
      : [undefined, undefined, undefined];
  const page = isText(metrics) ? metrics : undefined;
  const hasLog = isText(head) && isText(tail);
  return {
    name: node.hostname === '' || node.hostname === node.ip ? node.ip : `${node.ip} (${node.hostname})`,
    ip: node.ip,
    isHead: node.isHead,
    isHere: world.ownAddresses.has(node.ip),
    hasAgent: node.hasAgent,
    upMs: node.upMs,
    counts: countsOf(metrics),
    log: hasLog ? readAgentLog(head.text, tail.text) : undefined,
    isLogMissing: !hasLog && node.hasAgent !== false && !(await listsLog(node, askRay)),
    clock: (page === undefined ? undefined : offsetOfDate(page)) ?? node.sampleOffset,
  };
}

/**
 * Whether the node lists a log of its agent. True when unknown. Reading the log does not answer this: the dashboard gives the same
 * answer for an absent log and for its own errors.
 */
async function listsLog({ id }: ListedNode, askRay: AskRay): Promise<boolean> {
  const answer = await askRay(`/api/v0/logs?node_id=${id}&glob=${LOG_NAME}`);
  if (!isText(answer)) return true;
  const result = at(parseJson(answer.text), 'data', 'result');
  if (typeof result !== 'object' || result === null) return true;
  return Object.values(result).some((names) => Array.isArray(names) && names.includes(LOG_NAME));
}

export function countsOf(metrics: HttpAnswer | undefined): AgentCounts | undefined {
  return isText(metrics) ? readAgentCounts(metrics.text, metrics.isCut) : undefined;
}

export async function askNodeMetrics(
  { ip, metricsPort }: Pick<ListedNode, 'ip' | 'metricsPort'>,
  world: World,
): Promise<HttpAnswer | undefined> {
  const address = `http://${ip.includes(':') ? `[${ip}]` : ip}:${metricsPort}/metrics`;
  if (metricsPort === undefined || !URL.canParse(address)) return undefined;
  return await askIn(world, new URL(address), { maxBytes: world.limits.maxMetricsBytes });
}

function isText(answer: HttpAnswer | undefined): answer is Answered {
  return answer?.kind === 'answered' && answer.status === 200;
}
