/** Every bound of the export pipeline, with its default. Durations in milliseconds, sizes in bytes of OTLP protobuf. */
export interface ExportLimits {
  /** hasRoom() is false from here on. */
  readonly maxQueuedSpans: number;
  /** hasRoom() is false from here on. */
  readonly maxQueuedBytes: number;
  readonly maxBatchSpans: number;
  /** A single span that is larger goes alone. Half of what gRPC receivers take (4 MiB), a tenth of what the Collector takes over HTTP. */
  readonly maxBatchBytes: number;
  /** How long one export call may take, where the exporter has no time of its own. */
  readonly exportTimeoutMs: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  /** A server's Retry-After counts up to here. */
  readonly maxRetryAfterMs: number;
  /** How often an answer like HTTP 500 is met with patience, before the batch is divided to see whether one span is the cause. */
  readonly maxAttemptsBeforeSplit: number;
  /** After this many answers like HTTP 500 in a row while a batch is divided, the backend is ill and not the span. */
  readonly maxFailuresInSplit: number;
  /** Spans that may be refused since the backend last accepted one. At the limit it counts as misconfigured: see `BackendTrust`. */
  readonly maxRefusedInARow: number;
  /** Single spans that are tried without a wait, to find one that the backend accepts. */
  readonly maxProbesInARow: number;
  readonly shutdownTimeoutMs: number;
}

export const DEFAULT_EXPORT_LIMITS: ExportLimits = {
  maxQueuedSpans: 20_000,
  maxQueuedBytes: 64 * 1024 * 1024,
  maxBatchSpans: 8_192,
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
 * How long to wait before the next attempt: what the server asked for, up to a limit; else doubling with jitter of half, so that bridges
 * that lost the same backend do not come back together.
 */
export function retryDelayMs(attempt: number, retryAfterMs: number | undefined, random: number, limits: ExportLimits): number {
  const asked = retryAfterMs ?? 0;
  if (asked > 0) return Math.min(asked, limits.maxRetryAfterMs);
  const backoff = Math.min(limits.maxBackoffMs, limits.initialBackoffMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(backoff * (0.5 + random / 2));
}
