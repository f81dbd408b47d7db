import { smallest } from './merge.ts';
import type { Attempt } from './attempt.ts';
import type { NodeRecord, WorkerRecord } from './records.ts';

/** What events tell of where an attempt ran. */
export interface PlaceFacts {
  /** From the owner's SUBMITTED_TO_WORKER. */
  readonly submittedNodeId?: string | undefined;
  /** From the executor itself: better evidence. */
  readonly executorNodeId?: string | undefined;
  readonly workerId?: string | undefined;
  readonly workerPid?: number | undefined;
  readonly nodeIpAddress?: string | undefined;
}

/** Where attempts run of which the same is told: one object for all of them, which does not change. */
export class Where implements PlaceFacts {
  readonly submittedNodeId: string | undefined;
  readonly executorNodeId: string | undefined;
  readonly workerId: string | undefined;
  readonly workerPid: number | undefined;
  readonly nodeIpAddress: string | undefined;
  /** Nodes and workers that were ever named, and list it, for when they die. */
  readonly places: readonly (NodeRecord | WorkerRecord)[];
  /** Open ones; none of an attempt of which nothing is told. */
  readonly attempts = new Set<Attempt>();

  constructor(facts: PlaceFacts, places: readonly (NodeRecord | WorkerRecord)[]) {
    this.submittedNodeId = facts.submittedNodeId;
    this.executorNodeId = facts.executorNodeId;
    this.workerId = facts.workerId;
    this.workerPid = facts.workerPid;
    this.nodeIpAddress = facts.nodeIpAddress;
    this.places = places;
  }

  /** The node that is most sure. */
  get nodeId(): string | undefined {
    return this.executorNodeId ?? this.submittedNodeId;
  }
}

/** Of an attempt of which nothing is told. */
export const NOWHERE = new Where({}, []);

/** Combinations that are kept although no open attempt is there, in each session. */
const IDLE_MAX = 2_000;
const NEARBY_MAX = 8;

/** All that open attempts of one session share. */
export class Wheres {
  readonly #byKey = new Map<string, Where>();
  #sweepAt = IDLE_MAX;

  get size(): number {
    return this.#byKey.size;
  }

  of(facts: PlaceFacts, places: readonly (NodeRecord | WorkerRecord)[]): Where {
    const near = nearby(facts, places);
    if (near !== undefined) return near;
    const key = keyOf(facts, places);
    const known = this.#byKey.get(key);
    // A record that was forgotten meanwhile has a successor of the same id.
    if (known !== undefined && hasSamePlaces(known, places)) return known;
    if (this.#byKey.size >= this.#sweepAt) this.#sweep();
    const where = new Where(facts, places);
    this.#byKey.set(key, where);
    for (const place of places) place.wheres.add(where);
    return where;
  }

  #sweep(): void {
    for (const [key, where] of this.#byKey) {
      if (where.attempts.size > 0) continue;
      this.#byKey.delete(key);
      for (const place of where.places) place.wheres.delete(where);
    }
    this.#sweepAt = this.#byKey.size * 2 + IDLE_MAX;
  }
}

/** Of what the first place lists, when that is not much: a worker has about two. Saves making a key. */
function nearby(facts: PlaceFacts, [first, ...others]: readonly (NodeRecord | WorkerRecord)[]): Where | undefined {
  if (first === undefined || first.wheres.size > NEARBY_MAX) return undefined;
  for (const where of first.wheres) {
    if (
      where.workerPid === facts.workerPid &&
      where.submittedNodeId === facts.submittedNodeId &&
      where.executorNodeId === facts.executorNodeId &&
      where.workerId === facts.workerId &&
      where.nodeIpAddress === facts.nodeIpAddress &&
      where.places.length === others.length + 1 &&
      hasSamePlaces(where, others)
    )
      return where;
  }
  return undefined;
}

function hasSamePlaces(where: Where, places: readonly (NodeRecord | WorkerRecord)[]): boolean {
  return places.every((place) => where.places.includes(place));
}

function keyOf(facts: PlaceFacts, places: readonly (NodeRecord | WorkerRecord)[]): string {
  const { submittedNodeId, executorNodeId, workerId, workerPid, nodeIpAddress } = facts;
  let key = `${workerId ?? ''}/${workerPid ?? ''}/${submittedNodeId ?? ''}/${executorNodeId ?? ''}/${nodeIpAddress ?? ''}`;
  const nodeId = executorNodeId ?? submittedNodeId;
  for (const { kind, id } of places) if (id !== (kind === 'node' ? nodeId : workerId)) key += `/${kind}:${id}`;
  return key;
}

/** What is told with what was known, of two values the smaller one; undefined when it is nothing new. */
export function mergedFacts(known: PlaceFacts, told: PlaceFacts): PlaceFacts | undefined {
  if (
    !isNew(known.workerId, told.workerId) &&
    !isNew(known.submittedNodeId, told.submittedNodeId) &&
    !isNew(known.executorNodeId, told.executorNodeId) &&
    !isNew(known.workerPid, told.workerPid) &&
    !isNew(known.nodeIpAddress, told.nodeIpAddress)
  )
    return undefined;
  return {
    submittedNodeId: smallest(known.submittedNodeId, told.submittedNodeId),
    executorNodeId: smallest(known.executorNodeId, told.executorNodeId),
    workerId: smallest(known.workerId, told.workerId),
    workerPid: smallest(known.workerPid, told.workerPid),
    nodeIpAddress: smallest(known.nodeIpAddress, told.nodeIpAddress),
  };
}

function isNew<Value extends string | number>(known: Value | undefined, told: Value | undefined): boolean {
  return told !== undefined && told !== known && (known === undefined || told < known);
}

/** Puts an attempt where it runs now. */
export function moveTo(attempt: Attempt, where: Where): void {
  if (attempt.where === where) return;
  leave(attempt);
  attempt.where = where;
  where.attempts.add(attempt);
}

/** For an attempt that ends. */
export function leave(attempt: Attempt): void {
  attempt.where.attempts.delete(attempt);
}
