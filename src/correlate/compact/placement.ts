import type { TimeNs } from '../../event/index.ts';
import { smallest } from '../states/merge.ts';
import type { PlaceFacts } from './placement-facts.ts';
import type { Attempt, NodeRecord, Session, Where, WorkerRecord } from '../entities.ts';
import { SharedWhere } from './shared-placement.ts';

/** Combinations that are kept although no open attempt is there, in each session. */
export const IDLE_MAX = 2_000;
/** Listed by one place, so that looking through them is cheaper than making a key. */
const NEARBY_MAX = 8;

/** The one object for these facts and places of a session. */
export function whereOf(session: Session, facts: PlaceFacts, places: readonly (NodeRecord | WorkerRecord)[]): Where {
  const near = nearby(facts, places);
  if (near !== undefined) return near;
  const key = keyOf(facts);
  const known = session.wheres.get(key);
  // A record that was forgotten meanwhile has a successor of the same id.
  if (known !== undefined && hasSamePlaces(known, places)) return known;
  if (session.wheres.size >= Math.max(session.sweepWheresAt, IDLE_MAX)) sweep(session);
  const where: Where = new SharedWhere(facts, places);
  session.wheres.set(key, where);
  list(where);
  return where;
}

/** Its places know of it. */
function list(where: Where): void {
  for (const place of where.places) place.wheres.add(where);
}

function sweep(session: Session): void {
  const { wheres } = session;
  for (const [key, where] of wheres) {
    if (where.attempts.size > 0) continue;
    wheres.delete(key);
    for (const place of where.places) place.wheres.delete(where);
  }
  session.sweepWheresAt = wheres.size * 2 + IDLE_MAX;
}

/** Of what the first place lists, when that is not much: a worker has about two. Saves making a key. */
function nearby(facts: PlaceFacts, places: readonly (NodeRecord | WorkerRecord)[]): Where | undefined {
  const [first] = places;
  if (first === undefined || first.wheres.size > NEARBY_MAX) return undefined;
  for (const where of first.wheres) {
    if (
      where.workerPid === facts.workerPid &&
      where.submittedNodeId === facts.submittedNodeId &&
      where.executorNodeId === facts.executorNodeId &&
      where.workerId === facts.workerId &&
      where.nodeIpAddress === facts.nodeIpAddress &&
      where.places.length === places.length &&
      hasSamePlaces(where, places)
    )
      return where;
  }
  return undefined;
}

function hasSamePlaces(where: Where, places: readonly (NodeRecord | WorkerRecord)[]): boolean {
  for (const place of places) if (!where.places.includes(place)) return false;
  return true;
}

function keyOf(facts: PlaceFacts): string {
  const { submittedNodeId, executorNodeId, workerId, workerPid, nodeIpAddress } = facts;
  return `${workerId ?? ''}/${workerPid ?? ''}/${submittedNodeId ?? ''}/${executorNodeId ?? ''}/${nodeIpAddress ?? ''}`;
}

/** Merges reported facts into known ones; of two values the smaller one. Undefined if nothing is new. */
export function mergedFacts(known: PlaceFacts, reported: PlaceFacts): PlaceFacts | undefined {
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

const FACTS: readonly (keyof PlaceFacts)[] = ['submittedNodeId', 'executorNodeId', 'workerId', 'workerPid', 'nodeIpAddress'];

/** Of a creation, which a restart can repeat elsewhere under the same attempt: of each value the one that was reported of the earliest time. */
export function earliestFacts(attempt: Attempt, reported: PlaceFacts, atNs: TimeNs = LATEST_NS): PlaceFacts | undefined {
  const { where } = attempt;
  const times = { ...attempt.extra.factTimes };
  const earlier: PlaceFacts = {};
  const same: PlaceFacts = {};
  for (const fact of FACTS) {
    const knownNs = times[fact];
    if (reported[fact] === undefined || (knownNs !== undefined && knownNs < atNs)) continue;
    Object.assign(knownNs === atNs ? same : earlier, { [fact]: reported[fact] });
    times[fact] = atNs;
  }
  if (Object.keys(earlier).length === 0) return mergedFacts(where, same);
  attempt.ownExtra.factTimes = times;
  const known = { ...factsOf(where), ...earlier };
  return mergedFacts(known, same) ?? known;
}

const LATEST_NS = 2n ** 63n - 1n;

/** Of a creation: without what was reported of a later time. */
export function factsUntil({ where, extra }: Attempt, untilNs: TimeNs): PlaceFacts {
  const facts: PlaceFacts = {};
  for (const fact of FACTS) if ((extra.factTimes?.[fact] ?? 0n) < untilNs) Object.assign(facts, { [fact]: where[fact] });
  return facts;
}

function factsOf({ submittedNodeId, executorNodeId, workerId, workerPid, nodeIpAddress }: PlaceFacts): PlaceFacts {
  return { submittedNodeId, executorNodeId, workerId, workerPid, nodeIpAddress };
}

function isNew<Value extends string | number>(known: Value | undefined, reported: Value | undefined): boolean {
  return reported !== undefined && reported !== known && (known === undefined || reported < known);
}

/** Puts an attempt where it runs now. */
export function moveTo(attempt: Attempt, where: Where): void {
  if (attempt.where === where) return;
  leave(attempt);
  attempt.where = where;
  for (const place of where.places) place.running += 1;
  // It may have been swept away as idle between its making and now.
  if (where.attempts.size === 0) list(where);
  where.attempts.add(attempt);
}

/** For an attempt that ends. */
export function leave(attempt: Attempt): void {
  const { where } = attempt;
  if (where.attempts.delete(attempt)) for (const place of where.places) place.running -= 1;
}
