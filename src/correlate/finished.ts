import type {
  ActorDefinition,
  ActorTransition,
  ClusterPoint,
  JobDefinition,
  NodeDefinition,
  NodeTransition,
  PlacementGroupDefinition,
  PlacementGroupLifecycle,
  ProfileEntry,
  StateTransition,
  SubmissionJobDefinition,
  SubmissionJobLifecycle,
  TaskError,
  TaskLog,
  TimeNs,
  WorkerDefinition,
  WorkerTransition,
} from '../event/index.ts';
import type { TaskFacts } from './compact/definitions.ts';
import type { JobVerdict } from './finish/job-outcome.ts';
import type { SpreadFacts } from './budget/spread.ts';
import type { TaskCounts } from './entities/task-counts.ts';

export type { TaskCounts } from './entities/task-counts.ts';

/** The span context that a job's `traceparent` metadata named. */
export interface CallerContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly traceState?: string;
}

export interface JobTraceRef {
  readonly kind: 'job';
  readonly session: string;
  readonly jobId: string;
  readonly caller?: CallerContext;
}

/** The trace that something belongs to. `span/` turns it into a trace id. */
export type TraceRef =
  | JobTraceRef
  | { readonly kind: 'actor'; readonly session: string; readonly actorId: string }
  | { readonly kind: 'session'; readonly session: string };

/** Which span is meant; span/ turns it into a span id. */
export type SpanRef =
  | { readonly kind: 'session' }
  | { readonly kind: 'job' | 'actor' | 'node' | 'worker' | 'placement_group' | 'submission_job'; readonly id: string }
  | { readonly kind: 'task'; readonly taskId: string; readonly attempt: number }
  | { readonly kind: 'rollup'; readonly parent: SpanRef; readonly name: string; readonly round: number };

export type LinkRef =
  | {
      readonly relation: 'parent_task' | 'previous_attempt' | 'actor' | 'previous_incarnation' | 'creation_task' | 'job' | 'detached_actor';
      readonly trace: TraceRef;
      readonly span: SpanRef;
    }
  /** A `traceparent` that arrived after the job's first span was sent. */
  | { readonly relation: 'caller'; readonly context: CallerContext };

/** Where an end came from when Ray did not say it. */
export type EndInferred =
  | 'profile'
  | 'actor_alive'
  | 'actor_died'
  | 'worker_died'
  | 'node_died'
  | 'job_finished'
  | 'last_state'
  | 'silence';

export interface Interval {
  readonly startNs: TimeNs;
  readonly endNs: TimeNs;
  readonly endInferred?: EndInferred | undefined;
  /** The end that was known lay before the start, and was moved to it. */
  readonly endClamped?: boolean | undefined;
}

