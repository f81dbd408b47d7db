import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import { childSignal, type Sleep } from '../runtime/index.ts';
import { type ExportOutcome, outcomeOfError, outcomeOfResult } from './outcome.ts';

/**
 * One call of any SpanExporter, whatever its manners: it may throw, answer with a rejected promise, answer twice (the first answer counts)
 * or never (`timeoutMs`). After a timeout the call may still arrive: the spans are sent again byte for byte, so a backend sees at worst a
 * repetition. Resolves to undefined when `stop` aborts first.
 */
export async function exportOnce(
  exporter: SpanExporter,
  spans: readonly ReadableSpan[],
  timeoutMs: number,
  sleep: Sleep,
  stop: AbortSignal,
): Promise<ExportOutcome | undefined> {
  const timer = childSignal(stop);
  const answer = new Promise<ExportOutcome>((resolve) => {
    const failed = (error: unknown): void => resolve(outcomeOfError(error));
    try {
      // Typed as void, but an async method fits that type too, and its rejection would go unhandled.
      const returned: unknown = exporter.export([...spans], (result) => resolve(outcomeOfResult(result)));
      if (returned instanceof Promise) returned.catch(failed);
    } catch (error) {
      failed(error);
    }
  });
  const timeout = sleep(timeoutMs, timer.signal).then((): ExportOutcome | undefined =>
    stop.aborted ? undefined : { kind: 'retry_after', reason: `no answer of the exporter within ${timeoutMs} ms` },
  );
  try {
    return await Promise.race([answer, timeout]);
  } finally {
    timer.abort();
    timer.release();
  }
}
