/**
 * Ray's events as the rest of the bridge sees them: ids as lower-case hex, times as bigint
 * nanoseconds since the epoch, without the defaults that Ray's JSON prints for unset fields.
 *
 * Source of every shape: Ray's `src/ray/protobuf/public/*.proto`, releases 2.49 to 2.60.
 */

/** Nanoseconds since the Unix epoch. */
export type TimeNs = bigint;

/** Fields of every event, whatever its type. */
export interface EventHeader {
  /**
   * `RayEvent.event_id` as sent (base64). It is the same when Ray resends a batch; updates of
   * platform events reuse it.
   */
  readonly eventId: string;
  /** `RayEvent.session_name`. Ray ids are unique only within a session. */
  readonly session: string;
  /** Node of the process that emitted the event (Ray 2.54+), hex. */
  readonly emitterNodeId?: string | undefined;
}

/** A state that an entity entered, with its time. */
export interface StateTransition {
  readonly state: string;
  readonly timeNs: TimeNs;
  /** Receive time, set by the correlator when `timeNs` comes from a wrong clock. */
  readonly receivedNs?: TimeNs | undefined;
}

/**
 * A state without a time: Ray sent none, or one outside the years 2000 to 2199. Protobuf's zero
 * time is 1970, Go's is year 1. A FAILED without a time is still a failure.
 */
export type Untimed<Transition extends StateTransition> = Omit<Transition, 'timeNs'>;

/** The states that a lifecycle event reports. */
export interface Transitions<Transition extends StateTransition> {
  readonly transitions: readonly Transition[];
  /** Absent when every state has its time. */
  readonly untimed?: readonly Untimed<Transition>[] | undefined;
}

/** The parts of a runtime environment that are safe to show: names, never values of variables. */
export interface RuntimeEnvNames {
  readonly pip?: readonly string[];
  readonly conda?: string;
  readonly workingDir?: string;
}

export interface TaskDefinition extends EventHeader {
  readonly type: 'task_definition';
  readonly taskId: string;
  readonly attempt: number;
  readonly taskType: 'NORMAL_TASK' | 'ACTOR_CREATION_TASK' | 'ACTOR_TASK' | 'DRIVER_TASK';
  readonly name: string;
  readonly language: string;
  readonly moduleName?: string | undefined;
  readonly className?: string | undefined;
  readonly functionName?: string | undefined;
  readonly parentTaskId?: string | undefined;
  readonly actorId?: string | undefined;
  readonly placementGroupId?: string | undefined;
  readonly requiredResources: Readonly<Record<string, number>>;
  readonly isDetachedActor?: boolean | undefined;
  /** Required labels of a node. The value contains the operator: `in(a,b)`. */
  readonly labelSelector?: Readonly<Record<string, string>> | undefined;
  /** Multi-line stack at the call. Requires `RAY_record_task_actor_creation_sites`. */
  readonly callSite?: string | undefined;
  readonly runtimeEnv?: RuntimeEnvNames | undefined;
}

export interface TaskError {
  /** `ErrorType` name, for example `TASK_EXECUTION_EXCEPTION`. */
  readonly errorType: string;
  /** Without terminal colours and runtime environments. */
  readonly message: string;
}

/** TASK_LIFECYCLE_EVENT, or TASK_EXECUTION_EVENT of Ray 2.49 and 2.50 in the same shape. */
export interface TaskLifecycle extends EventHeader, Transitions<StateTransition> {
  readonly type: 'task_lifecycle';
  readonly taskId: string;
  readonly attempt: number;
  readonly error?: TaskError | undefined;
  /**
   * Executing node, reported by the owner with SUBMITTED_TO_WORKER. Set only with `workerId`. Ray
   * 2.54 sends the owner's node in its place, which no field distinguishes. The `emitterNodeId` of
   * a RUNNING event (2.54+) is always right.
   */
  readonly nodeId?: string | undefined;
  readonly workerId?: string | undefined;
  /** Reported by the executor with RUNNING; `emitterNodeId` is then the executing node. */
  readonly workerPid?: number | undefined;
  readonly actorReprName?: string | undefined;
  readonly isDebuggerPaused?: boolean | undefined;
  readonly log?: TaskLog | undefined;
}

export interface TaskLog {
  readonly stdoutFile?: string;
  readonly stderrFile?: string;
  /**
   * Byte offsets into the files, which all tasks of a worker share. An end of 0 reads as absent.
   */
  readonly stdoutStart?: number;
  readonly stdoutEnd?: number;
  readonly stderrStart?: number;
  readonly stderrEnd?: number;
}

export interface ProfileEntry {
  readonly name: string;
  readonly startNs: TimeNs;
  readonly endNs: TimeNs;
  /**
   * From `extra_data` of an entry that ended in an exception: the whole task (`task::<name>`), or
   * `task:execute`, which has the original exception.
   */
  readonly exceptionType?: string;
  readonly exceptionMessage?: string;
  readonly exceptionStacktrace?: string;
}

export interface TaskProfile extends EventHeader {
  readonly type: 'task_profile';
  /** Absent for an entry without a task. */
  readonly taskId?: string;
  readonly attempt: number;
  readonly jobId?: string;
  /** `worker` or `driver`. */
  readonly componentType: string;
  readonly workerId?: string;
  readonly nodeIpAddress?: string;
  /** Profile entries except `submit_task`. */
  readonly entries: readonly ProfileEntry[];
  /**
   * From the first to the last `submit_task`: the only known times of some attempts of async
   * actors.
   */
  readonly submitsStartNs?: TimeNs;
  readonly submitsEndNs?: TimeNs;
}

