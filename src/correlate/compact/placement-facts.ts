/** What events report of an attempt's placement. */
export interface PlacementFacts {
  /** From the owner's SUBMITTED_TO_WORKER. */
  readonly submittedNodeId?: string | undefined;
  /** From the executor itself: better evidence. */
  readonly executorNodeId?: string | undefined;
  readonly workerId?: string | undefined;
  readonly workerPid?: number | undefined;
  readonly nodeIpAddress?: string | undefined;
}
