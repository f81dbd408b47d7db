import type { Answered } from './ask.ts';
import type { ClockOffset } from './facts.ts';

/** A Date header has whole seconds, cut off. */
const dateResolutionMs = 1000;
/** How old the `now` of a node can be in the dashboard's list: it is collected every 5 s, and looked at every 1 s; a busy head takes longer. */
const oldestSampleMs = 20_000;

export function offsetOfDate({ clock }: Answered): ClockOffset | undefined {
  if (clock === undefined) return undefined;
  // The header was made between both looks at our clock.
  return { leastMs: clock.dateMs - clock.receivedAtMs, mostMs: clock.dateMs + dateResolutionMs - clock.sentAtMs };
}

/** From a node's own time in the dashboard's list, which may be some seconds old. */
export function offsetOfSample(sampleMs: number, receivedAtMs: number): ClockOffset {
  return { leastMs: sampleMs - receivedAtMs, mostMs: sampleMs + oldestSampleMs - receivedAtMs };
}
