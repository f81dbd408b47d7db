import { readSamples, type Sample, sumOf } from './prometheus.ts';

/** Counters of a node's aggregator agent since its start. */
export interface AgentCounts {
  readonly received: number;
  readonly published: number;
  /** Events that the list of event types excludes. */
  readonly filtered: number;
  /** Events dropped because the buffer was full. */
  readonly dropped: number;
  /** Failed posts since the last success. Ray 2.49 does not count them. */
  readonly consecutiveFailures: number | undefined;
}

const PREFIXES = ['ray_aggregator_agent_', 'ray_event_aggregator_agent_'];
/** Labels of the consumer that posts to the bridge. The GCS and the dashboard head consume the same events. */
const HTTP_CONSUMERS = new Set(['http_service', 'http_publisher']);

function isOurs({ labels }: Sample): boolean {
  return HTTP_CONSUMERS.has(labels['consumer'] ?? 'http_service');
}

function first(...sums: readonly (number | undefined)[]): number {
  return sums.find((sum) => sum !== undefined) ?? 0;
}

/**
 * Reads the counters in a node's metrics page. From Ray 2.50, a counter appears with its first event, so an absent one is 0.
 * Undefined when the page has no metric of Ray, or was cut before the first one.
 */
export function readAgentCounts(page: string, isCut: boolean): AgentCounts | undefined {
  const samples = readSamples(page, PREFIXES);
  if (samples.length === 0 && (isCut || !/^ray_/m.test(page))) return undefined;
  return {
    received: first(
      sumOf(samples, 'ray_aggregator_agent_events_received_total'),
      sumOf(samples, 'ray_event_aggregator_agent_events_received_total'),
    ),
    published: first(
      sumOf(samples, 'ray_aggregator_agent_published_events_total', isOurs),
      sumOf(samples, 'ray_event_aggregator_agent_events_published_total'),
    ),
    filtered: first(
      sumOf(samples, 'ray_aggregator_agent_filtered_events_total', isOurs),
      sumOf(samples, 'ray_event_aggregator_agent_events_filtered_out_total'),
    ),
    dropped: first(
      sumOf(samples, 'ray_aggregator_agent_queue_dropped_events_total'),
      sumOf(samples, 'ray_event_aggregator_agent_events_dropped_at_event_aggregator_total'),
    ),
    consecutiveFailures: sumOf(samples, 'ray_aggregator_agent_consecutive_failures_since_last_success', isOurs),
  };
}
