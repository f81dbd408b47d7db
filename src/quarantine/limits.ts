const MEBIBYTE = 1024 * 1024;

/** Every bound of the quarantine, with its default: 64 MiB of disk and 8 MiB of memory at most. */
export interface QuarantineLimits {
  /** Bytes of one file. Default 16 MiB. The next entry opens a new file. */
  readonly maxFileBytes: number;
  /** Files of one kind (events, spans). Default 2. The oldest is removed for a new one. */
  readonly maxFiles: number;
  /** Bytes of an event as posted, or of a span in OTLP. Default 1 MiB. A larger one is counted and not kept. */
  readonly maxEntryBytes: number;
  /** Entries that may wait to be written. Default 10,000. Beyond: counted and not kept. */
  readonly maxQueuedEntries: number;
  /** Bytes of those. Default 8 MiB. Beyond: counted and not kept. */
  readonly maxQueuedBytes: number;
  /** Events that are kept of one unknown type while the bridge runs. Default 5: they are alike. */
  readonly maxSamplesPerUnknownType: number;
  /** Unknown types that are told apart. Default 100; those beyond count as one. */
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