/** What is known of a node when something that ran on it is finished. */
export interface NodeFacts {
  readonly nodeId: string;
  readonly ipAddress?: string | undefined;
  readonly hostname?: string | undefined;
  readonly nodeName?: string | undefined;
  readonly instanceId?: string | undefined;
  readonly instanceTypeName?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

interface Common extends Interval {
  readonly session: string;
  readonly trace: TraceRef;
  /** Absent for the root of a trace. */
  readonly parent?: SpanRef | undefined;
  readonly links: readonly LinkRef[];
  readonly node?: NodeFacts | undefined;
  /** A job's own `service.name`. */
  readonly serviceName?: string | undefined;
  /** States between the first and the last ones that were left out, because there were too many. */
  readonly statesLeftOut?: number | undefined;
  /** How much the clocks behind its states differ at least. Of an attempt: from the clock of its actor's states; `timesOf` has the larger one. */
  readonly clockSkewNs?: TimeNs | undefined;
}

/** `unfinished`: no end is known, or it ended with its driver. */
export type AttemptOutcome = 'finished' | 'failed' | 'cancelled' | 'unfinished';

/** Why an attempt ended that neither did its work nor failed: with its job's driver, or because its process was to exit. */
export type EndReason = 'driver_ended' | 'intended_exit';

/** How Ray says that a worker process ended: `WorkerExitType`, and its words. */
export interface WorkerExit {
  readonly type: string;
  readonly detail: string;
}

export interface FinishedAttempt extends Common {
  readonly kind: 'attempt';
  readonly taskId: string;
  readonly attempt: number;
  /** Job that the task id belongs to; the trace may be another job's (a call on another job's actor). */
  readonly jobId: string;
  readonly actorId?: string | undefined;
  readonly name: string;
  readonly definition?: TaskFacts | undefined;
  /** `other_attempt`: this attempt's definition was lost and another attempt's is used. */
  readonly definitionFrom: 'own' | 'other_attempt' | 'missing';
  /** In time order, without repetitions. */
  readonly states: readonly StateTransition[];
  readonly outcome: AttemptOutcome;
  /** Of a failure. */
  readonly error?: TaskError | undefined;
  readonly endReason?: EndReason | undefined;
  /** Of the process whose end was the attempt's. */
  readonly workerExit?: WorkerExit | undefined;
  /** In time order. */
  readonly profile: readonly ProfileEntry[];
  readonly workerId?: string | undefined;
  readonly workerPid?: number | undefined;
  readonly actorReprName?: string | undefined;
  /** The name that its actor was given. */
  readonly actorName?: string | undefined;
  readonly wasDebuggerPaused?: boolean | undefined;
  readonly log?: TaskLog | undefined;
  /** The parent that Ray names was rolled up; the span hangs under a nearer ancestor that was not. */
  readonly parentRolledUp?: boolean | undefined;
  /** The parent that Ray names is so deep in the trace that the span hangs under the job, with a link to the parent. */
  readonly parentTooDeep?: boolean | undefined;
  /** Only named as a parent, never seen: no event of it arrived. */
  readonly placeholder?: boolean | undefined;
  /** The trace's budget has no room for child spans: one span only. */
  readonly isCompact?: boolean | undefined;
}

export interface FinishedJob extends Common {
  readonly kind: 'job';
  readonly jobId: string;
  readonly name: string;
  readonly definition?: JobDefinition;
  readonly states: readonly StateTransition[];
  /** Tasks by the final state of their last attempt. */
  readonly tasks: TaskCounts;
  readonly attemptCount: number;
  readonly actorCount: number;
  /** Like `tasks`, plus tasks that ended after the job, minus tasks that have a later open attempt. */
  readonly tasksSoFar: TaskCounts;
  /** Actors that outlive the job although they are not detached themselves. */
  readonly openActors: readonly string[];
  readonly rolledUpAttemptCount: number;
  /** Attempts whose phases and profile entries the budget left no room for. */
  readonly compactAttemptCount: number;
  /** Profile entries of the driver, and those that belong to no task. */
  readonly profile: readonly (ProfileEntry & { readonly taskId?: string; readonly attempt: number })[];
  readonly driverError?: TaskError;
  readonly verdict: JobVerdict;
  /** Ray started it itself: its session reports jobs, but not this one. */
  readonly isInternal: boolean;
}

export interface ActorLifecycle extends Common {
  readonly kind: 'actor';
  readonly actorId: string;
  readonly jobId: string;
  readonly isDetached: boolean;
  readonly name: string;
  readonly className?: string;
  readonly moduleName?: string;
  readonly definition?: ActorDefinition;
  readonly states: readonly ActorTransition[];
  readonly incarnations: readonly Incarnation[];
  /** Those between them that were left out with their states; they have numbers all the same. */
  readonly incarnationsLeftOut?: number | undefined;
  readonly restarts?: number;
  readonly isCompact?: boolean;
}

/** One life of an actor's process: from an ALIVE to the RESTARTING or DEAD after it. */
export interface Incarnation extends Interval {
  readonly number: number;
  readonly alive: ActorTransition;
  readonly ended?: ActorTransition;
  readonly node?: NodeFacts;
}

export interface NodeLifecycle extends Common {
  readonly kind: 'node';
  readonly nodeId: string;
  readonly definition?: NodeDefinition;
  readonly states: readonly NodeTransition[];
}

export interface WorkerLifecycle extends Common {
  readonly kind: 'worker';
  readonly workerId: string;
  readonly jobId?: string;
  /** Ray ended it because the driver of its job had ended. */
  readonly endReason?: EndReason;
  readonly definition?: WorkerDefinition;
  readonly states: readonly WorkerTransition[];
}

export interface FinishedPlacementGroup extends Common {
  readonly kind: 'placement_group';
  readonly placementGroupId: string;
  readonly definition?: PlacementGroupDefinition;
  readonly states: PlacementGroupLifecycle['transitions'];
}

export interface FinishedSubmissionJob extends Common {
  readonly kind: 'submission_job';
  readonly submissionId: string;
  readonly definition?: SubmissionJobDefinition;
  readonly states: SubmissionJobLifecycle['transitions'];
}

export interface FinishedPoint extends Common {
  readonly kind: 'point';
  readonly point: ClusterPoint;
}

export interface FinishedSession extends Common {
  readonly kind: 'session';
}

/** Something open, reported once and early, so that a backend shows its trace before it ends. 1 ns long. */
export interface InFlightEntity extends Common {
  readonly kind: 'in_flight';
  /** The span that is to come. */
  readonly parent: SpanRef;
  /** Absent in the in-flight span of a session. */
  readonly jobId?: string;
  readonly name: string;
  /** Of a job's in-flight span. */
  readonly job?: JobDefinition;
  /** Of an attempt's in-flight span. */
  readonly attempt?: Pick<FinishedAttempt, 'taskId' | 'attempt' | 'actorId' | 'workerId' | 'workerPid' | 'definition'>;
  /** Of a detached actor's in-flight span. */
  readonly actor?: Pick<ActorLifecycle, 'actorId' | 'className' | 'moduleName' | 'definition'>;
}

/** Attempts, actors or workers that a trace's budget left no room for, summed up by parent and name. */
export interface FinishedRollup extends Common {
  readonly kind: 'rollup';
  readonly self: SpanRef;
  readonly name: string;
  /** How many of those that are counted are attempts; the others are actors, workers or points. */
  readonly attempts: number;
  readonly counts: TaskCounts;
  readonly durationSumNs: TimeNs;
  readonly durationMinNs: TimeNs;
  readonly durationMaxNs: TimeNs;
  /** Of those whose running time is known, and of the time before RUNNING of those that ran. Undefined where there are none. */
  readonly running: SpreadFacts | undefined;
  readonly pending: SpreadFacts | undefined;
}

export type Finished =
  | FinishedAttempt
  | FinishedJob
  | ActorLifecycle
  | NodeLifecycle
  | WorkerLifecycle
  | FinishedPlacementGroup
  | FinishedSubmissionJob
  | FinishedPoint
  | FinishedSession
  | FinishedRollup
  | InFlightEntity;
