import { type Cost, NO_COST, type TraceAccount, type Use } from './budget.ts';
import type { Lifecycle } from './finished.ts';
import { costOfMapped, mapSampled, type Output } from './mapping.ts';
import type { State } from './state.ts';

/** Hands a lifecycle out, whatever the budget of its trace says. */
export function send({ options }: State, lifecycle: Lifecycle, out: Output[]): Cost {
  const mapped = mapSampled(options.mapping, lifecycle);
  out.push({ lifecycle, spans: mapped?.spans });
  return costOfMapped(mapped);
}

/** Hands a lifecycle out if its trace has room for it and for the spans that it reserves, and charges both. Maps nothing when there is surely no room. */
export function sendIfRoom(
  state: State,
  account: TraceAccount,
  lifecycle: Lifecycle,
  use: Use,
  out: Output[],
  alsoSure: Cost = NO_COST,
): boolean {
  const { mapping } = state.options;
  if (!mapping.isSampled(lifecycle.trace)) {
    out.push({ lifecycle, spans: undefined });
    return true;
  }
  if (!account.mayFit(mapping.count(lifecycle) + alsoSure.spans, use)) return false;
  const mapped = mapping.map(lifecycle);
  const own = account.isUnlimited ? NO_COST : costOfMapped(mapped);
  if (!account.chargeIfFits(own, alsoSure, use)) return false;
  account.charge(alsoSure);
  out.push({ lifecycle, spans: mapped.spans });
  return true;
}
