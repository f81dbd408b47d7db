import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

interface Metric {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  /** Upper bounds of the buckets of a histogram. */
  readonly buckets?: readonly number[];
}

const PREFIX = 'ray_otel_bridge_';
const ANSWER_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5];
const EXPORT_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Every metric of the bridge. */
export const METRICS = {
  eventsReceived: counter('events_received_total', 'Events in posts that were answered 200.'),
  eventsAccepted: counter('events_accepted_total', 'Events appended to the journal.'),
  eventsDuplicate: counter('events_duplicate_total', 'Events received before, detected by their event id.'),
  eventsRejected: counter('events_rejected_total', 'Events that could not be used, by reason.', ['code']),
  eventsUnknownType: counter('events_unknown_type_total', 'Events of a type that this release does not know, by type.', ['type']),
  timesIgnored: counter(
    'event_times_ignored_total',
    'Impossible times (before 2000, after 2199, or not a time) that were ignored. The rest of the event was used.',
  ),
  eventsLate: counter('events_late_total', 'Events that arrived after the span that they belong to was final.'),
  bytesReceived: counter('received_bytes_total', 'Decompressed bytes of posts that were answered 200.'),
  requestSeconds: histogram('request_duration_seconds', 'Time to answer a post, by status.', ANSWER_SECONDS, ['status']),
  requestsRefused: counter('requests_refused_total', 'Posts refused as a whole, by reason.', ['code']),
  readsRefused: counter(
    'reads_refused_total',
    'Requests for the metrics, the live page or its data without a valid token or from another site, by reason.',
    ['code'],
  ),
  connectionsRefused: counter('connections_refused_total', 'Connections closed at a limit of the server, by reason.', ['reason']),
  reloads: counter('reloads_total', 'Changed token and certificate files that are in use now, by setting.', ['file']),
  reloadFailures: counter('reload_failures_total', 'Failed reads of changed token and certificate files, by setting.', ['file']),
  seenEventIds: gauge('seen_event_ids', 'Event ids remembered to detect duplicates.'),
  journalEntries: gauge('journal_entries', 'Events waiting in the journal.'),
  journalBytes: gauge('journal_bytes', 'Bytes of events in the journal, in memory or on disk.'),
  journalLimitBytes: gauge('journal_limit_bytes', 'Size at which the journal is full and posts are answered 503.'),
  journalOldestAgeSeconds: gauge('journal_oldest_age_seconds', 'How long the oldest event has been waiting in the journal.'),
  journalSyncs: counter('journal_syncs_total', 'Syncs of the journal to disk. Posts that wait together share one.'),
  journalBatches: counter('journal_batches_total', 'Posts written to the journal on disk.'),
  journalWrittenBytes: counter('journal_written_bytes_total', 'Bytes of posts written to the journal on disk, as stored.'),
  journalCheckpoints: counter('journal_checkpoints_total', 'Checkpoints of the state. Each one frees the events before it.'),
  journalCheckpointBytes: gauge('journal_checkpoint_bytes', 'Size of the last checkpoint.'),
  journalDamages: counter('journal_damages_total', 'Unreadable parts of the journal that were skipped.'),
  journalEntriesLost: counter('journal_entries_lost_total', 'Events lost with unreadable parts of the journal, as far as known.'),
  journalReadRetries: counter('journal_read_retries_total', 'Failed reads of the journal on disk that are retried.'),
  journalWritable: gauge('journal_writable', 'Whether the journal is writable: 1, or 0 while it is not and posts are answered 503.'),
  openSessions: gauge('open_sessions', 'Ray sessions that are open, or ended and still remembered.'),
  sessionsForgotten: counter('sessions_forgotten_total', 'Sessions closed or forgotten early because of their number.'),
  openRecords: gauge('open_records', 'Open jobs, actors, nodes and workers.'),
  openRecordsLimit: gauge('open_records_limit', 'Number of open jobs, actors, nodes and workers at which posts are answered 503.'),
  agingRecords: gauge('closed_records', 'Closed jobs, actors, nodes and workers remembered for late events.'),
  recordsForgotten: counter(
    'closed_records_forgotten_total',
    'Closed jobs, actors, nodes and workers forgotten early to make room for later ones.',
  ),
  openJobs: gauge('open_jobs', 'Jobs that have not ended.'),
  openAttempts: gauge('open_attempts', 'Task attempts that have not ended.'),
  openBytes: gauge('open_bytes', 'Approximate size of the texts, labels and states of open jobs, attempts, actors, nodes and workers.'),
  openBytesLimit: gauge('open_bytes_limit', 'Size of the open state at which posts are answered 503.'),
  openAttemptsLimit: gauge('open_attempts_limit', 'Number of open attempts at which posts are answered 503.'),
  tombstones: gauge('tombstones', 'Finished attempts and other finished entities remembered to recognize late events.'),
  threads: gauge('threads', 'Remembered threads that submit calls, up to 10,000 per session.'),
  inFlightMarks: counter('in_flight_marks_total', 'In-flight spans of work that has not ended, by kind.', ['kind']),
  lifecyclesFinished: counter('lifecycles_finished_total', 'Jobs, attempts, actors, nodes and other entities that ended, by kind.', [
    'kind',
  ]),
  attemptsEnded: counter('attempts_ended_total', 'Task attempts that ended, by outcome: finished, failed, cancelled or unfinished.', [
    'outcome',
  ]),
  jobsEnded: counter('jobs_ended_total', 'Jobs that ended, by outcome: succeeded, failed, stopped or unknown.', ['outcome']),
  attemptsFolded: counter('attempts_folded_total', 'Attempts summed up in a rollup span because of the budget of a trace.'),
  attemptsHeldBack: gauge('attempts_held_back', 'Slow attempts whose span waits for the end of their job, up to 50,000.'),
  statesLeftOut: counter(
    'states_left_out_total',
    'States dropped between the first and the last ones of an attempt, actor or other entity with too many.',
  ),
  endsInferred: counter('ends_inferred_total', 'Ends that Ray did not report, by how they were inferred.', ['reason']),
  spansSampledOut: counter('spans_sampled_out_total', 'Spans of traces that the sampler dropped.'),
  spansDiscarded: counter('spans_discarded_total', 'Spans dropped because there is no exporter.'),
  spansQueued: gauge('spans_queued', 'Spans waiting for the backend.'),
  spansQueuedBytes: gauge('spans_queued_bytes', 'Bytes of spans waiting in memory for the backend.'),
  outboxSpans: gauge('outbox_spans', 'Spans in the outbox on disk, because memory does not hold them.'),
  outboxBytes: gauge('outbox_bytes', 'Size of the outbox.'),
  outboxLimitBytes: gauge('outbox_limit_bytes', 'Size at which the outbox is full and events wait in the journal. 0 without a disk.'),
  exportLagSeconds: gauge('export_lag_seconds', 'How long the oldest queued span has been waiting for the backend.'),
  spansExported: counter('spans_exported_total', 'Spans that the backend accepted.', ['exporter']),
  spansRefused: counter('spans_refused_total', 'Spans that the backend permanently refused.', ['exporter']),
  exportSeconds: histogram('export_duration_seconds', 'Time the backend took for a batch that it accepted.', EXPORT_SECONDS, ['exporter']),
  exportRetries: counter('export_retries_total', 'Failed export attempts that are retried.', ['exporter']),
  exporterEndpoints: gauge(
    'exporter_endpoints',
    'Always 1, for each backend that receives spans: scheme, host and port, or the path of a file.',
    ['endpoint'],
  ),
  exporterMisconfigured: gauge(
    'exporter_misconfigured',
    'Whether an exporter is misconfigured: 1 while its spans are kept, until its backend accepts one.',
    ['exporter'],
  ),
  postsForwarded: counter('forward_posts_total', 'Posts that a consumer of --forward-to took, by consumer.', ['target']),
  forwardsDropped: counter('forward_posts_dropped_total', 'Posts that were dropped for a consumer of --forward-to, by reason.', ['reason']),
  forwardWaitingBytes: gauge('forward_waiting_bytes', 'Bytes of posts that wait for a consumer of --forward-to.', ['target']),
  quarantineWritten: counter('quarantine_entries_written_total', 'Rejected events and refused spans written to quarantine.', ['kind']),
  quarantineDropped: counter(
    'quarantine_entries_dropped_total',
    'Rejected events and refused spans that could not be written to quarantine, by reason.',
    ['reason'],
  ),
  quarantineFilesRemoved: counter('quarantine_files_removed_total', 'Full quarantine files removed to make room.'),
  quarantineQueued: gauge('quarantine_entries_queued', 'Rejected events and refused spans waiting to be written to quarantine.'),
  jobBlockedSeconds: gauge(
    'job_blocked_seconds',
    'How long jobs have been blocked, by session and job id. At most the 20 jobs blocked longest; needs the live page.',
    ['job'],
  ),
  viewAttempts: gauge('view_attempts', 'Open attempts that the live page tracks individually.'),
  viewRows: gauge('view_rows', 'Ended attempts with a row in the live page.'),
  viewNodeSeries: gauge('view_node_series', 'Node usage histories kept for the live page, one per job and node.'),
  viewJobsLeftOut: counter('view_jobs_left_out_total', 'Events of jobs that exceed the limits of the live page.'),
  viewStreams: gauge('view_streams', 'Readers connected to the live stream of the page.'),
  viewStreamsCut: counter('view_streams_cut_total', 'Readers disconnected because they read too slowly.'),
  internalErrors: counter('internal_errors_total', 'Internal errors that the bridge survived, by stage. Please report them.', ['stage']),
} as const;

