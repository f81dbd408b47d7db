import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import { childSignal, type Sleep } from '../runtime/index.ts';
import { ExportFailure, type ExportOutcome, outcomeOfError } from './outcome.ts';

/**
 * Sends spans to one destination. The interface inside the bridge; `SpanExporter` is the one for
 * the outside.
 */
export interface Sender {
  /** Sends the spans once. Never rejects. */
  send(spans: readonly ReadableSpan[]): Promise<ExportOutcome>;
  /** Ends the requests in progress and releases files and connections. */
  close(): Promise<void>;
}

/** Offers a `Sender` as a `SpanExporter`, so that other programs can use the bridge's exporters. */
export class SenderExporter implements SpanExporter {
  readonly sender: Sender;
  #pending: Promise<unknown> = Promise.resolve();

  constructor(sender: Sender) {
    this.sender = sender;
  }

  export(spans: readonly ReadableSpan[], callback: (result: ExportResult) => void): void {
    this.#pending = Promise.all([this.#pending, this.#report(spans, callback)]);
  }

  async #report(spans: readonly ReadableSpan[], callback: (result: ExportResult) => void): Promise<void> {
    callback(resultOfOutcome(await this.sender.send(spans)));
  }

  async forceFlush(): Promise<void> {
    await this.#pending;
  }

  shutdown(): Promise<void> {
    return this.sender.close();
  }
}

/**
 * The `SpanExporter` form of an outcome. A failure carries the outcome, so that an exporter around
 * ours does not lose it.
 */
export function resultOfOutcome(outcome: ExportOutcome): ExportResult {
  if (outcome.kind === 'delivered') return { code: ExportResultCode.SUCCESS };
  return { code: ExportResultCode.FAILED, error: new ExportFailure(outcome) };
}

/** The outcome of any `SpanExporter`: ours, a stock OTLP one, or another library's. */
export function outcomeOfResult(result: ExportResult | undefined): ExportOutcome {
  return result?.code === ExportResultCode.SUCCESS ? { kind: 'delivered' } : outcomeOfError(result?.error);
}

/**
 * Sends spans once through any `SpanExporter`. Exporters of other libraries may throw, reject, call
 * back twice (the first call counts), or never call back (`timeoutMs`). After a timeout the request
 * may still arrive. The bridge then sends identical bytes again, so a backend sees a duplicate at
 * worst. Resolves to undefined when `stop` aborts first.
 */
export async function exportOnce(
  exporter: SpanExporter,
  spans: readonly ReadableSpan[],
  timeoutMs: number,
  sleep: Sleep,
  stop: AbortSignal,
): Promise<ExportOutcome | undefined> {
  const timer = childSignal(stop);
  const answer = exporter instanceof SenderExporter ? exporter.sender.send(spans) : sendByExporter(exporter, spans);
  const timeout = sleep(timeoutMs, timer.signal).then((): ExportOutcome | undefined =>
    stop.aborted ? undefined : { kind: 'retry_after', reason: `the exporter did not answer within ${timeoutMs} ms` },
  );
  try {
    return await Promise.race([answer, timeout]);
  } finally {
    timer.abort();
    timer.release();
  }
}

/** The adapter for exporters of other libraries. */
function sendByExporter(exporter: SpanExporter, spans: readonly ReadableSpan[]): Promise<ExportOutcome> {
  return new Promise((resolve) => {
    const failed = (error: unknown): void => resolve(outcomeOfError(error));
    try {
      // `export` is typed as void, but an async method is allowed too, and its rejection would go
      // unhandled.
      const returned: unknown = exporter.export([...spans], (result) => resolve(outcomeOfResult(result)));
      if (returned instanceof Promise) returned.catch(failed);
    } catch (error) {
      failed(error);
    }
  });
}
