import { ask, type AskOptions, type HttpAnswer } from './ask.ts';
import type { DoctorLimits } from './limits.ts';

/** What the gatherers take from outside. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Ends everything that is under way. */
  readonly stop: AbortSignal;
  readonly limits: DoctorLimits;
  /** Addresses of this machine, loopback ones included. */
  readonly ownAddresses: ReadonlySet<string>;
  /** Where processes are looked for: `/proc`. */
  readonly procFolder: string;
  /** Authorities that Ray's agents would trust, as PEM; undefined for Node's own. */
  readonly ca: string | undefined;
}

type AskMore = Partial<Pick<AskOptions, 'method' | 'body' | 'bearer' | 'maxBytes'>>;

export function askIn(world: World, url: URL, more: AskMore = {}): Promise<HttpAnswer> {
  const { limits, stop, now, ca } = world;
  return ask(url, { timeoutMs: limits.timeoutMs, maxBytes: limits.maxAnswerBytes, stop, now, ca, ...more });
}

/** Works on all items, a bounded number at a time; the results are in the order of the items. */
export async function mapBounded<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const entries = items.entries();
  const worker = async (): Promise<void> => {
    // All workers draw from the one iterator.
    for (const [index, item] of entries) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}
