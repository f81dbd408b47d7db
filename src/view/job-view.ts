import type { AttemptView } from './attempt-view.ts';
import type { ActorView } from './actor-view.ts';
import type { SessionView } from './session-view.ts';
import { Durations, Rate } from './durations.ts';
import { noCounts } from './stage.ts';

/** What is known of all attempts of one function. */
export class FunctionView {
  readonly name: string;
  /** Attempts, by where they stand. */
  readonly stages = noCounts();
  /** Open attempts that are not followed one by one. */
  untracked = 0;
  /** From the first state to RUNNING. */
  readonly queue = new Durations();
  /** From RUNNING to the end. */
  readonly run = new Durations();

  constructor(name: string) {
    this.name = name;
  }
}

export type JobState = 'running' | 'finished' | 'failed';

export class JobView {
  readonly session: SessionView;
  readonly id: string;
  name: string;
  submissionId: string | undefined;
  entrypoint: string | undefined;
  state: JobState = 'running';
  startMs = Number.NaN;
  endMs = Number.NaN;
  endInferred: string | undefined;
  error: string | undefined;
  traceId: string;
  isInternal = false;
  /** When the bridge first and last heard of it, and when it was over, on the bridge's clock. */
  readonly firstSeenMs: number;
  lastSeenMs: number;
  closedMs: number | undefined;
  /** Tasks, by where their last attempt stands. */
  readonly tasks = noCounts();
  /** Attempts that were tried again. */
  retried = 0;
  attempts = 0;
  /** Open attempts that are not followed one by one. */
  untracked = 0;
  /** Attempts that are over and have no row. */
  withoutRow = 0;
  readonly ended = new Rate();
  readonly functions = new Map<string, FunctionView>();
  /** Followed one by one. In the order in which they were first told. */
  readonly open = new Set<AttemptView>();
  /** Over, oldest first. */
  readonly failures = new Set<AttemptView>();
  readonly others = new Set<AttemptView>();
  readonly actors = new Map<string, ActorView>();
  actorsNotShown = 0;

  constructor(session: SessionView, id: string, traceId: string, nowMs: number) {
    this.session = session;
    this.id = id;
    this.name = id;
    this.traceId = traceId;
    this.firstSeenMs = nowMs;
    this.lastSeenMs = nowMs;
  }

  get rows(): number {
    return this.failures.size + this.others.size;
  }
}
