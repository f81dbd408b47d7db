import type { Mapping } from './mapping.ts';

/** Times in milliseconds. */
export interface CorrelateOptions {
  /** Wait after a terminal state for what is still on its way. Default 5 s. */
  readonly settleMs: number;
  /** Wait after a job's end before what is open of it is closed. Default 15 s, as Ray's own `gcs_mark_task_failed_on_job_done_delay_ms`. */
  readonly jobEndDelayMs: number;
  /** A session ends after this long without an event. Default 1 h. */
  readonly orphanTimeoutMs: number;
  /** Budget of one trace, 0 for none. Defaults 10,000 spans and 4,500,000 bytes of OTLP protobuf. */
  readonly maxSpansPerTrace: number;
  readonly maxBytesPerTrace: number;
  /** The slowest attempts of each function that have a span whatever the budget is used for; 0 for none. Default 10. */
  readonly slowestPerFunction: number;
  /**
   * Spans of tasks below each other, at most 1,000, the default. A task that would be deeper hangs under its job, with a link to its parent: trace views fail
   * on thousands of levels.
   */
  readonly maxDepth: number;
  /** `tree`: under the attempt of the parent task; `flat`: all tasks under the job. Default `tree`. */
  readonly nesting: 'tree' | 'flat';
  /** An attempt that took as long is kept when a job asks for `ray_otel.detail` = `slow`. Default 1 s. */
  readonly slowMs: number;
  /**
   * Which open things get an in-flight span, a child of the span that follows at their end: none; each job, detached actor and
   * session (`jobs`); and each running attempt too (`running`). Default `off`.
   */
  readonly inFlight: 'off' | 'jobs' | 'running';
  /** How long it must have been open before its in-flight span. Default 10 s. */
  readonly inFlightAfterMs: number;
  /** Attempts, open or closed, that are remembered; the oldest closed ones are forgotten first. Default 1,000,000. */
  readonly maxTombstones: number;
  /**
   * Jobs, actors, nodes, workers... that nothing needs and that are remembered for late events: closed ones, and those that events only named. The oldest
   * are forgotten first. Default 100,000.
   */
  readonly maxAgingRecords: number;
  /** Sessions that are remembered. Beyond it the one that was silent longest is closed and forgotten. Default 10,000. */
  readonly maxSessions: number;
  /**
   * Bytes of texts, maps and lists of what is open. The caller refuses events from there on; where there are twice as many all the same, long texts and
   * large maps of events are cut. Default: no limit.
   */
  readonly maxHeldBytes: number;
}

/** How it counts, and how it maps. */
export interface StateOptions extends CorrelateOptions {
  readonly mapping: Mapping;
}

export const CORRELATE_DEFAULTS = {
  settleMs: 5_000,
  jobEndDelayMs: 15_000,
  orphanTimeoutMs: 3_600_000,
  maxSpansPerTrace: 10_000,
  maxBytesPerTrace: 4_500_000,
  slowestPerFunction: 10,
  nesting: 'tree',
  slowMs: 1_000,
  inFlight: 'off',
  inFlightAfterMs: 10_000,
  maxDepth: 1_000,
  maxTombstones: 1_000_000,
  maxAgingRecords: 100_000,
  maxSessions: 10_000,
  maxHeldBytes: Number.POSITIVE_INFINITY,
} as const satisfies Partial<CorrelateOptions>;
