/** Bounds of what the view remembers and of what reading it may cost. What is beyond a limit is counted, and said to be left out. */
export interface ViewLimits {
  /** Open attempts that are followed one by one, of all jobs; the rest is counted by function only. */
  readonly maxOpenAttempts: number;
  /** Jobs that are not over. */
  readonly maxOpenJobs: number;
  /** Jobs that are over: so many, and for so long. */
  readonly maxFinishedJobs: number;
  readonly finishedJobAgeMs: number;
  /** Jobs that ended and were forgotten, of which name, times and counts are kept in case that an actor of theirs goes on. */
  readonly maxForgottenJobs: number;
  /** Attempts that are over and have a row: of one job, and of all. Failures stay longest. */
  readonly maxFinishedAttemptsPerJob: number;
  readonly maxFinishedAttempts: number;
  /** Functions with a summary of their own: of one job, and of all; the rest share one. */
  readonly maxFunctionsPerJob: number;
  readonly maxFunctions: number;
  /** Pairs of a function and a type of error that are told apart, of one job. */
  readonly maxFailureKindsPerJob: number;
  /** Actors with a row: of one job, and of all. */
  readonly maxActorsPerJob: number;
  readonly maxActors: number;
  readonly maxIncarnationsPerActor: number;
  readonly maxNodesPerSession: number;
  readonly maxPlacementGroupsPerSession: number;
  /** Nodes of which it is known how much ran on them over time, in so many buckets each: of one job, and of all. The rest of a job's nodes share some. */
  readonly maxNodeSeriesPerJob: number;
  readonly maxNodeSeries: number;
  readonly nodeSeriesBuckets: number;
  readonly maxSessions: number;
  /** Texts are cut here. UTF-16 units. */
  readonly maxNameLength: number;
  readonly maxMessageLength: number;
}

export const DEFAULT_VIEW_LIMITS: ViewLimits = {
  maxOpenAttempts: 100_000,
  maxOpenJobs: 1_000,
  maxFinishedJobs: 100,
  finishedJobAgeMs: 24 * 3_600_000,
  maxForgottenJobs: 2_000,
  maxFinishedAttemptsPerJob: 20_000,
  maxFinishedAttempts: 100_000,
  maxFunctionsPerJob: 200,
  maxFunctions: 5_000,
  maxFailureKindsPerJob: 200,
  maxActorsPerJob: 1_000,
  maxActors: 20_000,
  maxIncarnationsPerActor: 20,
  maxNodesPerSession: 2_000,
  maxPlacementGroupsPerSession: 1_000,
  maxNodeSeriesPerJob: 200,
  maxNodeSeries: 5_000,
  nodeSeriesBuckets: 120,
  maxSessions: 100,
  maxNameLength: 200,
  maxMessageLength: 500,
};
