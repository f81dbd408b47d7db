import { type Cost, NO_COST, type TraceAccount, type Use } from './account.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { State } from './state.ts';

/** Hands a lifecycle out where its trace has room for it and for what it makes sure, and charges it; false where there is none. */
export function sendIfRoom(
  state: State,
  account: TraceAccount,
  lifecycle: Lifecycle,
  use: Use,
  out: Lifecycle[],
  alsoSure: Cost = NO_COST,
): boolean {
  const own = account.isUnlimited ? NO_COST : state.options.measure(lifecycle);
  const cost = { spans: own.spans + alsoSure.spans, bytes: own.bytes + alsoSure.bytes };
  if (!account.fits(cost, use)) return false;
  account.charge(cost);
  out.push(lifecycle);
  return true;
}
