import type { RayEvent, StateTransition, TimeNs } from '../../event/index.ts';

/**
 * Times that a wrong clock sent: later than their event was received, or a year before. Spans show them as they were sent, but
 * nothing else follows from them: neither an end that is inferred, nor where a session or a job begins and ends. There the
 * receive time takes their place.
 *
 * Where no time of a session can be trusted, all are used as they are: then it is the clock of the bridge that is wrong, or a
 * recording is replayed.
 */

/** How much later than its receive time a time is trusted, as the clocks of machines differ. */
export const MAX_AHEAD_MS = 5 * 60_000;
/** How much earlier. */
export const MAX_BEHIND_MS = 365 * 24 * 3_600_000;

const NS_PER_MS = 1_000_000n;
const MAX_AHEAD_NS = BigInt(MAX_AHEAD_MS) * NS_PER_MS;
const MAX_BEHIND_NS = BigInt(MAX_BEHIND_MS) * NS_PER_MS;

/** When events were received, and which of their times are trusted. */
export class ReceiveTime {
  /** Since the epoch. */
  readonly ms: number | undefined;
  readonly ns: TimeNs;
  readonly #firstNs: TimeNs;
  readonly #lastNs: TimeNs;

  /** Where `ms` is not known, all times are trusted. */
  constructor(ms?: number) {
    this.ms = ms;
    this.ns = nsOf(ms ?? 0);
    this.#firstNs = this.ns - MAX_BEHIND_NS;
    this.#lastNs = this.ns + MAX_AHEAD_NS;
  }

  trusts(timeNs: TimeNs): boolean {
    return (timeNs <= this.#lastNs && timeNs >= this.#firstNs) || this.ms === undefined;
  }
}

/** The first and the last of some times. */
export interface TimeRange {
  readonly firstNs: TimeNs;
  readonly lastNs: TimeNs;
}

export function withTime(range: TimeRange | undefined, timeNs: TimeNs): TimeRange {
  if (range === undefined) return { firstNs: timeNs, lastNs: timeNs };
  if (timeNs >= range.firstNs && timeNs <= range.lastNs) return range;
  return { firstNs: timeNs < range.firstNs ? timeNs : range.firstNs, lastNs: timeNs > range.lastNs ? timeNs : range.lastNs };
}

/**
 * The last time in the events of a session, but for those that are too far from most others to be right: the events were received then
 * or later. A function of the events alone, so that it makes no difference when a program reads them, nor how often it reads one.
 */
export function lastTimeMs(events: readonly RayEvent[]): number {
  const different = new Set<number>();
  for (const event of events) for (const timeNs of timesIn(event)) different.add(Number(timeNs / NS_PER_MS));
  const times = Float64Array.from(different).sort();
  const middleMs = times[(times.length - 1) >> 1] ?? 0;
  return times.findLast((timeMs) => timeMs - middleMs <= MAX_BEHIND_MS) ?? 0;
}

/** When an event says that something happened. */
function* timesIn(event: RayEvent): Generator<TimeNs> {
  if ('transitions' in event) for (const { timeNs } of event.transitions) yield timeNs;
  if (event.type === 'cluster_point' && event.timeNs !== undefined) yield event.timeNs;
  if (event.type !== 'task_profile') return;
  for (const { startNs, endNs } of event.entries) {
    yield startNs;
    yield endNs;
  }
}

/** `lastNs`: the last trusted time of a session. */
export interface WithTrust {
  readonly lastNs: TimeNs | undefined;
}

export function canTrust({ lastNs }: WithTrust): boolean {
  return lastNs !== undefined;
}

/** The transitions of an event, with the receive time beside each time that is not trusted. */
export function withReceiveTime<T extends StateTransition>(transitions: readonly T[], received: ReceiveTime): readonly T[] {
  if (transitions.every(({ timeNs }) => received.trusts(timeNs))) return transitions;
  return transitions.map((transition) => (received.trusts(transition.timeNs) ? transition : { ...transition, receivedNs: received.ns }));
}

/** When a state was entered, as far as that can be trusted. */
export function trustedNs({ timeNs, receivedNs }: StateTransition, session: WithTrust): TimeNs {
  return receivedNs === undefined || !canTrust(session) ? timeNs : receivedNs;
}

interface WithSession {
  readonly transitions: readonly StateTransition[];
  readonly session: WithTrust;
}

/** The last time of an entity that is trusted. */
export function lastTrustedNs({ transitions, session }: WithSession): TimeNs | undefined {
  return transitions.findLast(({ receivedNs }) => receivedNs === undefined || !canTrust(session))?.timeNs;
}

/** A time of an entity, as far as it can be trusted. */
export function trustedTimeOf({ transitions, session }: WithSession, timeNs: TimeNs): TimeNs {
  const wrong = transitions.find((transition) => transition.receivedNs !== undefined && transition.timeNs === timeNs);
  return wrong === undefined ? timeNs : trustedNs(wrong, session);
}

export function nsOf(ms: number): TimeNs {
  return BigInt(Math.floor(ms)) * NS_PER_MS;
}
