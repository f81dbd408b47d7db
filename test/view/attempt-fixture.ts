import { AttemptView, FunctionView, type JobView } from '../../src/view/records.ts';
import type { Stage } from '../../src/view/stage.ts';
import { TestModel } from './test-model.ts';

export const DRIVER = 'driver';

export interface AttemptFacts {
  readonly id: string;
  readonly parent?: string;
  readonly function?: string;
  readonly start: number;
  readonly node?: number;
  readonly worker?: number;
  readonly running?: number;
  readonly end?: number;
  readonly stage?: Stage;
  readonly number?: number;
  readonly nodeId?: string;
}

export interface MadeJob {
  readonly job: JobView;
  /** The latest attempt of each task. */
  readonly tasks: readonly AttemptView[];
}

/** Makes a job with tasks, as the model would. Times are milliseconds. Attempts of one task are given in order. */
export function makeJob(facts: readonly AttemptFacts[]): MadeJob {
  const model = new TestModel();
  const jobId = '01000000';
  model.observe({ type: 'job_lifecycle', eventId: '', session: 's', jobId, transitions: [{ state: 'CREATED', timeNs: 0n }] }, 0);
  const session = model.sessions.get('s');
  const job = session?.jobs.get(jobId);
  if (session === undefined || job === undefined) throw new Error('no job');
  const functions = new Map<string, FunctionView>();
  for (const { id, parent, function: name = 'f', number = 0, ...times } of facts) {
    const own = functions.get(name) ?? new FunctionView(name, functions.size);
    functions.set(name, own);
    const attempt = new AttemptView(id, number, job, own);
    attempt.parentTaskId = parent;
    attempt.startMs = times.start;
    attempt.nodeWaitMs = times.node ?? Number.NaN;
    attempt.workerWaitMs = times.worker ?? Number.NaN;
    attempt.runningMs = times.running ?? Number.NaN;
    attempt.endMs = times.end ?? Number.NaN;
    attempt.nodeId = times.nodeId;
    attempt.stage = times.stage ?? (times.end === undefined ? 'running' : 'finished');
    attempt.previous = session.lastAttempts.get(id);
    session.lastAttempts.set(id, attempt);
    job.others.add(attempt);
  }
  return { job, tasks: [...session.lastAttempts.values()] };
}