type MetricKey = keyof typeof METRICS;
type KeysOf<Type extends Metric['type']> = { [Key in MetricKey]: (typeof METRICS)[Key]['type'] extends Type ? Key : never }[MetricKey];
export type CounterKey = KeysOf<'counter'>;
export type GaugeKey = KeysOf<'gauge'>;
export type HistogramKey = KeysOf<'histogram'>;

/** A current value, or values by one label. */
export type Reading = number | ReadonlyMap<string, number>;

/** Values that other rooms keep, read whenever `/metrics` is requested. */
export type Readings = ReadonlyMap<CounterKey | GaugeKey, Reading>;

export interface Metrics {
  add(key: CounterKey, amount?: number, label?: string): void;
  set(key: GaugeKey, value: number): void;
  observe(key: HistogramKey, value: number, label: string): void;
  /**
   * The page in Prometheus' text format, with the current readings and the metrics of the process.
   */
  page(readings: Readings): Promise<{ readonly contentType: string; readonly text: string }>;
}

/**
 * Creates metrics in a registry of their own, separate from other bridges and from metrics of the
 * host program.
 */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const counters = new Map<string, Counter>();
  const gauges = new Map<string, Gauge>();
  const histograms = new Map<string, Histogram>();
  /**
   * Amounts since the last page. prom-client allocates an object and a label string per call, which
   * is too slow per event.
   */
  const added = new Map<CounterKey, Map<string | undefined, number>>();
  for (const [key, metric] of Object.entries<Metric>(METRICS)) {
    const { name, help, labels = [], buckets = [] } = metric;
    const common = { name, help, labelNames: [...labels], registers };
    if (metric.type === 'counter') counters.set(key, new Counter(common));
    else if (metric.type === 'gauge') gauges.set(key, new Gauge(common));
    else histograms.set(key, new Histogram({ ...common, buckets: [...buckets] }));
  }

  function read(key: CounterKey | GaugeKey, reading: Reading): void {
    const labelled: Iterable<readonly [string | undefined, number]> = typeof reading === 'number' ? [[undefined, reading]] : reading;
    gauges.get(key)?.reset();
    counters.get(key)?.reset();
    for (const [label, value] of labelled) {
      gauges.get(key)?.set(labelsOf(key, label), value);
      counters.get(key)?.inc(labelsOf(key, label), value);
    }
  }

  return {
    add(key, amount = 1, label) {
      let sums = added.get(key);
      if (sums === undefined) added.set(key, (sums = new Map<string | undefined, number>()));
      sums.set(label, (sums.get(label) ?? 0) + amount);
    },
    set: (key, value) => gauges.get(key)?.set(value),
    observe: (key, value, label) => histograms.get(key)?.observe(labelsOf(key, label), value),
    async page(readings) {
      for (const [key, sums] of added) for (const [label, amount] of sums) counters.get(key)?.inc(labelsOf(key, label), amount);
      added.clear();
      for (const [key, reading] of readings) read(key, reading);
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}

function labelsOf(key: MetricKey, label: string | undefined): Record<string, string> {
  const metric: Metric = METRICS[key];
  const name = metric.labels?.[0];
  return name === undefined || label === undefined ? {} : { [name]: label };
}

function counter(name: string, help: string, labels: readonly string[] = []) {
  return { type: 'counter', name: PREFIX + name, help, labels } as const;
}

function gauge(name: string, help: string, labels: readonly string[] = []) {
  return { type: 'gauge', name: PREFIX + name, help, labels } as const;
}

function histogram(name: string, help: string, buckets: readonly number[], labels: readonly string[]) {
  return { type: 'histogram', name: PREFIX + name, help, buckets, labels } as const;
}
