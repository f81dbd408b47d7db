/**
 * The journal's clock: milliseconds that advance while a process runs, and continue where the
 * previous process stopped.
 */
export interface JournalClock {
  /** The receive time for a batch arriving now. Never less than the previous one. */
  stamp(): number;
  /**
   * Advances the watermark to now, but not past batches that are being written. Every later stamp
   * is greater.
   */
  advanceWatermark(oldestPendingMs: number | undefined): number;
  nowMs(): number;
}

/**
 * `now` is any clock in milliseconds; only forward steps count. The clock stops while no process
 * runs, so downtime does not count towards timeouts.
 */
export function createJournalClock(now: () => number, startMs: number): JournalClock {
  let currentMs = startMs;
  let lastReadMs = now();
  let lastStampMs = startMs;
  let watermarkMs = startMs;

  function nowMs(): number {
    const readMs = now();
    currentMs += Math.max(0, readMs - lastReadMs);
    lastReadMs = readMs;
    return Math.floor(currentMs);
  }

  return {
    nowMs,
    stamp() {
      lastStampMs = Math.max(nowMs(), watermarkMs + 1, lastStampMs);
      return lastStampMs;
    },
    advanceWatermark(oldestPendingMs) {
      watermarkMs = Math.max(watermarkMs, Math.min(nowMs(), (oldestPendingMs ?? Number.POSITIVE_INFINITY) - 1));
      return watermarkMs;
    },
  };
}
