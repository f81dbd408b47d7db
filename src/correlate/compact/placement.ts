import type { TimeNs } from '../../event/index.ts';
import { smallest } from '../states/merge.ts';
import type { PlacementFacts } from './placement-facts.ts';
import type { Attempt, NodeRecord, Session, Placement, WorkerRecord } from '../entities/entities.ts';
import { SharedPlacement } from './shared-placement.ts';

/** Combinations that are kept although no open attempt is there, in each session. */
export const MAX_IDLE = 2_000;
/** Listed by one place, so that looking through them is cheaper than making a key. */
const MAX_NEARBY = 8;

/** The one object for these facts and places of a session. */
export function placementOf(session: Session, facts: PlacementFacts, places: readonly (NodeRecord | WorkerRecord)[]): Placement {
  const near = nearby(facts, places);
  if (near !== undefined) return near;
  const key = keyOf(facts);
  const known = session.placements.get(key);
  // A record that was forgotten meanwhile has a successor of the same id.
  if (known !== undefined && hasSamePlaces(known, places)) return known;
  if (session.placements.size >= Math.max(session.sweepPlacementsAt, MAX_IDLE)) sweep(session);
  const placement: Placement = new SharedPlacement(facts, places);
  session.placements.set(key, placement);
  list(placement);
  return placement;
}

/** Its places know of it. */
function list(placement: Placement): void {
  for (const place of placement.places) place.placements.add(placement);
}

function sweep(session: Session): void {
  const { placements } = session;
  for (const [key, placement] of placements) {
    if (placement.attempts.size > 0) continue;
    placements.delete(key);
    for (const place of placement.places) place.placements.delete(placement);
  }
  session.sweepPlacementsAt = placements.size * 2 + MAX_IDLE;
}

/** Of what the first place lists, when that is not much: a worker has about two. Saves making a key. */
function nearby(facts: PlacementFacts, places: readonly (NodeRecord | WorkerRecord)[]): Placement | undefined {
  const [first] = places;
  if (first === undefined || first.placements.size > MAX_NEARBY) return undefined;
  for (const placement of first.placements) {
    if (
      placement.workerPid === facts.workerPid &&
      placement.submittedNodeId === facts.submittedNodeId &&
      placement.executorNodeId === facts.executorNodeId &&
      placement.workerId === facts.workerId &&
      placement.nodeIpAddress === facts.nodeIpAddress &&
      placement.places.length === places.length &&
      hasSamePlaces(placement, places)
    )
      return placement;
  }
  return undefined;
}

function hasSamePlaces(placement: Placement, places: readonly (NodeRecord | WorkerRecord)[]): boolean {
  for (const place of places) if (!placement.places.includes(place)) return false;
  return true;
}

function keyOf(facts: PlacementFacts): string {
  const { submittedNodeId, executorNodeId, workerId, workerPid, nodeIpAddress } = facts;
  return `${workerId ?? ''}/${workerPid ?? ''}/${submittedNodeId ?? ''}/${executorNodeId ?? ''}/${nodeIpAddress ?? ''}`;
}

/** Merges reported facts into known ones; of two values the smaller one. Undefined if nothing is new. */
export function mergedFacts(known: PlacementFacts, reported: PlacementFacts): PlacementFacts | undefined {
  if (
    !isNew(known.workerId, reported.workerId) &&
    !isNew(known.submittedNodeId, reported.submittedNodeId) &&
    !isNew(known.executorNodeId, reported.executorNodeId) &&
    !isNew(known.workerPid, reported.workerPid) &&
    !isNew(known.nodeIpAddress, reported.nodeIpAddress)
  )
    return undefined;
  return {
    submittedNodeId: smallest(known.submittedNodeId, reported.submittedNodeId),
    executorNodeId: smallest(known.executorNodeId, reported.executorNodeId),
    workerId: smallest(known.workerId, reported.workerId),
    workerPid: smallest(known.workerPid, reported.workerPid),
    nodeIpAddress: smallest(known.nodeIpAddress, reported.nodeIpAddress),
  };
}

const FACTS: readonly (keyof PlacementFacts)[] = ['submittedNodeId', 'executorNodeId', 'workerId', 'workerPid', 'nodeIpAddress'];

/** Of a creation, which a restart can repeat elsewhere under the same attempt: of each value the one that was reported of the earliest time. */
export function earliestFacts(attempt: Attempt, reported: PlacementFacts, atNs: TimeNs = LATEST_NS): PlacementFacts | undefined {
  const { placement } = attempt;
  const times = { ...attempt.rareFields.factTimes };
  const earlier: PlacementFacts = {};
  const same: PlacementFacts = {};
  for (const fact of FACTS) {
    const knownNs = times[fact];
    if (reported[fact] === undefined || (knownNs !== undefined && knownNs < atNs)) continue;
    Object.assign(knownNs === atNs ? same : earlier, { [fact]: reported[fact] });
    times[fact] = atNs;
  }
  if (Object.keys(earlier).length === 0) return mergedFacts(placement, same);
  attempt.writableRareFields.factTimes = times;
  const known = { ...factsOf(placement), ...earlier };
  return mergedFacts(known, same) ?? known;
}

const LATEST_NS = 2n ** 63n - 1n;

/** Of a creation: without what was reported of a later time. */
export function factsUntil({ placement, rareFields }: Attempt, untilNs: TimeNs): PlacementFacts {
  const facts: PlacementFacts = {};
  for (const fact of FACTS) if ((rareFields.factTimes?.[fact] ?? 0n) < untilNs) Object.assign(facts, { [fact]: placement[fact] });
  return facts;
}

function factsOf({ submittedNodeId, executorNodeId, workerId, workerPid, nodeIpAddress }: PlacementFacts): PlacementFacts {
  return { submittedNodeId, executorNodeId, workerId, workerPid, nodeIpAddress };
}

function isNew<Value extends string | number>(known: Value | undefined, reported: Value | undefined): boolean {
  return reported !== undefined && reported !== known && (known === undefined || reported < known);
}

/** Puts an attempt where it runs now. */
export function moveTo(attempt: Attempt, placement: Placement): void {
  if (attempt.placement === placement) return;
  leave(attempt);
  attempt.placement = placement;
  for (const place of placement.places) place.running += 1;
  // It may have been swept away as idle between its making and now.
  if (placement.attempts.size === 0) list(placement);
  placement.attempts.add(attempt);
}

/** For an attempt that ends. */
export function leave(attempt: Attempt): void {
  const { placement } = attempt;
  if (placement.attempts.delete(attempt)) for (const place of placement.places) place.running -= 1;
}
