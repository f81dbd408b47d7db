import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';

/**
 * What the pipeline reports to telemetry. `exporter` is the exporter's name. Every text is safe to
 * print and free of credentials.
 */
export type ExportEvent = { readonly exporter: string } & (
  | { readonly name: 'batch_exported'; readonly spans: number; readonly bytes: number; readonly durationMs: number }
  /**
   * The backend is down or busy, and the spans are kept. `attempt` counts failures since its last
   * answer, from 1. `hint` is the likely mistake, when the backend has accepted nothing yet.
   */
  | { readonly name: 'export_retry'; readonly reason: string; readonly attempt: number; readonly delayMs: number; readonly hint?: string }
  /**
   * A person has to act, and `fix` says how. The spans are kept. Reported again after every further
   * attempt.
   */
  | {
      readonly name: 'export_misconfigured';
      readonly reason: string;
      readonly fix: string;
      readonly attempt: number;
      readonly delayMs: number;
    }
  | { readonly name: 'export_recovered'; readonly attempts: number; readonly downMs: number }
  /** A batch was refused or too large. It is split to find the spans that cause it. */
  | { readonly name: 'export_split'; readonly spans: number; readonly reason: string }
  /** The backend permanently refused one span. */
  | { readonly name: 'export_refused'; readonly reason: string; readonly traceId: string; readonly spanId: string }
  /** A log line of a library, such as grpc-js. */
  | { readonly name: 'export_note'; readonly message: string }
  /** The backend accepted everything, with a warning. */
  | { readonly name: 'export_warning'; readonly message: string }
);

/** Called once for each span that an exporter permanently refused. */
export type OnRefused = (span: ReadableSpan, reason: string, exporter: string) => void;
