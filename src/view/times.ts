/** Below a microsecond nobody looks at a page. */
export function toMs(timeNs: bigint): number {
  return Number(timeNs) / 1e6;
}

export function earlier(known: number, ms: number): number {
  return known <= ms ? known : ms;
}
