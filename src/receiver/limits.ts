const MEBIBYTE = 1024 * 1024;

/** Limits for one sender and for all senders together. */
export interface ReceiverLimits {
  /** Maximum size of a body, both as sent and decompressed. Default 64 MiB. Above: 413. */
  readonly maxBodyBytes: number;
  /**
   * Maximum decompressed size of all bodies being received or decoded. Default 256 MiB. Above: 503.
   */
  readonly maxInFlightBytes: number;
  /** Maximum events in a body. Default 100,000, ten times Ray's maximum. Above: 413. */
  readonly maxBodyEvents: number;
  /**
   * Maximum nesting of objects and arrays in an event. Ray's have less than ten. Default 64. Above:
   * the event is rejected.
   */
  readonly maxEventDepth: number;
  /**
   * Minimum number of event ids remembered to detect duplicates; up to twice as many are kept.
   * Default 500,000.
   */
  readonly maxRememberedEvents: number;
}

export const DEFAULT_RECEIVER_LIMITS: ReceiverLimits = {
  maxBodyBytes: 64 * MEBIBYTE,
  maxInFlightBytes: 256 * MEBIBYTE,
  maxBodyEvents: 100_000,
  maxEventDepth: 64,
  maxRememberedEvents: 500_000,
};

/** Maximum errors in an answer. Further ones are only counted. */
export const MAX_ANSWER_ERRORS = 10;
