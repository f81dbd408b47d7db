import type { Seeded } from './seeded.ts';

/** What a sender's broken clock, a wrong unit or an unset field leave in place of a time. */
export const IMPOSSIBLE_TIMES: readonly unknown[] = [
  '1970-01-01T00:00:00Z',
  '0001-01-01T00:00:00Z',
  '1999-12-31T23:59:59.999999999Z',
  '2200-01-01T00:00:00Z',
  '9999-12-31T23:59:59Z',
  '2026-02-30T00:00:00Z',
  '',
  'soon',
  0,
  1_795_471_297,
  null,
];
/** The same for the fields that hold epochs as integers; `0` is what Ray prints when one is unset. */
export const IMPOSSIBLE_EPOCHS: readonly unknown[] = ['0', '1', '-1', '99', '9223372036854775807', '1e18', '', 'soon', 0, 1.5, null];

const EPOCH_FIELDS = /^(?:startTime|endTime|start_time|end_time|creationRequestReceivedNs|.*TimeMs|.*_time_ms)$/;
const TIME_FIELDS = /^(?:timestamp|startTimestamp|start_timestamp)$/;
const TIME_MAPS = /^(?:taskState|task_state)$/;

/** The replacement for a time; the time itself where nothing is wrong with it. */
type ChangeTime = (time: unknown, isEpoch: boolean) => unknown;

/** Makes a share of the times impossible. */
export function someTimes(random: Seeded, share: number): ChangeTime {
  return (time, isEpoch) => (random.chance(share) ? random.pick(isEpoch ? IMPOSSIBLE_EPOCHS : IMPOSSIBLE_TIMES) : time);
}

/** A copy of an event with other times inside its payload. */
export function withImpossibleTimes(raw: unknown, change: ChangeTime, parent = ''): unknown {
  if (Array.isArray(raw)) return raw.map((element) => withImpossibleTimes(element, change));
  if (typeof raw !== 'object' || raw === null) return raw;
  const entries = Object.entries(raw).map(([key, inner]): [string, unknown] => {
    if (TIME_FIELDS.test(key) || TIME_MAPS.test(parent)) return [key, change(inner, false)];
    return [key, EPOCH_FIELDS.test(key) ? change(inner, true) : withImpossibleTimes(inner, change, key)];
  });
  return Object.fromEntries(entries);
}
