import type { Rejection } from '../event/index.ts';
import type { QuarantineLimits } from './limits.ts';

/** Accepts the first few events of each unknown type, and every event with another rejection. */
export function createTypeSampler({
  maxSamplesPerUnknownType,
  maxUnknownTypes,
}: Pick<QuarantineLimits, 'maxSamplesPerUnknownType' | 'maxUnknownTypes'>): (rejection: Rejection) => boolean {
  const seen = new Map<string, number>();
  let others = 0;
  return ({ eventType }) => {
    if (eventType === undefined) return true;
    const count = seen.get(eventType) ?? 0;
    if (count === 0 && seen.size >= maxUnknownTypes) {
      others += 1;
      return others <= maxSamplesPerUnknownType;
    }
    if (count >= maxSamplesPerUnknownType) return false;
    seen.set(eventType, count + 1);
    return true;
  };
}
