const MEBIBYTE = 1024 * 1024;

/** Every bound of the journal on disk, with its default. */
export interface DiskJournalLimits {
  /** Bytes of stored batches and delivered ids, without the checkpoint of what is open. Default 10 GiB, or 80 % of the free space where that is less. Beyond: `journal_full`. */
  readonly limitBytes?: number;
  /** Free space that is left to others. Default 64 MiB. Below: `journal_full`. */
  readonly minFreeBytes: number;
  /** Batches that were appended last are held in memory for the pump, as many as these bytes on the wire. Default 64 MiB. */
  readonly maxTailBytes: number;
  /** Batches that are made durable by one sync. Default 16 MiB; a larger batch goes alone. */
  readonly maxGroupBytes: number;
  /** Stored bytes that were worked through before a checkpoint is due, but not less than 0.6 of what the last checkpoint took. Default 20 MiB: a quarter of a million events. */
  readonly checkpointBytes: number;
  /** When nothing came for `idleMs` (default 10 s), so much is enough. Default 64 KiB. */
  readonly idleCheckpointBytes: number;
  readonly idleMs: number;
  /** A portion of a checkpoint has so many records at most, default 500, */
  readonly portionRecords: number;
  /** and no further one when they take so much memory. Default 1 MiB. */
  readonly portionBytes: number;
  /** Damaged batches that are kept aside. Default 64 MiB; what is beyond is only counted. */
  readonly maxDamagedBytes: number;
  /** Between two tries to write again, or to read a checkpoint. Default 1 s. */
  readonly retryMs: number;
  /** The clock's position is kept at least so often. Default 10 s. */
  readonly keepTimeMs: number;
  /** Between two looks at the folder: whether it is there, and its files in it. Default 2 s. */
  readonly watchMs: number;
  /** Before files that were removed are repaired, the pump reads what it can of the open ones: so long at most. Default 10 s. */
  readonly drainMs: number;
}

export const DEFAULT_DISK_JOURNAL_LIMITS: DiskJournalLimits = {
  minFreeBytes: 64 * MEBIBYTE,
  maxTailBytes: 64 * MEBIBYTE,
  maxGroupBytes: 16 * MEBIBYTE,
  checkpointBytes: 20 * MEBIBYTE,
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
