import type { DecodedBatch } from './decode-batch.ts';
import type { RefusalCode } from '../http/index.ts';

/** The answer to one post. */
export interface BatchAnswered {
  readonly status: number;
  readonly durationMs: number;
  /** Decompressed size; 0 when the post was refused. */
  readonly bytes: number;
}

/** Receives the receiver's events; `createTelemetry` implements it. */
export interface ReceiverTelemetry {
  batchAnswered(answered: BatchAnswered): void;
  batchAccepted(counts: { readonly accepted: number; readonly duplicates: number; readonly batch: DecodedBatch }): void;
  /** `from`: address of the sender, if known. */
  batchRefused(code: RefusalCode, message: string, from?: string): void;
  /** The same for a request for the metrics. */
  readRefused(code: RefusalCode, message: string, from?: string): void;
  /** A bug in the bridge, in `stage`. */
  readonly internalError: (stage: string, error: unknown) => void;
  /** The body of `/metrics`, in Prometheus' text format. */
  metricsPage(): Promise<{ readonly contentType: string; readonly text: string }>;
}
