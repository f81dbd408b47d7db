import { type Cost, NO_COST, type TraceBudget, type Priority } from './budget/budget.ts';
import type { Finished } from './finished.ts';
import { costOfMapped, mapSampled, type Output } from './mapping.ts';
import type { State } from './state.ts';

/** Hands a lifecycle out, whatever the budget of its trace says. */
export function send(state: State, lifecycle: Finished, out: Output[]): Cost {
  const mapped = mapSampled(state.options.mapping, lifecycle);
  handOut(state, { lifecycle, spans: mapped?.spans }, out);
  return costOfMapped(mapped);
}

/** Returns a result with the others, and reports it to the watcher. */
export function handOut(state: State, output: Output, out: Output[]): void {
  out.push(output);
  state.watcher?.finished(output.lifecycle, 'sent', state.nowMs);
}

/** Hands a lifecycle out if its trace has room for it and for the spans that it reserves, and charges both. Maps nothing when there is surely no room. */
export function sendIfRoom(
  state: State,
  budget: TraceBudget,
  lifecycle: Finished,
  use: Priority,
  out: Output[],
  alsoSure: Cost = NO_COST,
): boolean {
  const { mapping } = state.options;
  if (!mapping.isSampled(lifecycle.trace)) {
    handOut(state, { lifecycle, spans: undefined }, out);
    return true;
  }
  if (!budget.mayFit(mapping.count(lifecycle) + alsoSure.spans, use)) return false;
  const mapped = mapping.map(lifecycle);
  const own = budget.isUnlimited ? NO_COST : costOfMapped(mapped);
  if (!budget.chargeIfFits(own, alsoSure, use)) return false;
  budget.charge(alsoSure);
  handOut(state, { lifecycle, spans: mapped.spans }, out);
  return true;
}
