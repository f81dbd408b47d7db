import type { StateTransition, TimeNs } from '../../event/index.ts';
import type { Interval } from '../finished.ts';
import type { Attempt } from '../entities/entities.ts';
import { canTrust, ReceiveTime } from './trusted-time.ts';

/** The times of an attempt, as far as they can be trusted: see `trusted-time.ts`. */

/** Where an attempt begins, as far as that can be trusted. */
export function trustedStartNs(attempt: Attempt, startNs: TimeNs): TimeNs {
  return isTrusted(attempt, startNs) ? startNs : (attempt.rareFields.wrongTimes?.firstNs ?? startNs);
}

/** Where an attempt ends, as far as that can be trusted. */
export function trustedEndNs(attempt: Attempt, endNs: TimeNs): TimeNs {
  return isTrusted(attempt, endNs) ? endNs : (attempt.rareFields.wrongTimes?.lastNs ?? endNs);
}

export function isTrusted({ rareFields: { wrongTimes }, task }: Attempt, timeNs: TimeNs): boolean {
  if (wrongTimes === undefined || !canTrust(task.session)) return true;
  return new ReceiveTime(Number(wrongTimes.lastNs / 1_000_000n)).trusts(timeNs);
}

/** The last state of an attempt whose time is trusted. */
export function lastTrustedStateNs(attempt: Attempt, states: readonly StateTransition[]): TimeNs | undefined {
  return states.findLast(({ timeNs }) => isTrusted(attempt, timeNs))?.timeNs;
}

/** What the times of others may follow from. */
export function trustedInterval(attempt: Attempt, interval: Interval): Interval {
  if (attempt.rareFields.wrongTimes === undefined) return interval;
  const startNs = trustedStartNs(attempt, interval.startNs);
  const endNs = trustedEndNs(attempt, interval.endNs);
  return { ...interval, startNs, endNs: endNs < startNs ? startNs : endNs };
}
