import type {
  ActorDefinition,
  ActorTransition,
  JobDefinition,
  NodeDefinition,
  NodeTransition,
  PlacementGroupDefinition,
  PlacementGroupTransition,
  StateTransition,
  TaskError,
  TimeNs,
  Untimed,
} from '../event/index.ts';
import type { TaskFacts } from './compact/definitions.ts';
import type { LeftOut } from './compact/left-out.ts';
import type { PlacementFacts } from './compact/placement-facts.ts';
import type { JobVerdict } from './finish/job-outcome.ts';
import type { TimeRange } from './finish/trusted-time.ts';
import type { AttemptOutcome, Finished, FinishedAttempt, JobTraceRef } from './finished.ts';
import type { UntimedOutcome } from './states/untimed.ts';

/**
 * What a reader may see of the correlator's state. The objects are the correlator's own and change with the next event,
 * so a reader copies what must not change. It changes nothing itself.
 */
export interface ReadModel {
  sessions(): Iterable<SessionState>;
  session(name: string): SessionState | undefined;
}

/** Called at once, in the middle of `apply` or `advance`, when the entities have their new state. Must not throw. */
export interface Watcher {
  /** Something is finished. `rolled_up`: it gets no span of its own. */
  finished(lifecycle: Finished, how: 'sent' | 'rolled_up', nowMs: number): void;
  /** An attempt that was finished as `rolled_up` has a span after all: it is one of the slowest of its function. */
  hasSpan(lifecycle: FinishedAttempt): void;
  /** The open attempts of a task count for another job from now on: its callers became known. */
  moved(task: TaskState, fromJobId: string): void;
}

/** Named things, by id. */
export interface Named<Item> {
  readonly size: number;
  get(id: string): Item | undefined;
  values(): Iterable<Item>;
}

interface Counted<Item> extends Iterable<Item> {
  readonly size: number;
}

export interface SessionState {
  readonly name: string;
  /** Times on the journal's clock, in milliseconds. */
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  /** Of the times that Ray reported and that are trusted. */
  readonly firstNs: TimeNs | undefined;
  readonly lastNs: TimeNs | undefined;
  /** While there are none: those that are not trusted, and when its events were received. */
  readonly wrong: TimeRange | undefined;
  readonly received: TimeRange | undefined;
  /** Ray sends events of jobs. */
  readonly sendsJobs: boolean;
  readonly closed: boolean;
  readonly jobs: Named<JobState>;
  /** Tasks with an open attempt, and some that ended. */
  readonly tasks: Named<TaskState>;
  readonly actors: Named<ActorState>;
  readonly nodes: Named<NodeState>;
  readonly placementGroups: Named<PlacementGroupState>;
  /** A task that is open or remembered. */
  findTask(id: string): TaskState | undefined;
}

interface WithStates<T extends StateTransition> {
  /** In time order. */
  readonly transitions: readonly T[];
  readonly leftOut: LeftOut | undefined;
  /** The state that ends it, without a time. */
  readonly untimedEnd: Untimed<T> | undefined;
}

export interface JobState extends WithStates<StateTransition> {
  readonly id: string;
  readonly session: SessionState;
  readonly definition: JobDefinition | undefined;
  readonly driverTransitions: readonly StateTransition[];
  readonly driverLeftOut: LeftOut | undefined;
  readonly driverUntimedEnd: UntimedOutcome | undefined;
  readonly driverError: TaskError | undefined;
  readonly hasRayActor: boolean;
  /** Events show that it runs or ran: it gets a span. */
  readonly hasContent: boolean;
  /** Its span is made. */
  readonly closed: boolean;
  /** When its end was received, on the journal's clock. */
  readonly endMs: number | undefined;
  /** Set once its span is made, as are the end of a job without one, and the trace with its first span. */
  readonly verdict: JobVerdict | undefined;
  readonly silentNs: TimeNs | undefined;
  readonly trace: JobTraceRef | undefined;
  /** From the first to the last time of what ended of it. */
  readonly childrenStartNs: TimeNs | undefined;
  readonly childrenEndNs: TimeNs | undefined;
  /** Attempts that ended, and tasks by the outcome of the last of these attempts. */
  readonly closedAttempts: number;
  readonly closedTasks: Readonly<Record<AttemptOutcome, number>>;
  readonly open: Counted<OpenAttemptState>;
  readonly chains: Counted<{ readonly tasks: Iterable<TaskState> }>;
  /** Those that are open, and those that are detached while the job is open. */
  readonly actors: Counted<ActorState>;
}

export interface TaskState {
  readonly id: string;
  readonly session: SessionState;
  readonly parentTaskId: string | undefined;
  /** The job in whose trace it stands, as far as is known now. */
  readonly jobId: string;
  /** Known not to end with its job. */
  readonly outlivesDriver: boolean;
  /** The closed attempt with the highest number. */
  readonly lastClosed: ClosedAttemptState | undefined;
  find(number: number): OpenAttemptState | ClosedAttemptState | undefined;
  openAttempts(): Iterable<OpenAttemptState>;
}

export interface OpenAttemptState {
  readonly closed: false;
  readonly number: number;
  readonly task: TaskState;
  readonly definition: TaskFacts | undefined;
  /** In the order in which they were received. */
  readonly transitions: readonly StateTransition[];
  readonly placement: PlacementFacts;
  readonly rareFields: { readonly error: TaskError | undefined; readonly untimedEnd: UntimedOutcome | undefined };
}

export interface ClosedAttemptState {
  readonly closed: true;
  readonly number: number;
  readonly outcome: AttemptOutcome;
  /** Never reported, only named as a parent: it counts nowhere. */
  readonly isPlaceholder: boolean;
}

export interface ActorState extends WithStates<ActorTransition> {
  readonly id: string;
  readonly definition: ActorDefinition | undefined;
  /** From the definitions of its tasks. */
  readonly className: string | undefined;
  readonly isDetached: boolean;
  readonly closed: boolean;
  /** Ray reported it itself, not only its tasks. */
  readonly seen: boolean;
}

export interface NodeState extends WithStates<NodeTransition> {
  readonly id: string;
  readonly definition: NodeDefinition | undefined;
  readonly closed: boolean;
  readonly seen: boolean;
}

export interface PlacementGroupState extends WithStates<PlacementGroupTransition> {
  readonly id: string;
  readonly definition: PlacementGroupDefinition | undefined;
}

/** Ray reported the attempt by a state or a definition, not only by profile entries or as a parent. */
export function isReported({ transitions, definition, rareFields }: OpenAttemptState): boolean {
  return definition !== undefined || transitions.length > 0 || rareFields.untimedEnd !== undefined;
}
