import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

interface Metric {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  /** Upper bounds of a histogram. */
  readonly buckets?: readonly number[];
}

const PREFIX = 'ray_otel_bridge_';
const ANSWER_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5];
const EXPORT_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Every metric of the bridge: the only place that names them. */
export const METRICS = {
  eventsReceived: counter('events_received_total', 'Events in posts that were answered 200.'),
  eventsAccepted: counter('events_accepted_total', 'Events that were appended to the journal.'),
  eventsDuplicate: counter('events_duplicate_total', 'Events that were accepted before, told by their event id.'),
  eventsRejected: counter('events_rejected_total', 'Events that could not be used, by the reason.', ['code']),
  eventsUnknownType: counter('events_unknown_type_total', 'Events of a type that this release does not know, by the type.', ['type']),
  timesIgnored: counter(
    'event_times_ignored_total',
    'Impossible times (before 2000, after 2199, or no time at all) that were read as absent; the rest of their events counts.',
  ),
  eventsLate: counter('events_late_total', 'Events that came after the span that they belong to was final.'),
  bytesReceived: counter('received_bytes_total', 'Bytes of posts that were answered 200, decompressed.'),
  requestSeconds: histogram('request_duration_seconds', 'Time to answer a post, by status.', ANSWER_SECONDS, ['status']),
  requestsRefused: counter('requests_refused_total', 'Posts that were refused as a whole, by the reason.', ['code']),
  readsRefused: counter(
    'reads_refused_total',
    'Requests for the metrics, the live page or its data that showed no right token or came from another site, by the reason.',
    ['code'],
  ),
  connectionsRefused: counter('connections_refused_total', 'Connections that were cut at a limit of the server, by the reason.', [
    'reason',
  ]),
  reloads: counter('reloads_total', 'Token and certificate files that changed and were taken over, by setting.', ['file']),
  reloadFailures: counter('reload_failures_total', 'Looks at token and certificate files that could not be used, by setting.', ['file']),
  seenEventIds: gauge('seen_event_ids', 'Event ids that are remembered to tell duplicates.'),
  journalEntries: gauge('journal_entries', 'Events that wait in the journal.'),
  journalBytes: gauge('journal_bytes', 'Bytes of the events that the journal holds, in memory or on disk.'),
  journalLimitBytes: gauge('journal_limit_bytes', 'Bytes at which the journal takes no more and posts are answered 503.'),
  journalOldestAgeSeconds: gauge('journal_oldest_age_seconds', 'How long the oldest event has waited in the journal.'),
  journalSyncs: counter('journal_syncs_total', 'Syncs of the journal to the disk; posts that wait together share one.'),
  journalBatches: counter('journal_batches_total', 'Posts that were written to the journal on disk.'),
  journalWrittenBytes: counter('journal_written_bytes_total', 'Bytes of those, as stored.'),
  journalCheckpoints: counter('journal_checkpoints_total', 'Checkpoints of the state; each gives back the events before it.'),
  journalCheckpointBytes: gauge('journal_checkpoint_bytes', 'Bytes of the last checkpoint.'),
  journalDamages: counter('journal_damages_total', 'Parts of the journal that could not be read and were left out.'),
  journalEntriesLost: counter('journal_entries_lost_total', 'Events in them, as far as it is known.'),
  journalReadRetries: counter('journal_read_retries_total', 'Looks at the journal on disk that failed and are made again.'),
  journalWritable: gauge('journal_writable', 'Is 1 while the journal can be written, 0 while it cannot and posts are answered 503.'),
  openSessions: gauge('open_sessions', 'Ray sessions that are open, and closed ones that are remembered.'),
  sessionsForgotten: counter('sessions_forgotten_total', 'Sessions that were closed or forgotten early, because there were too many.'),
  openRecords: gauge('open_records', 'Jobs, actors, nodes and workers that are open.'),
  openRecordsLimit: gauge('open_records_limit', 'Open jobs, actors, nodes... at which posts are answered 503.'),
  agingRecords: gauge('closed_records', 'Closed jobs, actors, nodes, workers... that are remembered for late events.'),
  recordsForgotten: counter('closed_records_forgotten_total', 'Closed jobs, actors, nodes, workers... that gave way to later ones.'),
  openJobs: gauge('open_jobs', 'Jobs that are not finished.'),
  openAttempts: gauge('open_attempts', 'Task attempts that are not finished.'),
  openBytes: gauge('open_bytes', 'Bytes of texts, labels, states... of what is open, about.'),
  openBytesLimit: gauge('open_bytes_limit', 'Bytes of what is open at which posts are answered 503.'),
  openAttemptsLimit: gauge('open_attempts_limit', 'Open attempts at which posts are answered 503.'),
  tombstones: gauge('tombstones', 'Finished things that are remembered to tell late events.'),
  threads: gauge('threads', 'Threads that submit calls and are remembered, up to 10,000 of each session.'),
  inFlightMarks: counter('in_flight_marks_total', 'Marks of what is still open, by what is marked.', ['kind']),
  lifecyclesFinished: counter('lifecycles_finished_total', 'Jobs, attempts, actors, nodes... that came to their end, by kind.', ['kind']),
  attemptsEnded: counter('attempts_ended_total', 'Task attempts that ended, by how: finished, failed, cancelled or unfinished.', [
    'outcome',
  ]),
  jobsEnded: counter('jobs_ended_total', 'Jobs that ended, by what they came to: succeeded, failed, stopped or unknown.', ['outcome']),
  attemptsFolded: counter('attempts_folded_total', "Attempts summed up in a fold span because of a trace's budget."),
  statesLeftOut: counter('states_left_out_total', 'States between the first and the last ones of an actor, attempt... with too many.'),
  endsInferred: counter('ends_inferred_total', 'Ends that Ray did not tell, by how they were found.', ['reason']),
  spansSampledOut: counter('spans_sampled_out_total', 'Spans of traces that the sampler dropped.'),
  spansDiscarded: counter('spans_discarded_total', 'Spans that were dropped because no exporter is set.'),
  spansQueued: gauge('spans_queued', 'Spans that wait for the backend.'),
  spansQueuedBytes: gauge('spans_queued_bytes', 'Bytes of the spans that wait for the backend.'),
  exportLagSeconds: gauge('export_lag_seconds', 'How long the span that waits longest has waited for the backend.'),
  spansExported: counter('spans_exported_total', 'Spans that the backend took.', ['exporter']),
  spansRefused: counter('spans_refused_total', 'Spans that the backend will never take; they are set aside.', ['exporter']),
  exportSeconds: histogram('export_duration_seconds', 'Time that the backend took for a batch that it accepted.', EXPORT_SECONDS, [
    'exporter',
  ]),
  exportRetries: counter('export_retries_total', 'Attempts to export that failed and are tried again.', ['exporter']),
  exporterEndpoints: gauge(
    'exporter_endpoints',
    'Is 1 for each backend that spans are sent to: scheme, host and port, or the path of a file.',
    ['endpoint'],
  ),
  exporterMisconfigured: gauge(
    'exporter_misconfigured',
    'Is 1 while an exporter is misconfigured and its spans are kept, until its backend accepts one.',
    ['exporter'],
  ),
  quarantineWritten: counter('quarantine_entries_written_total', 'Rejected events and refused spans that were written to quarantine.', [
    'kind',
  ]),
  quarantineDropped: counter(
    'quarantine_entries_dropped_total',
    'Rejected events and refused spans that are not in quarantine, by the reason.',
    ['reason'],
  ),
  quarantineFilesRemoved: counter('quarantine_files_removed_total', 'Full files of the quarantine that were removed to make room.'),
  quarantineQueued: gauge('quarantine_entries_queued', 'Rejected events and refused spans that wait to be written to quarantine.'),
  viewAttempts: gauge('view_attempts', 'Open attempts that the live page follows one by one.'),
  viewRows: gauge('view_rows', 'Attempts that are over and have a row in the live page.'),
  viewNodeSeries: gauge('view_node_series', 'Nodes of jobs whose use over time the live page remembers.'),
  viewJobsLeftOut: counter('view_jobs_left_out_total', 'Events of jobs that the live page has no room for.'),
  viewStreams: gauge('view_streams', 'Readers that the live page is streamed to.'),
  viewStreamsCut: counter('view_streams_cut_total', 'Readers that were cut off because they did not read.'),
  internalErrors: counter('internal_errors_total', 'Bugs of the bridge that it survived, by stage. Please report them.', ['stage']),
} as const;

type MetricKey = keyof typeof METRICS;
type KeysOf<Type extends Metric['type']> = { [Key in MetricKey]: (typeof METRICS)[Key]['type'] extends Type ? Key : never }[MetricKey];
export type CounterKey = KeysOf<'counter'>;
export type GaugeKey = KeysOf<'gauge'>;
export type HistogramKey = KeysOf<'histogram'>;

/** A current value, or values by one label. */
export type Reading = number | ReadonlyMap<string, number>;

/** Values that are known elsewhere and looked up when the page is asked for. */
export type Readings = ReadonlyMap<CounterKey | GaugeKey, Reading>;

export interface Metrics {
  add(key: CounterKey, amount?: number, label?: string): void;
  set(key: GaugeKey, value: number): void;
  observe(key: HistogramKey, value: number, label: string): void;
  /** The page in Prometheus' text format, with the readings of this moment and the process's own metrics. */
  page(readings: Readings): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** Metrics in a registry of their own, so that two bridges in one process, or a host's metrics, don't meet. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const counters = new Map<string, Counter>();
  const gauges = new Map<string, Gauge>();
  const histograms = new Map<string, Histogram>();
  /** Since the last page: the library makes an object and a text of the labels for each call. */
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
