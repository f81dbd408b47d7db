import type { Answered } from './ask.ts';
import type { ClockOffset } from './facts.ts';

/** A Date header has whole seconds, rounded down. */
const DATE_RESOLUTION_MS = 1000;
/** Maximum age of a node's `now` in the dashboard's list. Nodes send it every 5 s, the head reads it every 1 s, or later when busy. */
const MAX_SAMPLE_AGE_MS = 20_000;

/** Offset of a server's clock, from the Date header of its answer. */
export function offsetOfDate({ clock }: Answered): ClockOffset | undefined {
  if (clock === undefined) return undefined;
  // The server wrote the header between the two readings of our clock.
  return { minMs: clock.dateMs - clock.receivedAtMs, maxMs: clock.dateMs + DATE_RESOLUTION_MS - clock.sentAtMs };
}

/** Offset of a node's clock, from its time in the dashboard's list, which may be some seconds old. */
export function offsetOfSample(sampleMs: number, receivedAtMs: number): ClockOffset {
  return { minMs: sampleMs - receivedAtMs, maxMs: sampleMs + MAX_SAMPLE_AGE_MS - receivedAtMs };
}
