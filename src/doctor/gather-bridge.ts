import type { HttpAnswer } from './ask.ts';
import { type BridgeCounts, needsSecondLook, readBridgeCounts } from './bridge-metrics.ts';
import { type AddressSource, type BridgeFacts, notAsked } from './facts.ts';
import { askIn, type World } from './world.ts';

export interface BridgeQuestion {
  /** Address in Ray's variable. */
  readonly address: string;
  readonly source: AddressSource;
  /** Token for `/metrics`. */
  readonly readToken: string | undefined;
}

/** Reads the health and the counters of the bridge, and posts an empty list of events as Ray would. */
export async function gatherBridge({ address, source, readToken }: BridgeQuestion, world: World): Promise<BridgeFacts> {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    const nothing = { health: notAsked, ready: notAsked, post: notAsked, metrics: notAsked };
    return { url: undefined, address, source, ...nothing, counts: undefined, countsLater: undefined, postsPerSecond: undefined };
  }
  const [health, ready, post, metrics] = await Promise.all([
    askIn(world, siblingUrl(url, '/healthz')),
    askIn(world, siblingUrl(url, '/readyz')),
    askIn(world, url, { method: 'POST', body: '[]' }),
    askMetrics(url, readToken, world),
  ]);
  const counts = countsOf(metrics);
  const countsLater = counts !== undefined && needsSecondLook(counts) ? await readCountsLater(url, readToken, world) : undefined;
  const postsPerSecond = postRate(counts, countsLater, world.limits.secondLookMs);
  return { url, address, source, health, ready, post, metrics, counts, countsLater, postsPerSecond };
}

/** Undefined when there is no second reading, or when the bridge was restarted before it. */
function postRate(counts: BridgeCounts | undefined, later: BridgeCounts | undefined, pauseMs: number): number | undefined {
  if (counts === undefined || later === undefined || later.posts < counts.posts) return undefined;
  return ((later.posts - counts.posts) * 1000) / pauseMs;
}

async function readCountsLater(url: URL, readToken: string | undefined, world: World): Promise<BridgeCounts | undefined> {
  await world.sleep(world.limits.secondLookMs, world.stop);
  return countsOf(await askMetrics(url, readToken, world));
}

function askMetrics(url: URL, readToken: string | undefined, world: World): Promise<HttpAnswer> {
  return askIn(world, siblingUrl(url, '/metrics'), { bearer: readToken, maxBytes: world.limits.maxMetricsBytes });
}

function countsOf(answer: HttpAnswer): BridgeCounts | undefined {
  return answer.kind === 'answered' && answer.status === 200 ? readBridgeCounts(answer.text) : undefined;
}

/** Another path of the bridge that accepts posts at `url`, without the sender's credentials. The bridge may be mounted below a path. */
function siblingUrl(url: URL, path: string): URL {
  const other = new URL(url);
  other.username = '';
  other.password = '';
  other.search = '';
  other.hash = '';
  other.pathname = `${url.pathname.replace(/(?:\/t\/[^/]+)?(?:\/v1\/events)?\/*$/, '')}${path}`;
  return other;
}
