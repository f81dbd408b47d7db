export { createView, type View, type ViewOptions } from './view.ts';
export { STATUS_OF_VIEW_REFUSAL } from './refusal.ts';
export type { AttemptRow, AttemptsAnswer, Health, JobAnswer, JobRow, JobsAnswer, StatusAnswer } from './shapes.ts';
export { STAGES, type Stage } from './stage.ts';
