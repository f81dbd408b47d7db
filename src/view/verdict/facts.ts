import type { JobOutcome, JobOutcomeReason } from '../../correlate/index.ts';
import type { StageCounts } from '../stage.ts';
import type { WaitLink } from '../wait.ts';

/** All that a verdict follows from. Times are milliseconds on Ray's clock; NaN means unknown. */
export interface VerdictFacts {
  readonly nowMs: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly hasEnded: boolean;
  /** Known about 15 s after the end of the job. */
  readonly outcome: JobOutcome | undefined;
  readonly outcomeReason: JobOutcomeReason | undefined;
  readonly outcomeMessage: string | undefined;
  readonly exitCode: number | undefined;
  /** The error of the driver. */
  readonly error: string | undefined;
  readonly tasks: StageCounts;
  /** Attempts that ended per second, over the last 10 s. */
  readonly endedPerSecond: number;
  /** Pending attempts, grouped by function and wait. */
  readonly waits: readonly WaitGroup[];
  /** Running attempts, without those that wait in `ray.get` or `ray.wait`. */
  readonly running: number;
  /** The one of these that has run longest. */
  readonly longest: { readonly function: string; readonly runningMs: number } | undefined;
  /** Running attempts that wait in `ray.get` or `ray.wait`. */
  readonly waitingInRay: readonly CallerGroup[];
  /** Failed attempts, grouped by function and type. */
  readonly failures: readonly FailureGroup[];
  /** Deaths of nodes while the job ran, oldest first. */
  readonly deaths: readonly NodeDeath[];
  /** Unfinished tasks that never began to run. Undefined if some ended tasks have no row, as after a restart. */
  readonly neverStarted: number | undefined;
  /** The groups cover a sample, because very many attempts are open. */
  readonly isSample: boolean;
}

export interface WaitGroup {
  readonly function: string;
  readonly attempts: number;
  /** Since when the longest of these attempts has waited. */
  readonly sinceMs: number;
  readonly links: readonly WaitLink[];
  /** Callers that wait for these attempts in `ray.get` or `ray.wait`. */
  readonly callers: readonly CallerGroup[];
  /** Functions of open tasks that probably make the arguments that these attempts wait for. */
  readonly makers: readonly string[];
}

export interface CallerGroup {
  readonly function: string;
  readonly attempts: number;
  /** `ray.get` or `ray.wait`. */
  readonly call: string;
}

export interface FailureGroup {
  readonly function: string;
  /** Type of the exception, or Ray's error type. */
  readonly type: string;
  /** Attempts that were not retried. */
  readonly final: number;
  readonly retried: number;
}

export interface NodeDeath {
  /** Address or name. */
  readonly node: string;
  readonly atMs: number;
  /** Attempts that failed because of it. */
  readonly tasks: number;
  readonly calls: number;
  /** Actors in words, by what became of them. */
  readonly restarted: readonly string[];
  readonly died: readonly string[];
}
