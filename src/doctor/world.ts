import { ask, type AskOptions, type HttpAnswer } from './ask.ts';
import type { DoctorLimits } from './limits.ts';

/** Everything that the gatherers use of the outside world. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Cancels everything. */
  readonly stop: AbortSignal;
  readonly limits: DoctorLimits;
  /** Addresses of this machine, including loopback addresses. */
  readonly ownAddresses: ReadonlySet<string>;
  /** Folder that lists processes: `/proc`. */
  readonly procFolder: string;
  /** Certificate authorities that Ray's agents trust, as PEM. Undefined for Node's own. */
  readonly ca: string | undefined;
}

type AskMore = Partial<Pick<AskOptions, 'method' | 'body' | 'bearer' | 'maxBytes'>>;

/** Sends a request within the limits of the run. */
export function askIn(world: World, url: URL, more: AskMore = {}): Promise<HttpAnswer> {
  const { limits, stop, now, ca } = world;
  return ask(url, { timeoutMs: limits.timeoutMs, maxBytes: limits.maxAnswerBytes, stop, now, ca, ...more });
}

/** Calls `work` for all items, with limited concurrency. The results keep the order of the items. */
export async function mapBounded<Item, Out>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Out>,
): Promise<readonly Out[]> {
  const results: Out[] = [];
  const entries = items.entries();
  const worker = async (): Promise<void> => {
    // All workers share the iterator.
    for (const [index, item] of entries) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}
