/** The journal's clock: milliseconds that run while the process does, from where a former process left them. */
export interface JournalClock {
  /** The receive time of a batch that comes now. Never less than the one before. */
  stamp(): number;
  /** The present, but for the times of batches that are under way; no later stamp is at or before it. */
  seal(oldestUnderWayMs: number | undefined): number;
  nowMs(): number;
}

/**
 * `now` is any clock in milliseconds; only its steps forward count. While no process runs the clock stands still: nothing is silent for
 * the time in which nobody listened.
 */
export function createJournalClock(now: () => number, startMs: number): JournalClock {
  let currentMs = startMs;
  let lastReadMs = now();
  let lastStampMs = startMs;
  let sealedMs = startMs;

  function nowMs(): number {
    const readMs = now();
    currentMs += Math.max(0, readMs - lastReadMs);
    lastReadMs = readMs;
    return Math.floor(currentMs);
  }

  return {
    nowMs,
    stamp() {
      lastStampMs = Math.max(nowMs(), sealedMs + 1, lastStampMs);
      return lastStampMs;
    },
    seal(oldestUnderWayMs) {
      sealedMs = Math.max(sealedMs, Math.min(nowMs(), (oldestUnderWayMs ?? Number.POSITIVE_INFINITY) - 1));
      return sealedMs;
    },
  };
}
