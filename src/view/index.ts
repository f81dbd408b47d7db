export { createView, type View, type ViewOptions } from './view.ts';
export { STATUS_OF_VIEW_REFUSAL } from './refusal.ts';
export type {
  AttemptRow,
  AttemptsAnswer,
  CriticalPathAnswer,
  FunctionRow,
  Health,
  JobAnswer,
  JobRow,
  JobsAnswer,
  StatusAnswer,
  WaitingRow,
} from './shapes.ts';
export { STAGES, type Stage, type StageCounts } from './stage.ts';
