import { compactString } from './compact-string.ts';
import type { PlacementFacts } from './placement-facts.ts';

/** One immutable placement, shared by all attempts that report the same one. */
export class SharedPlacement<Attempt, Place> implements PlacementFacts {
  readonly submittedNodeId: string | undefined;
  readonly executorNodeId: string | undefined;
  readonly workerId: string | undefined;
  readonly workerPid: number | undefined;
  readonly nodeIpAddress: string | undefined;
  /** The worker and the node, as far as they are known. They list it, for when they die. */
  readonly places: readonly Place[];
  /** Open attempts with this placement. Empty for the unknown placement. */
  readonly attempts = new Set<Attempt>();

  constructor(facts: PlacementFacts, places: readonly Place[]) {
    this.submittedNodeId = compactId(facts.submittedNodeId);
    this.executorNodeId = compactId(facts.executorNodeId);
    this.workerId = compactId(facts.workerId);
    this.workerPid = facts.workerPid;
    this.nodeIpAddress = facts.nodeIpAddress;
    this.places = places;
  }

  /** The node that is most sure. */
  get nodeId(): string | undefined {
    return this.executorNodeId ?? this.submittedNodeId;
  }
}

function compactId(id: string | undefined): string | undefined {
  return id === undefined ? undefined : compactString(id);
}
