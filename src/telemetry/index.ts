export { METRICS, type Readings } from './metrics.ts';
export { createTelemetry, type Telemetry, type RebuildProgress, type JobSummary } from './telemetry.ts';
