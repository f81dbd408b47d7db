import type { TaskDefinition, StateTransition } from '../event/index.ts';
import type { FunctionView, JobView } from './job-view.ts';
import { isOver, rankOf, type Stage, stageOf } from './stage.ts';

export interface ErrorView {
  readonly type: string;
  /** Cut. */
  readonly message: string;
}

/** One try at a task: what of it is worth a row. Times are milliseconds since the epoch, with fractions; NaN is not known. */
export class AttemptView {
  readonly taskId: string;
  readonly number: number;
  job: JobView;
  function: FunctionView;
  name = '';
  parentTaskId: string | undefined;
  /** While it is open: what it needs in order to run. */
  definition: TaskDefinition | undefined;
  stage: Stage = 'unknown';
  /** Ray's own word for where it stands. */
  state = '';
  /** Since when. */
  stateMs = Number.NaN;
  startMs = Number.NaN;
  nodeWaitMs = Number.NaN;
  workerWaitMs = Number.NaN;
  runningMs = Number.NaN;
  endMs = Number.NaN;
  nodeId: string | undefined;
  hasExecutorNode = false;
  pid: number | undefined;
  error: ErrorView | undefined;
  endInferred: string | undefined;
  /** The bridge has made its span. */
  isClosed = false;
  /** A later attempt of the task is known: the task does not stand where this one does. */
  isSuperseded = false;
  previous: AttemptView | undefined;

  constructor(taskId: string, number: number, job: JobView, own: FunctionView) {
    this.taskId = taskId;
    this.number = number;
    this.job = job;
    this.function = own;
  }

  /** Takes up a state that Ray told, in any order. True when it stands elsewhere now. */
  enter({ state, timeNs }: StateTransition): boolean {
    const ms = toMs(timeNs);
    const stage = stageOf(state);
    this.startMs = earlier(this.startMs, ms);
    if (stage === 'pending_node') this.nodeWaitMs = earlier(this.nodeWaitMs, ms);
    if (stage === 'pending_worker') this.workerWaitMs = earlier(this.workerWaitMs, ms);
    if (stage === 'running') this.runningMs = earlier(this.runningMs, ms);
    if (isOver(stage)) this.endMs = Number.isNaN(this.endMs) ? ms : Math.max(this.endMs, ms);
    const [rank, oldRank] = [rankOf(state), rankOf(this.state)];
    if (rank < oldRank || (rank === oldRank && !(ms > this.stateMs)) || rank === 0) return false;
    this.state = state;
    this.stateMs = ms;
    return true;
  }
}

/** Below a microsecond nobody looks at a page. */
export function toMs(timeNs: bigint): number {
  return Number(timeNs) / 1e6;
}

export function earlier(known: number, ms: number): number {
  return known <= ms ? known : ms;
}
