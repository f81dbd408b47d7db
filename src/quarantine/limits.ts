const MEBIBYTE = 1024 * 1024;

/** Limits of the quarantine. The defaults allow 64 MiB on disk and 8 MiB in memory. */
export interface QuarantineLimits {
  /** Size of a file. Default 16 MiB. The next entry goes into a new file. */
  readonly maxFileBytes: number;
  /** Files per kind (events, spans). Default 2. A new file replaces the oldest. */
  readonly maxFiles: number;
  /** Size of an event as posted, or of a span in OTLP. Default 1 MiB. A larger entry is dropped and counted. */
  readonly maxEntryBytes: number;
  /** Entries waiting to be written. Default 10,000. Further entries are dropped and counted. */
  readonly maxQueuedEntries: number;
  /** Size of the entries waiting to be written. Default 8 MiB. Further entries are dropped and counted. */
  readonly maxQueuedBytes: number;
  /** Events of one unknown type that the bridge keeps while it runs. Default 5, because they are alike. */
  readonly maxSamplesPerUnknownType: number;
  /** Unknown types that are sampled separately. Default 100. All further types share one sample. */
  readonly maxUnknownTypes: number;
}

export const DEFAULT_QUARANTINE_LIMITS: QuarantineLimits = {
  maxFileBytes: 16 * MEBIBYTE,
  maxFiles: 2,
  maxEntryBytes: MEBIBYTE,
  maxQueuedEntries: 10_000,
  maxQueuedBytes: 8 * MEBIBYTE,
  maxSamplesPerUnknownType: 5,
  maxUnknownTypes: 100,
};
