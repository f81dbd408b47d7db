import type { PathPhase } from './critical-path.ts';
import type { DurationSummary } from './durations.ts';
import type { Stage, StageCounts } from './stage.ts';
import type { JobOutcome, JobOutcomeReason } from '../correlate/index.ts';
import type { JobState } from './records.ts';

/**
 * What `/api/v1` answers with. Times are milliseconds since the epoch, with fractions, from Ray's own clocks unless it is said otherwise; what is
 * not known is left out. Texts come from Ray as they are, cut: escape them wherever you show them.
 */

export interface EventCounts {
  /** Since the bridge started. */
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: number;
  readonly rejectedByCode: Readonly<Record<string, number>>;
  readonly refusedPosts: number;
  readonly refusedByCode: Readonly<Record<string, number>>;
  /** On the bridge's clock. */
  readonly lastReceivedMs?: number;
}

/** How the bridge itself is. */
export interface Health {
  readonly state: 'created' | 'running' | 'stopping' | 'stopped';
  /** Why it is not ready, or takes nothing in. */
  readonly reason?: string;
  /** Accepted events that are not worked through. */
  readonly backlogEvents: number;
  readonly backlogAgeMs: number;
  readonly journalBytes: number;
  readonly journalLimitBytes: number;
  /** Finished spans that wait for the backend, and how long the oldest of them has waited. */
  readonly queuedSpans: number;
  readonly exportLagMs: number;
  readonly exportedSpans: number;
  readonly refusedSpans: number;
  readonly exportRetries: number;
  readonly openAttempts: number;
  readonly lateEvents: number;
  readonly foldedAttempts: number;
  readonly inferredEnds: Readonly<Record<string, number>>;
}

export interface StatusAnswer {
  readonly nowMs: number;
  /** When the bridge started, on its own clock. Of what ended before, there are the counts of jobs, and no rows. */
  readonly since: number;
  readonly events: EventCounts;
  readonly health: Health;
  readonly view: {
    readonly openAttempts: number;
    readonly rows: number;
    /** What its limits left out. */
    readonly sessionsLeftOut: number;
    readonly jobsLeftOut: number;
  };
  readonly setup: {
    /** Lines for a shell, `{url}` standing for the address to post to. */
    readonly lines: readonly string[];
    readonly needsToken: boolean;
  };
}

export interface SessionRow {
  readonly session: string;
  readonly isOver: boolean;
  readonly jobs: number;
  readonly nodes: number;
  readonly nodesAlive: number;
  /** On the bridge's clock. */
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
}

export interface JobRow {
  readonly session: string;
  readonly job: string;
  readonly name: string;
  readonly submissionId?: string;
  readonly entrypoint?: string;
  /** `finished`: it ended. What it came to stands in `outcome`. */
  readonly state: JobState;
  /** Once it is closed, about 15 s after its end. */
  readonly outcome?: JobOutcome;
  readonly outcomeReason?: JobOutcomeReason;
  /** In one sentence. */
  readonly outcomeMessage?: string;
  /** Of the driver, where Ray reports it. */
  readonly exitCode?: number;
  readonly startMs?: number;
  readonly endMs?: number;
  readonly ageMs: number;
  readonly endInferred?: string;
  readonly error?: string;
  /** Ray started it itself. */
  readonly isInternal: boolean;
  readonly traceId: string;
  readonly traceUrl?: string;
  /** Tasks by where their last attempt stands. */
  readonly tasks: StageCounts;
  readonly taskCount: number;
  /** Attempts that were tried again. */
  readonly retried: number;
  readonly attempts: number;
  /** Open attempts that are only counted. */
  readonly untracked: number;
  /** Of the tasks that are known, the share that is over: 0 to 1. */
  readonly progress: number;
  /** Attempts that ended, a second, over the last 10 s. */
  readonly endedPerSecond: number;
  readonly actors: number;
}

export interface JobsAnswer {
  readonly nowMs: number;
  readonly since: number;
  readonly jobs: readonly JobRow[];
  /** Jobs that this answer has no room for. */
  readonly more: number;
}

