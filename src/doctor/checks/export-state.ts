import type { BridgeFacts } from '../facts.ts';

/**
 * - `delivers`: the backend accepted spans, and no export fails now
 * - `fails`: exports fail now
 * - `unknown`: the bridge has exported nothing yet, or its counters cannot be read
 */
export type ExportState = 'delivers' | 'fails' | 'unknown';

/** State of the export by the bridge's own counters. A request from here proves less: it has other variables and another network. */
export function exportStateOf({ counts, countsLater = counts }: BridgeFacts): ExportState {
  if (counts === undefined || countsLater === undefined) return 'unknown';
  const isRetrying = countsLater.exportRetries > counts.exportRetries;
  const isStuck = counts.exportRetries > 0 && countsLater.spansQueued > 0 && countsLater.spansExported === counts.spansExported;
  if (isRetrying || isStuck) return 'fails';
  return countsLater.spansExported > 0 ? 'delivers' : 'unknown';
}
