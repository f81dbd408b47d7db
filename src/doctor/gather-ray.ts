import { type Answered, type HttpAnswer } from './ask.ts';
import type { AddressSource, RayFacts } from './facts.ts';
import { gatherNode, type ListedNode, listNodes } from './gather-nodes.ts';
import { parseJson } from '../runtime/index.ts';
import { at, listAt, numberAt, textAt } from './json.ts';
import { parseRelease } from './ray-release.ts';
import { findRayToken } from './ray-token.ts';
import { askIn, mapBounded, type World } from './world.ts';

export interface RayQuestion {
  readonly url: URL;
  readonly source: AddressSource;
}

/** A driver in the dashboard's list of jobs. Its environment can be read if it runs on this machine. */
export interface ListedDriver {
  readonly ip: string;
  readonly pid: number;
  readonly jobId: string;
}

export interface GatheredRay {
  readonly facts: RayFacts;
  readonly drivers: readonly ListedDriver[];
}

/** Asks the dashboard for the release, the nodes, the number of tasks and the running drivers. Then asks each node. */
export async function gatherRay({ url, source }: RayQuestion, world: World): Promise<GatheredRay> {
  const first = await askIn(world, pathOf(url, '/api/version'));
  // Sends the token only if the dashboard requires one.
  const token = requiresToken(first) ? findRayToken(world.env) : undefined;
  const answer = token === undefined ? first : await askIn(world, pathOf(url, '/api/version'), { bearer: token.token });
  const version = versionOf(answer);
  const common = {
    session: isUsable(answer) ? textAt(parseJson(answer.text), 'session_name') : undefined,
    url,
    source,
    answer,
    version,
    release: version === undefined ? undefined : parseRelease(version),
    tokenFrom: token?.from,
  };
  if (version === undefined)
    return { facts: { ...common, taskCount: undefined, nodes: [], nodesLeftOut: 0, nodesMissing: true }, drivers: [] };

  const askRay = (path: string, maxBytes?: number): Promise<HttpAnswer> =>
    askIn(world, pathOf(url, path), { bearer: token?.token, ...(maxBytes === undefined ? {} : { maxBytes }) });
  const [nodeList, tasks, jobs] = await Promise.all([
    askRay('/nodes?view=summary', world.limits.maxNodeListBytes),
    askRay('/api/v0/tasks?limit=1', world.limits.maxNodeListBytes),
    askRay('/api/jobs/', world.limits.maxNodeListBytes),
  ]);
  const listed = isUsable(nodeList) ? listNodes(nodeList) : undefined;
  const asked = (listed ?? []).slice(0, world.limits.maxNodes);
  const nodes = await mapBounded(asked, world.limits.maxConcurrentNodes, (node: ListedNode) => gatherNode(node, askRay, world));
  return {
    facts: {
      ...common,
      taskCount: isUsable(tasks) ? numberAt(parseJson(tasks.text), 'data', 'result', 'total') : undefined,
      nodes,
      nodesLeftOut: (listed?.length ?? 0) - asked.length,
      nodesMissing: listed === undefined,
    },
    drivers: isUsable(jobs) ? driversOf(jobs.text) : [],
  };
}

/** URL of a path of the dashboard, which may itself be below a path of a proxy. */
function pathOf(url: URL, path: string): URL {
  const target = new URL(url);
  const [pathname = '', search = ''] = path.split('?');
  target.pathname = `${url.pathname.replace(/\/+$/, '')}${pathname}`;
  target.search = search;
  target.hash = '';
  return target;
}

function requiresToken(answer: HttpAnswer): boolean {
  return answer.kind === 'answered' && (answer.status === 401 || answer.status === 403);
}

function versionOf(answer: HttpAnswer): string | undefined {
  return isUsable(answer) ? textAt(parseJson(answer.text), 'ray_version') : undefined;
}

function isUsable(answer: HttpAnswer): answer is Answered {
  return answer.kind === 'answered' && answer.status === 200 && !answer.isCut;
}

function driversOf(text: string): readonly ListedDriver[] {
  const jobs: unknown = parseJson(text);
  return listAt({ jobs }, 'jobs').flatMap((job) => {
    const pid = Number(textAt(job, 'driver_info', 'pid'));
    const ip = textAt(job, 'driver_info', 'node_ip_address');
    const isRunning = at(job, 'type') === 'DRIVER' && at(job, 'status') === 'RUNNING';
    return isRunning && ip !== undefined && Number.isSafeInteger(pid) && pid > 0 ? [{ ip, pid, jobId: textAt(job, 'job_id') ?? '' }] : [];
  });
}
