export * from './finished.ts';
export type { SpreadFacts } from './budget/spread.ts';
export { type Correlator, type CorrelatorStats, createCorrelator } from './correlator.ts';
export type { Applied } from './state.ts';
export type { CorrelateOptions } from './correlate-options.ts';
export type { Cost } from './budget/budget.ts';
export type { TaskFacts } from './compact/definitions.ts';
export { isInternalJob } from './naming/internal.ts';
export { isRayWork, type RayLibraryFacts, rayLibraryOf, serveReplicaOf } from './naming/ray-library.ts';
export type { JobOutcome, JobOutcomeReason, JobVerdict } from './finish/job-outcome.ts';
export { WHOLE_TASK_PREFIX } from './states/merge.ts';
export type { CheckpointRecord } from './snapshot/checkpoint.ts';
export { actorIdOf, creationTaskOf, isCreationTask, isDriverTask, isRayActorName, jobIdOf } from './naming/ray-ids.ts';
export type {
  ActorState,
  JobState,
  NodeState,
  OpenAttemptState,
  PlacementGroupState,
  ReadModel,
  SessionState,
  TaskState,
  Watcher,
} from './read-model.ts';
export { isReported } from './read-model.ts';
export { openAttemptsOf } from './entities/open-attempts.ts';
export { jobInterval, jobName } from './finish/close.ts';
export { hasEnded, jobEndNs, jobStartNs } from './finish/ends.ts';
export { presentTrace } from './trace-ref.ts';
export { type AttemptTimes, inOrder, timesOf } from './finish/attempt-times.ts';
export type { LeftOut } from './compact/left-out.ts';
export { countOf } from './states/transitions.ts';
export { lastTimeMs } from './finish/trusted-time.ts';
export { SortedList } from './compact/sorted-list.ts';
export type { Mapped, Mapping, Output } from './mapping.ts';
