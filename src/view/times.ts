/**
 * Converts nanoseconds to milliseconds. Digits below a microsecond may be lost, which does not
 * matter on a page.
 */
export function toMs(timeNs: bigint): number {
  return Number(timeNs) / 1e6;
}

/** Returns the earlier of two times; NaN means that a time is unknown. */
export function earlier(known: number, ms: number): number {
  return ms < known || Number.isNaN(known) ? ms : known;
}

export function later(known: number, ms: number): number {
  return ms > known || Number.isNaN(known) ? ms : known;
}
