const MEBIBYTE = 1024 * 1024;

/** What one sender, and all senders together, may ask of the receiver. */
export interface ReceiverLimits {
  /** Bytes of one body, both as sent and as decompressed. Default 64 MiB. Beyond: 413. */
  readonly maxBodyBytes: number;
  /** Decompressed bytes of all bodies that are being received or decoded at once. Default 256 MiB. Beyond: 503. */
  readonly maxInFlightBytes: number;
  /** Events in one body. Default 100,000, ten times what Ray sends at most. Beyond: 413. */
  readonly maxBodyEvents: number;
  /** Objects and arrays around a value of an event; real ones have less than ten. Default 64. Beyond: the event is rejected. */
  readonly maxEventDepth: number;
  /** Event ids that are remembered at least, to tell repeated events; up to twice as many are held. Default 500,000. */
  readonly maxRememberedEvents: number;
}

export const DEFAULT_RECEIVER_LIMITS: ReceiverLimits = {
  maxBodyBytes: 64 * MEBIBYTE,
  maxInFlightBytes: 256 * MEBIBYTE,
  maxBodyEvents: 100_000,
  maxEventDepth: 64,
  maxRememberedEvents: 500_000,
};

/** Errors shown in an answer; the rest is only counted. */
export const MAX_ANSWER_ERRORS = 10;
