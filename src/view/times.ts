/** Below a microsecond nobody looks at a page. */
export function toMs(timeNs: bigint): number {
  return Number(timeNs) / 1e6;
}

/** NaN is a time that is not known. */
export function earlier(known: number, ms: number): number {
  return ms < known || Number.isNaN(known) ? ms : known;
}

export function later(known: number, ms: number): number {
  return ms > known || Number.isNaN(known) ? ms : known;
}
