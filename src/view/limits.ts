/**
 * Bounds of the view's memory and of the cost of reading it. Everything beyond a limit is counted
 * and reported as left out.
 */
export interface ViewLimits {
  /** Open attempts with a row, over all jobs. Further ones are only counted, by function. */
  readonly maxOpenAttempts: number;
  /** Jobs that have not ended. */
  readonly maxOpenJobs: number;
  /** Ended jobs: how many, and for how long after they were last seen. */
  readonly maxFinishedJobs: number;
  readonly finishedJobAgeMs: number;
  /** Ended attempts with a row: per job, and over all jobs. Failures stay longest. */
  readonly maxFinishedAttemptsPerJob: number;
  readonly maxFinishedAttempts: number;
  /**
   * Functions with a summary of their own: per job, and over all jobs. The others of a job share
   * one.
   */
  readonly maxFunctionsPerJob: number;
  readonly maxFunctions: number;
  /** Distinct pairs of a function and an error type, per job. */
  readonly maxFailureKindsPerJob: number;
  /** Actors with a row: per job, and over all jobs. */
  readonly maxActorsPerJob: number;
  readonly maxActors: number;
  readonly maxIncarnationsPerActor: number;
  readonly maxNodesPerSession: number;
  /**
   * Nodes with buckets of running attempts over time: per job, over all jobs, and buckets per node.
   * The other nodes of a job share buckets.
   */
  readonly maxNodeSeriesPerJob: number;
  readonly maxNodeSeries: number;
  readonly nodeSeriesBuckets: number;
  readonly maxSessions: number;
  /** Texts are cut to these lengths, in UTF-16 units. */
  readonly maxNameLength: number;
  readonly maxMessageLength: number;
}

export const DEFAULT_VIEW_LIMITS: ViewLimits = {
  maxOpenAttempts: 100_000,
  maxOpenJobs: 1_000,
  maxFinishedJobs: 100,
  finishedJobAgeMs: 24 * 3_600_000,
  maxFinishedAttemptsPerJob: 20_000,
  maxFinishedAttempts: 100_000,
  maxFunctionsPerJob: 200,
  maxFunctions: 5_000,
  maxFailureKindsPerJob: 200,
  maxActorsPerJob: 1_000,
  maxActors: 20_000,
  maxIncarnationsPerActor: 20,
  maxNodesPerSession: 2_000,
  maxNodeSeriesPerJob: 200,
  maxNodeSeries: 5_000,
  nodeSeriesBuckets: 120,
  maxSessions: 100,
  maxNameLength: 200,
  maxMessageLength: 500,
};
