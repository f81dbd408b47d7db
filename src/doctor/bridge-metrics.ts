import { METRICS } from '../telemetry/index.ts';
import { readSamples, sumOf, sumsByLabel } from './prometheus.ts';

/** What a bridge has counted since it started, as its `/metrics` tell. */
export interface BridgeCounts {
  readonly received: number;
  readonly rejectedByCode: ReadonlyMap<string, number>;
  readonly refusedByCode: ReadonlyMap<string, number>;
  /** Attempts that ended, and those that are open. */
  readonly attempts: number;
  readonly spansExported: number;
  readonly spansQueued: number;
  readonly spansRefused: number;
  readonly spansDiscarded: number;
  readonly spansSampledOut: number;
  readonly exportRetries: number;
  /** Scheme, host and port of each backend that it sends to; empty for a release that does not report them. */
  readonly endpoints: readonly string[];
}

/** Undefined when the page is not that of a bridge. */
export function readBridgeCounts(page: string): BridgeCounts | undefined {
  const samples = readSamples(page, ['ray_otel_bridge_']);
  const received = sumOf(samples, METRICS.eventsReceived.name);
  if (received === undefined) return undefined;
  const sum = (metric: { readonly name: string }): number => sumOf(samples, metric.name) ?? 0;
  const finished = sumOf(samples, METRICS.lifecyclesFinished.name, ({ labels }) => labels['kind'] === 'attempt') ?? 0;
  return {
    received,
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

/** Whether something is counted of which it matters if it still grows. */
export function needsSecondLook(counts: BridgeCounts): boolean {
  return counts.refusedByCode.size > 0 || counts.exportRetries > 0;
}
