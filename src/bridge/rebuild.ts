import type { CheckpointRecord, CorrelateOptions, Correlator } from '../correlate/index.ts';
import type { Durable } from '../journal/index.ts';
import type { Settings } from '../config.ts';
import { packageVersion, type Scheduler } from '../runtime/index.ts';
import type { Environment } from './parts.ts';
import { type SpanSettings, spanSettingsOf } from './span-settings.ts';
import type { View } from '../view/index.ts';

/**
 * Everything besides the events that decides which spans leave the correlator, and in which order.
 * Each checkpoint contains it, so that a restart repeats the sequence of the previous process.
 */
export interface SequenceOptions {
  readonly correlate: Partial<CorrelateOptions>;
  readonly spans: SpanSettings;
  /** Version of the package. */
  readonly release: string;
}

export function sequenceOptionsOf(settings: Settings, env: Environment, maxHeldBytes: number): SequenceOptions {
  const { settleMs, orphanTimeoutMs, maxSpansPerTrace, maxBytesPerTrace, slowestPerFunction } = settings;
  const { nesting, slowMs, inFlight, inFlightAfterMs } = settings;
  const budget = { maxSpansPerTrace, maxBytesPerTrace, slowestPerFunction, nesting };
  return {
    correlate: { settleMs, orphanTimeoutMs, ...budget, slowMs, inFlight, inFlightAfterMs, maxHeldBytes },
    spans: spanSettingsOf(settings, env),
    release: packageVersion(),
  };
}

/** The options of the checkpoint, or the current ones without an undamaged checkpoint. */
export function restoredOptions(durable: Durable | undefined, current: SequenceOptions): SequenceOptions {
  const restored = durable?.restoredOptions;
  return isSequenceOptions(restored) ? { ...restored, correlate: { ...current.correlate, ...restored.correlate } } : current;
}

function isSequenceOptions(value: unknown): value is SequenceOptions {
  return typeof value === 'object' && value !== null && 'correlate' in value && 'spans' in value && 'release' in value;
}

/**
 * Restores the state of the last checkpoint, in time slices. Calls `onRecords` after each portion.
 * Unusable records are counted and skipped. When `signal` aborts, the rest is not restored.
 */
export async function restoreCheckpoint(
  durable: Durable,
  correlator: Correlator,
  scheduler: Scheduler,
  onRecords: (count: number) => void,
  signal: AbortSignal,
): Promise<void> {
  let slice = await scheduler.take('background');
  for await (const portion of durable.readCheckpoint(signal)) {
    for (const record of portion) {
      if (slice.hasEnded()) slice = await scheduler.take('background');
      try {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by the correlator; anything else throws
        correlator.restore(record as CheckpointRecord);
      } catch (error) {
        durable.noteDamaged(`a record of the checkpoint: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    onRecords(portion.length);
  }
}

/** Shows the state of the checkpoint in the view, in time slices. */
export async function restoreView(view: View, scheduler: Scheduler): Promise<void> {
  let slice = await scheduler.take();
  for (const _ of view.restore()) if (slice.hasEnded()) slice = await scheduler.take();
}
