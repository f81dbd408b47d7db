export * from './lifecycle.ts';
export { type Correlator, type CorrelatorStats, createCorrelator } from './correlator.ts';
export type { CorrelateOptions } from './state.ts';
export type { Cost } from './account.ts';
export type { TaskFacts } from './definitions.ts';
export { WHOLE_TASK_PREFIX } from './merge.ts';
export type { CheckpointRecord } from './checkpoint.ts';
