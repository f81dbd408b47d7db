const MEBIBYTE = 1024 * 1024;

/** The limits of the journal on disk. */
export interface DiskJournalLimits {
  /**
   * Size of stored batches, without the checkpoint. Default 10 GiB, or 80 % of
   * the free space if less. Above: `journal_full`.
   */
  readonly limitBytes?: number;
  /**
   * Size of the outbox. Default 2 GiB, or 20 % of the free space if less. Above, the pump waits for
   * the backend. A checkpoint may exceed it by the spans in memory.
   */
  readonly maxOutboxBytes?: number;
  /** Size of spans that wait to be written to the outbox. Above, the pump waits. Default 4 MiB. */
  readonly maxUnwrittenBytes: number;
  /** Free disk space that the journal leaves. Default 64 MiB. Below: `journal_full`. */
  readonly minFreeBytes: number;
  /**
   * Size of the newest batches kept in memory for the pump, as decompressed bodies. Default 64 MiB.
   */
  readonly maxTailBytes: number;
  /** Size of the batches written with one sync, as decompressed bodies. Default 16 MiB. A larger batch is written alone. */
  readonly maxGroupBytes: number;
  /** Minimum time between two syncs while posts arrive together. Default 5 ms. */
  readonly groupMs: number;
  /** Posts count as arriving together for so long after one joined another. Default 50 ms. */
  readonly companyMs: number;
  /**
   * Size of processed batches at which a checkpoint is due, but at least 0.6 of the last
   * checkpoint. Default 12 MiB: 150,000 events, which a restart replays in 3 s.
   */
  readonly checkpointBytes: number;
  /** The same after `idleMs` without a batch. Default 64 KiB. */
  readonly idleCheckpointBytes: number;
  /** Time without a batch after which the journal is idle. Default 10 s. */
  readonly idleMs: number;
  /** Maximum records in a portion of a checkpoint. Default 500. */
  readonly portionRecords: number;
  /** Size in memory at which a portion is complete. Default 1 MiB. */
  readonly portionBytes: number;
  /** Size of damaged batches that are set aside. Default 64 MiB. Further ones are only counted. */
  readonly maxDamagedBytes: number;
  /** Interval of retries of failed reads and writes. Default 1 s. */
  readonly retryMs: number;
  /** Maximum interval at which the journal's time is stored. Default 10 s. */
  readonly keepTimeMs: number;
  /** Interval of checks that the folder and its files exist. Default 2 s. */
  readonly watchMs: number;
  /**
   * After files were removed: maximum time for the pump to read the open ones before a repair.
   * Default 10 s.
   */
  readonly drainMs: number;
}

export const DEFAULT_DISK_JOURNAL_LIMITS: DiskJournalLimits = {
  maxUnwrittenBytes: 4 * MEBIBYTE,
  minFreeBytes: 64 * MEBIBYTE,
  maxTailBytes: 64 * MEBIBYTE,
  maxGroupBytes: 16 * MEBIBYTE,
  groupMs: 5,
  companyMs: 50,
  checkpointBytes: 12 * MEBIBYTE,
  idleCheckpointBytes: 64 * 1024,
  idleMs: 10_000,
  portionRecords: 500,
  portionBytes: MEBIBYTE,
  maxDamagedBytes: 64 * MEBIBYTE,
  retryMs: 1_000,
  keepTimeMs: 10_000,
  watchMs: 2_000,
  drainMs: 10_000,
};
