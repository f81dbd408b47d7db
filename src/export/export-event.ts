import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';

/** What the pipeline tells telemetry. `exporter` names the lane; every text in it is safe to print and free of credentials. */
export type ExportEvent = { readonly exporter: string } & (
  | { readonly name: 'batch_exported'; readonly spans: number; readonly bytes: number; readonly durationMs: number }
  /**
   * The backend is away or busy; the spans are kept. `attempt` counts from 1 since it last answered. `hint` is the likely mistake, where
   * nothing was delivered yet.
   */
  | { readonly name: 'export_retry'; readonly reason: string; readonly attempt: number; readonly delayMs: number; readonly hint?: string }
  /** A person has to act, and `fix` says how; the spans are kept, and the same event comes again after every further attempt. */
  | {
      readonly name: 'export_misconfigured';
      readonly reason: string;
      readonly fix: string;
      readonly attempt: number;
      readonly delayMs: number;
    }
  | { readonly name: 'export_recovered'; readonly attempts: number; readonly downMs: number }
  /** A batch was refused or too large; it is divided to find the spans that are the cause. */
  | { readonly name: 'export_split'; readonly spans: number; readonly reason: string }
  /** One span was set aside: the backend will not take it. */
  | { readonly name: 'export_refused'; readonly reason: string; readonly traceId: string; readonly spanId: string }
  /** A line of the log of a library below, such as grpc-js. */
  | { readonly name: 'export_note'; readonly message: string }
  /** The backend took everything and had a remark. */
  | { readonly name: 'export_warning'; readonly message: string }
);

/** Called once for each span and exporter that would not take it. */
export type OnRefused = (span: ReadableSpan, reason: string, exporter: string) => void;

/** Called with the spans that an exporter has, or has refused for good: it is not to get them again. */
export type OnSettled = (exporter: string, spans: readonly ReadableSpan[]) => void;

/** True for a span that a former run has settled with this exporter. */
export type IsSettled = (span: ReadableSpan, exporter: string) => boolean;
