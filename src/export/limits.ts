/**
 * The limits of the export pipeline. Durations in milliseconds, sizes in bytes of OTLP protobuf.
 */
export interface ExportLimits {
  /** At this number of spans `hasRoom` returns false. */
  readonly maxQueuedSpans: number;
  /** At this size `hasRoom` returns false. */
  readonly maxQueuedBytes: number;
  /** Maximum spans in a request. A batch with so many is sent at once. */
  readonly maxBatchSpans: number;
  /**
   * How long a span waits for others before its request is sent. 0: every span is sent at once. A
   * full batch, a full queue and a drain do not wait.
   */
  readonly lingerMs: number;
  /**
   * Maximum requests of one exporter under way. Another one starts only for a full batch, when the
   * last one was accepted.
   */
  readonly maxRequests: number;
  /**
   * A larger span is sent alone. Half of the limit of gRPC receivers (4 MiB), a tenth of the
   * Collector's limit over HTTP.
   */
  readonly maxBatchBytes: number;
  /** Maximum time of one export call, for exporters without a timeout of their own. */
  readonly exportTimeoutMs: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  /** Upper limit for a server's Retry-After. */
  readonly maxRetryAfterMs: number;
  /** Answers like HTTP 500 before the batch is split, to see whether one span causes them. */
  readonly maxAttemptsBeforeSplit: number;
  /**
   * Consecutive answers like HTTP 500 during a split after which the backend counts as failing, not
   * the span.
   */
  readonly maxFailuresInSplit: number;
  /**
   * Spans that may be refused since the backend last accepted one. At the limit the exporter counts
   * as misconfigured: see `BackendTrust`.
   */
  readonly maxRefusedInARow: number;
  /** Single spans sent without a wait, to find one that the backend accepts. */
  readonly maxProbesInARow: number;
  readonly shutdownTimeoutMs: number;
}

export const DEFAULT_EXPORT_LIMITS: ExportLimits = {
  maxQueuedSpans: 20_000,
  maxQueuedBytes: 64 * 1024 * 1024,
  maxBatchSpans: 8_192,
  lingerMs: 0,
  maxRequests: 2,
  maxBatchBytes: 2 * 1024 * 1024,
  exportTimeoutMs: 30_000,
  initialBackoffMs: 1_000,
  maxBackoffMs: 30_000,
  maxRetryAfterMs: 10 * 60_000,
  maxAttemptsBeforeSplit: 5,
  maxFailuresInSplit: 20,
  maxRefusedInARow: 100,
  maxProbesInARow: 8,
  shutdownTimeoutMs: 5_000,
};

/**
 * The wait before the next attempt: the server's Retry-After, up to a limit, or else exponential
 * backoff. Jitter of up to half keeps bridges that lost the same backend from retrying together.
 */
export function retryDelayMs(attempt: number, retryAfterMs: number | undefined, random: number, limits: ExportLimits): number {
  const requestedMs = retryAfterMs ?? 0;
  if (requestedMs > 0) return Math.min(requestedMs, limits.maxRetryAfterMs);
  const backoff = Math.min(limits.maxBackoffMs, limits.initialBackoffMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(backoff * (0.5 + random / 2));
}
