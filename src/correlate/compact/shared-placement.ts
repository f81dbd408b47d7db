import { ownText } from './compact-string.ts';
import type { PlaceFacts } from './placement-facts.ts';

/** One immutable placement, shared by all attempts that report the same one. */
export class SharedWhere<Attempt, Place> implements PlaceFacts {
  readonly submittedNodeId: string | undefined;
  readonly executorNodeId: string | undefined;
  readonly workerId: string | undefined;
  readonly workerPid: number | undefined;
  readonly nodeIpAddress: string | undefined;
  /** The worker and the node, as far as they are known. They list it, for when they die. */
  readonly places: readonly Place[];
  /** Open attempts with this placement. Empty for the unknown placement. */
  readonly attempts = new Set<Attempt>();

  constructor(facts: PlaceFacts, places: readonly Place[]) {
    this.submittedNodeId = ownId(facts.submittedNodeId);
    this.executorNodeId = ownId(facts.executorNodeId);
    this.workerId = ownId(facts.workerId);
    this.workerPid = facts.workerPid;
    this.nodeIpAddress = facts.nodeIpAddress;
    this.places = places;
  }

  /** The node that is most sure. */
  get nodeId(): string | undefined {
    return this.executorNodeId ?? this.submittedNodeId;
  }
}

function ownId(id: string | undefined): string | undefined {
  return id === undefined ? undefined : ownText(id);
}