export interface ActorDefinition extends EventHeader {
  readonly type: 'actor_definition';
  readonly actorId: string;
  readonly jobId?: string;
  readonly isDetached: boolean;
  readonly name?: string;
  readonly namespace?: string;
  readonly className?: string;
  readonly requiredResources: Readonly<Record<string, number>>;
  readonly placementGroupId?: string;
  readonly labelSelector?: Readonly<Record<string, string>>;
  readonly callSite?: string;
  readonly runtimeEnv?: RuntimeEnvNames;
}

export interface ActorTransition extends StateTransition {
  readonly nodeId?: string;
  readonly workerId?: string;
  readonly pid?: number;
  readonly reprName?: string;
  readonly restartReason?: string;
  readonly deathCause?: DeathCause;
}

export interface DeathCause {
  /** The context that is set, or its `reason`: `RAY_KILL`, `OWNER_DIED`, `OUT_OF_MEMORY`... */
  readonly reason: string;
  readonly message: string;
}

export interface ActorLifecycle extends EventHeader, Transitions<ActorTransition> {
  readonly type: 'actor_lifecycle';
  readonly actorId: string;
}

export interface JobDefinition extends EventHeader {
  readonly type: 'job_definition';
  readonly jobId: string;
  readonly driverPid?: number;
  readonly driverNodeId?: string;
  /** Entry point, reduced to program and script name. */
  readonly entrypoint?: string;
  readonly jobName?: string;
  readonly submissionId?: string;
  readonly traceparent?: string;
  readonly tracestate?: string;
  /** From the metadata `ray_otel.service_name`. */
  readonly serviceName?: string;
  /** From the metadata `ray_otel.detail`. */
  readonly detail?: 'all' | 'slow' | 'failed';
  readonly runtimeEnv?: RuntimeEnvNames;
}

export interface JobLifecycle extends EventHeader, Transitions<StateTransition> {
  readonly type: 'job_lifecycle';
  readonly jobId: string;
}

export interface NodeDefinition extends EventHeader {
  readonly type: 'node_definition';
  readonly nodeId: string;
  readonly ipAddress?: string;
  readonly hostname?: string;
  readonly nodeName?: string;
  readonly instanceId?: string;
  readonly instanceTypeName?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly startNs?: TimeNs;
}

export interface NodeTransition extends StateTransition {
  /** Total resources, reported with ALIVE. */
  readonly resources?: Readonly<Record<string, number>>;
  readonly isDraining?: boolean;
  readonly deathCause?: DeathCause;
}

export interface NodeLifecycle extends EventHeader, Transitions<NodeTransition> {
  readonly type: 'node_lifecycle';
  readonly nodeId: string;
}

export interface WorkerDefinition extends EventHeader {
  readonly type: 'worker_definition';
  readonly workerId: string;
  readonly nodeId?: string;
  readonly workerType: string;
  readonly pid?: number;
}

export interface WorkerTransition extends StateTransition {
  readonly launchNs?: TimeNs;
  readonly launchedNs?: TimeNs;
  readonly deathCause?: DeathCause;
  readonly memoryUsedBytes?: number;
}

export interface WorkerLifecycle extends EventHeader, Transitions<WorkerTransition> {
  readonly type: 'worker_lifecycle';
  readonly workerId: string;
  readonly jobId?: string;
}

export interface PlacementGroupDefinition extends EventHeader {
  readonly type: 'placement_group_definition';
  readonly placementGroupId: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly strategy: string;
  readonly isDetached: boolean;
  readonly creatorJobId?: string;
  readonly bundleCount: number;
  readonly requestedNs?: TimeNs;
}

export interface PlacementGroupTransition extends StateTransition {
  readonly schedulingState?: string;
}

export interface PlacementGroupLifecycle extends EventHeader, Transitions<PlacementGroupTransition> {
  readonly type: 'placement_group_lifecycle';
  readonly placementGroupId: string;
}

export interface SubmissionJobDefinition extends EventHeader {
  readonly type: 'submission_job_definition';
  readonly submissionId: string;
  /** Entry point, reduced to program and script name. */
  readonly entrypoint?: string;
  readonly jobName?: string;
  readonly runtimeEnv?: RuntimeEnvNames;
}

export interface SubmissionJobTransition extends StateTransition {
  readonly message?: string;
  readonly errorType?: string;
  readonly exitCode?: number;
}

export interface SubmissionJobLifecycle extends EventHeader, Transitions<SubmissionJobTransition> {
  readonly type: 'submission_job_lifecycle';
  readonly submissionId: string;
}

/** A momentary event of the cluster, from Kubernetes (PLATFORM_EVENT) or the autoscaler. */
export interface ClusterPoint extends EventHeader {
  readonly type: 'cluster_point';
  readonly source: 'platform' | 'autoscaler';
  /** Absent when Ray sent no time, or an impossible one. */
  readonly timeNs?: TimeNs;
  readonly severity: string;
  readonly name: string;
  readonly message: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export type RayEvent =
  | TaskDefinition
  | TaskLifecycle
  | TaskProfile
  | ActorDefinition
  | ActorLifecycle
  | JobDefinition
  | JobLifecycle
  | NodeDefinition
  | NodeLifecycle
  | WorkerDefinition
  | WorkerLifecycle
  | PlacementGroupDefinition
  | PlacementGroupLifecycle
  | SubmissionJobDefinition
  | SubmissionJobLifecycle
  | ClusterPoint;