export interface SessionsAnswer {
  readonly nowMs: number;
  readonly since: number;
  readonly sessions: readonly SessionRow[];
}

export interface FunctionRow {
  readonly function: string;
  /** Attempts by where they stand. */
  readonly attempts: StageCounts;
  readonly attemptCount: number;
  readonly untracked: number;
  readonly queue?: DurationSummary;
  readonly run?: DurationSummary;
}

export interface WaitingRow {
  readonly stage: Stage;
  /** Ray's own word. */
  readonly state: string;
  readonly waitsFor: string;
  readonly function: string;
  readonly attempts: number;
  /** Since when the one that waits longest does. */
  readonly sinceMs: number;
  /** The end of the job, which ended the wait. Left out while the wait lasts. */
  readonly untilMs?: number;
}

export interface FailureRow {
  readonly function: string;
  readonly errorType: string;
  readonly attempts: number;
  /** Of the last one. */
  readonly message: string;
  readonly task: string;
  readonly attempt: number;
  readonly endMs: number;
}

export interface IncarnationRow {
  readonly startMs: number;
  readonly endMs?: number;
  readonly node?: string;
  readonly pid?: number;
  readonly reason?: string;
}

export interface ActorRow {
  readonly actor: string;
  readonly name?: string;
  readonly className?: string;
  /** Ray's own word; empty when it told none. */
  readonly state: string;
  readonly isDetached: boolean;
  readonly incarnations: readonly IncarnationRow[];
  readonly incarnationsLeftOut: number;
}

export interface NodeRow {
  readonly node: string;
  readonly name: string;
  readonly state: string;
  readonly running: number;
}

export interface JobAnswer {
  /** On Ray's clock, as far as it can be told: for the ages of what is open. */
  readonly nowMs: number;
  readonly since: number;
  readonly job: JobRow;
  readonly functions: readonly FunctionRow[];
  /** What pending attempts wait for, of as many open attempts as were looked at. */
  readonly waiting: readonly WaitingRow[];
  readonly lookedAt: number;
  readonly failures: readonly FailureRow[];
  readonly actors: readonly ActorRow[];
  readonly actorCount: number;
  readonly nodes: readonly NodeRow[];
}

export interface AttemptRow {
  readonly task: string;
  readonly attempt: number;
  readonly name: string;
  readonly function: string;
  readonly stage: Stage;
  /** Ray's own word. */
  readonly state: string;
  readonly waitsFor?: string;
  readonly startMs?: number;
  /** When it began to wait for a node, to wait at its worker, and to run. */
  readonly nodeWaitMs?: number;
  readonly workerWaitMs?: number;
  readonly runningMs?: number;
  readonly endMs?: number;
  /** The end of the job, of an attempt that can only have ended with it: its age counts up to here. */
  readonly untilMs?: number;
  readonly endInferred?: string;
  /** `driver_ended` or `intended_exit`. */
  readonly endReason?: string;
  readonly clockSkewMs?: number;
  readonly node?: string;
  readonly nodeName?: string;
  readonly pid?: number;
  readonly actor?: string;
  readonly parentTask?: string;
  readonly error?: { readonly type: string; readonly message: string };
  readonly spanId: string;
  /** The budget of its trace folded it: it has no span of its own there. */
  readonly isFolded?: true;
  /** Where its span can be looked at, once it is over and was sent. */
  readonly traceUrl?: string;
  /** In the order of a tree: how many tasks above it are listed. */
  readonly depth?: number;
  /** Earlier attempts of the task, the last one first. */
  readonly earlier?: readonly AttemptRow[];
}

export interface AttemptsAnswer {
  /** On Ray's clock, as far as it can be told. */
  readonly nowMs: number;
  readonly since: number;
  /** Tasks that the filters let through. */
  readonly total: number;
  readonly offset: number;
  readonly tasks: readonly AttemptRow[];
  /** Of all that the filters let through. */
  readonly firstMs?: number;
  readonly lastMs?: number;
  /** Attempts of the job that are over and have no row any more, and open ones that are only counted. */
  readonly withoutRow: number;
}

