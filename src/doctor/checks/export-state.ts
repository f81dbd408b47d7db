import type { BridgeFacts } from '../facts.ts';

/**
 * `delivers`: the backend accepted spans, and no attempt to export fails now. `fails`: attempts fail now. `unknown`: the bridge has exported nothing
 * yet, or its counts cannot be read.
 */
export type ExportState = 'delivers' | 'fails' | 'unknown';

/** State of the export as the bridge's own counts show it. They outweigh a probe from here, which has other variables and another network. */
export function exportStateOf({ counts, countsLater = counts }: BridgeFacts): ExportState {
  if (counts === undefined || countsLater === undefined) return 'unknown';
  const isRetrying = countsLater.exportRetries > counts.exportRetries;
  const isStuck = counts.exportRetries > 0 && countsLater.spansQueued > 0 && countsLater.spansExported === counts.spansExported;
  if (isRetrying || isStuck) return 'fails';
  return countsLater.spansExported > 0 ? 'delivers' : 'unknown';
}
