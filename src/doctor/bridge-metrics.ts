import { METRICS } from '../telemetry/index.ts';
import { readSamples, sumOf, sumsByLabel } from './prometheus.ts';

/** Counters of a bridge since its start, from its `/metrics`. */
export interface BridgeCounts {
  readonly received: number;
  /** Answered posts. */
  readonly posts: number;
  readonly rejectedByCode: ReadonlyMap<string, number>;
  readonly refusedByCode: ReadonlyMap<string, number>;
  /** Finished and open attempts. */
  readonly attempts: number;
  readonly spansExported: number;
  readonly spansQueued: number;
  readonly spansRefused: number;
  readonly spansDiscarded: number;
  readonly spansSampledOut: number;
  readonly exportRetries: number;
  /** Scheme, host and port of each backend of the bridge. Empty for a release that does not report them. */
  readonly endpoints: readonly string[];
}

/** Reads the counters in a metrics page. Undefined when the page is not from a bridge. */
export function readBridgeCounts(page: string): BridgeCounts | undefined {
  const samples = readSamples(page, ['ray_otel_bridge_']);
  const received = sumOf(samples, METRICS.eventsReceived.name);
  if (received === undefined) return undefined;
  const sum = (metric: { readonly name: string }): number => sumOf(samples, metric.name) ?? 0;
  const finished = sumOf(samples, METRICS.lifecyclesFinished.name, ({ labels }) => labels['kind'] === 'attempt') ?? 0;
  return {
    received,
    posts: sumOf(samples, `${METRICS.requestSeconds.name}_count`) ?? 0,
    rejectedByCode: sumsByLabel(samples, METRICS.eventsRejected.name, 'code'),
    refusedByCode: sumsByLabel(samples, METRICS.requestsRefused.name, 'code'),
    attempts: finished + sum(METRICS.openAttempts),
    spansExported: sum(METRICS.spansExported),
    spansQueued: sum(METRICS.spansQueued),
    spansRefused: sum(METRICS.spansRefused),
    spansDiscarded: sum(METRICS.spansDiscarded),
    spansSampledOut: sum(METRICS.spansSampledOut),
    exportRetries: sum(METRICS.exportRetries),
    endpoints: [...sumsByLabel(samples, METRICS.exporterEndpoints.name, 'endpoint').keys()],
  };
}

/** A bridge with fewer posts since its start is not asked for their rate. */
const MANY_POSTS = 10_000;

/**
 * Whether a second reading is needed, to see if refusals or retries still increase, or how many posts
 * arrive in a second.
 */
export function needsSecondLook(counts: BridgeCounts): boolean {
  return counts.refusedByCode.size > 0 || counts.exportRetries > 0 || counts.posts >= MANY_POSTS;
}
