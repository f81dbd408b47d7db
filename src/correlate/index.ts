export * from './lifecycle.ts';
export { type Correlator, type CorrelatorStats, createCorrelator } from './correlator.ts';
export type { Applied, CorrelateOptions } from './state.ts';
export type { Cost } from './account.ts';
export { WHOLE_TASK_PREFIX } from './merge.ts';
export type { CheckpointRecord } from './checkpoint.ts';
export { actorIdOf, isDriverTask, jobIdOf } from './ray-ids.ts';
export { parseCaller } from './trace-ref.ts';
export type { JobSoFar, Retold } from './retell.ts';
