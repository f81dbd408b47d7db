import type { CheckpointRecord, CorrelateOptions, Correlator } from '../correlate/index.ts';
import type { Durable } from '../journal/index.ts';
import type { Settings } from '../config.ts';
import type { Scheduler } from '../runtime/index.ts';
import type { View } from '../view/index.ts';

/**
 * The settings that change the correlator's results. Each checkpoint contains them, so that a
 * restart replays events with the same ones.
 */
export function correlateOptionsOf(settings: Settings): Partial<CorrelateOptions> {
  const { settleMs, orphanTimeoutMs, maxSpansPerTrace, maxBytesPerTrace, slowestPerFunction } = settings;
  const { nesting, slowMs, inFlight, inFlightAfterMs } = settings;
  return { settleMs, orphanTimeoutMs, maxSpansPerTrace, maxBytesPerTrace, slowestPerFunction, nesting, slowMs, inFlight, inFlightAfterMs };
}

/** The options of the checkpoint, or the current ones without an undamaged checkpoint. */
export function restoredOptions(durable: Durable | undefined, current: Partial<CorrelateOptions>): Partial<CorrelateOptions> {
  const restored = durable?.restoredOptions;
  return typeof restored === 'object' && restored !== null ? { ...current, ...restored } : current;
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
