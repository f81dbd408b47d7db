import type { CheckpointRecord, CorrelateOptions, Correlator } from '../correlate/index.ts';
import type { Durable } from '../journal/index.ts';
import type { Settings } from '../config.ts';
import type { Scheduler } from '../runtime/index.ts';
import type { View } from '../view/index.ts';

/** What of the settings shapes what the correlator hands out. Part of each checkpoint, so that a restart works with what applied then. */
export function correlateOptionsOf(settings: Settings): Partial<CorrelateOptions> {
  const { settleMs, orphanTimeoutMs, maxSpansPerTrace, maxBytesPerTrace, nesting, slowMs, inFlight, inFlightAfterMs } = settings;
  return { settleMs, orphanTimeoutMs, maxSpansPerTrace, maxBytesPerTrace, nesting, slowMs, inFlight, inFlightAfterMs };
}

/** The options of a checkpoint; those of now when there is none, or it is damaged. */
export function restoredOptions(durable: Durable | undefined, current: Partial<CorrelateOptions>): Partial<CorrelateOptions> {
  const restored = durable?.restoredOptions;
  return typeof restored === 'object' && restored !== null ? { ...current, ...restored } : current;
}

/**
 * Takes up the state of the last checkpoint, in turns; calls `onRecords` after each portion. Records that cannot be used are counted and left out. When
 * `signal` aborts, what was not read by then is not taken up.
 */
export async function takeUpCheckpoint(
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
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as the correlator wrote it; what is not, throws
        correlator.restore(record as CheckpointRecord);
      } catch (error) {
        durable.noteDamaged(`a record of the checkpoint: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    onRecords(portion.length);
  }
}

/** Tells the view what was open when the checkpoint was made, in turns. */
export async function retellTo(view: View, correlator: Correlator, scheduler: Scheduler): Promise<void> {
  let slice = await scheduler.take();
  for (const retold of correlator.retell()) {
    if (slice.hasEnded()) slice = await scheduler.take();
    view.takeUp(retold);
  }
}
