import type { DecodedBatch } from './decode-batch.ts';
import type { RefusalCode } from '../http/index.ts';

/** What happened to one post. */
export interface BatchAnswered {
  readonly status: number;
  readonly durationMs: number;
  /** Decompressed size; 0 when the body was refused before it was read. */
  readonly bytes: number;
}

/** What the receiver tells about itself; `createTelemetry` gives one. */
export interface ReceiverTelemetry {
  batchAnswered(answered: BatchAnswered): void;
  batchAccepted(counts: { readonly accepted: number; readonly duplicates: number; readonly batch: DecodedBatch }): void;
  /** `from` is the address of the sender, if it is known. */
  batchRefused(code: RefusalCode, message: string, from?: string): void;
  /** The same for who asks for the metrics. */
  readRefused(code: RefusalCode, message: string, from?: string): void;
  /** Our own bug: `stage` says where. */
  readonly internalError: (stage: string, error: unknown) => void;
  /** The page of `/metrics`, in Prometheus' text format. */
  metricsPage(): Promise<{ readonly contentType: string; readonly text: string }>;
}
