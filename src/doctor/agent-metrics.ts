import { readSamples, type Sample, sumOf } from './prometheus.ts';

/** What a node's aggregator agent has counted since it started. */
export interface AgentCounts {
  readonly received: number;
  readonly published: number;
  /** By the list of event types. */
  readonly filtered: number;
  /** Because the buffer was full. */
  readonly dropped: number;
  /** Posts that failed since the last that did not; 2.49 does not count them. */
  readonly consecutiveFailures: number | undefined;
}

const prefixes = ['ray_aggregator_agent_', 'ray_event_aggregator_agent_'];
/** Other consumers of the same events (the GCS, the dashboard head) are not ours. */
const httpConsumers = new Set(['http_service', 'http_publisher']);

function ours({ labels }: Sample): boolean {
  return httpConsumers.has(labels['consumer'] ?? 'http_service');
}

function first(...sums: readonly (number | undefined)[]): number {
  return sums.find((sum) => sum !== undefined) ?? 0;
}

/**
 * Reads the page of a node. From 2.50 on a counter appears with its first event, so what is not there is 0; 2.49 always has them. Undefined
 * when the page has no metric of Ray at all, or was cut before one was found: then nothing is known.
 */
export function readAgentCounts(page: string, isCut: boolean): AgentCounts | undefined {
  const samples = readSamples(page, prefixes);
  if (samples.length === 0 && (isCut || !/^ray_/m.test(page))) return undefined;
  return {
    received: first(
      sumOf(samples, 'ray_aggregator_agent_events_received_total'),
      sumOf(samples, 'ray_event_aggregator_agent_events_received_total'),
    ),
    published: first(
      sumOf(samples, 'ray_aggregator_agent_published_events_total', ours),
      sumOf(samples, 'ray_event_aggregator_agent_events_published_total'),
    ),
    filtered: first(
      sumOf(samples, 'ray_aggregator_agent_filtered_events_total', ours),
      sumOf(samples, 'ray_event_aggregator_agent_events_filtered_out_total'),
    ),
    dropped: first(
      sumOf(samples, 'ray_aggregator_agent_queue_dropped_events_total'),
      sumOf(samples, 'ray_event_aggregator_agent_events_dropped_at_event_aggregator_total'),
    ),
    consecutiveFailures: sumOf(samples, 'ray_aggregator_agent_consecutive_failures_since_last_success', ours),
  };
}