/** Tasks of one function that one task called, as one row. */
export interface FoldRow {
  /** What to ask for in `unfold` in order to get its tasks, too. Stays the same while the job is remembered. */
  readonly key: string;
  readonly function: string;
  readonly tasks: number;
  /** Tasks below these, which are not listed either while it is folded. */
  readonly below: number;
  readonly isUnfolded: boolean;
  readonly stages: StageCounts;
  /** Earlier attempts. */
  readonly retried: number;
  /** When the first one was submitted, when the first one began to run, until when any ran, and when the last one ended, if all did. */
  readonly startMs?: number;
  readonly runningMs?: number;
  readonly runUntilMs?: number;
  readonly endMs?: number;
  /** Up to when the ages of those that did not end count, if that is before the present. */
  readonly untilMs?: number;
  /** Of the last attempts in sum, up to the present where they are open: from the first state to RUNNING, and from there on. */
  readonly queueSumMs: number;
  readonly runSumMs: number;
  readonly runMaxMs: number;
}

/** Either a task or a fold. */
export interface TreeRow {
  readonly depth: number;
  readonly task?: AttemptRow;
  readonly fold?: FoldRow;
}

export interface TreeAnswer {
  /** On Ray's clock, as far as it can be told. */
  readonly nowMs: number;
  readonly since: number;
  /** Rows, of all pages. */
  readonly total: number;
  /** Tasks in the tree, also those that are folded. */
  readonly tasks: number;
  readonly offset: number;
  readonly rows: readonly TreeRow[];
  readonly firstMs?: number;
  readonly lastMs?: number;
  readonly withoutRow: number;
}

export interface PathStepRow {
  /** Left out for the driver. */
  readonly task?: string;
  readonly attempt?: number;
  readonly name: string;
  readonly function?: string;
  readonly spanId?: string;
  /** Of the fold that the task is in when there are enough of its kind. */
  readonly fold?: string;
  readonly phase: PathPhase;
  readonly startMs: number;
  readonly endMs: number;
  /** It waited for arguments that the step before is taken to have made. */
  readonly isHandedOn?: true;
}

/** What a function, or the driver, has of the critical path. */
export interface PathShareRow {
  /** Left out for the driver. */
  readonly function?: string;
  readonly tasks: number;
  readonly argumentsMs: number;
  /** From the end of one attempt to when the next one goes on. */
  readonly retryMs: number;
  readonly nodeMs: number;
  readonly workerMs: number;
  readonly runningMs: number;
  readonly unknownMs: number;
  readonly totalMs: number;
}

export interface CriticalPathAnswer {
  /** On Ray's clock, as far as it can be told. */
  readonly nowMs: number;
  readonly since: number;
  /** False: the path is that to the present. */
  readonly isOver: boolean;
  readonly startMs: number;
  readonly endMs: number;
  /** The largest share first; they add up to the whole. */
  readonly shares: readonly PathShareRow[];
  /** In the order of time, each beginning where the one before ends: the last ones. */
  readonly steps: readonly PathStepRow[];
  readonly stepsLeftOut: number;
  /** Tasks that were not looked at because there are too many, or that have no row any more. */
  readonly tasksLeftOut: number;
}

export interface NodeUseRow {
  /** Left out for all nodes for which there was no room. */
  readonly node?: string;
  readonly name: string;
  /** CPUs that it has, as Ray told. */
  readonly cpus?: number;
  /** How many attempts of the job ran on it on average in each bucket; those at the end in which nothing ran are left out. */
  readonly running: readonly number[];
}

export interface NodeUseAnswer {
  /** On Ray's clock, as far as it can be told. */
  readonly nowMs: number;
  readonly since: number;
  /** When the first bucket begins. */
  readonly startMs: number;
  readonly bucketMs: number;
  readonly nodes: readonly NodeUseRow[];
  /** Attempts that are over and of which Ray did not tell where or when they ran. */
  readonly unplaced: number;
}
