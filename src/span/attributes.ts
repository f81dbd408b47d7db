/** Where an attribute is set. */
export type AttributeOn =
  | 'resource'
  | 'all'
  | 'attempt'
  | 'phase'
  | 'profile'
  | 'job'
  | 'actor'
  | 'incarnation'
  | 'cluster'
  | 'rollup'
  | 'in_flight'
  | 'link'
  | 'event';

export interface AttributeRow {
  readonly type: 'string' | 'int' | 'double' | 'boolean' | 'string[]';
  readonly on: readonly AttributeOn[];
  readonly meaning: string;
}

function row(type: AttributeRow['type'], on: readonly AttributeOn[], meaning: string): AttributeRow {
  return { type, on, meaning };
}

/**
 * Every attribute that the bridge sets; no other file names one. OpenTelemetry semantic conventions
 * apply where one fits. `ray.*` keys of Ray's own tracing keep their spelling
 * (`python/ray/util/tracing/tracing_helper.py`). A key that ends in `.*` is a prefix.
 */
export const ATTRIBUTES = {
  'service.name': row(
    'string',
    ['resource'],
    'Setting `OTEL_SERVICE_NAME`, default `ray`. The job metadata `ray_otel.service_name` overrides it',
  ),
  'host.name': row('string', ['resource'], 'Host of the node (Ray 2.54+)'),
  'host.ip': row('string', ['resource'], 'IP address of the node'),
  'host.id': row('string', ['resource'], 'Cloud instance id of the node'),
  'host.type': row('string', ['resource'], 'Cloud instance type of the node'),
  'ray.session_name': row('string', ['resource'], 'Ray session: one run of a cluster. Ray ids are unique only within it'),
  'ray.node_id': row('string', ['resource'], 'Node that ran the work'),
  'ray.node.label.*': row('string', ['resource'], 'Labels of the node'),
  'ray.job_id': row('string', ['all'], 'Job of the span'),
  'ray.task_id': row('string', ['attempt', 'phase', 'profile', 'in_flight'], 'Task id, 24 bytes'),
  'ray.task.attempt': row('int', ['attempt', 'phase', 'profile', 'in_flight'], 'Attempt number, from 0'),
  'ray.task.type': row('string', ['attempt'], 'Type of the task: `NORMAL_TASK`, `ACTOR_CREATION_TASK` or `ACTOR_TASK`'),
  'ray.task.state': row('string', ['attempt', 'phase'], 'Last state that Ray reported (`TaskStatus`); on a phase, its state'),
  'ray.task.pending_seconds': row(
    'double',
    ['attempt', 'rollup'],
    'Time before RUNNING; on a rollup, the sum. When clocks contradict each other, the time before SUBMITTED_TO_WORKER by the clock of the owner',
  ),
  'ray.task.running_seconds': row(
    'double',
    ['attempt'],
    'Time from RUNNING to the end. When clocks contradict each other, the duration of the profile entry, or absent',
  ),
  'ray.clock_skew_seconds': row(
    'double',
    ['attempt', 'job', 'actor', 'cluster'],
    'Minimum difference between the clocks of the states: their times contradict the order in which they happened',
  ),
  'ray.task.outcome': row(
    'string',
    ['attempt'],
    'Set if the attempt neither finished nor failed. `cancelled`: by `ray.cancel`. `unfinished`: it has no known end, or ended with its driver',
  ),
  'ray.task.end_reason': row(
    'string',
    ['attempt', 'cluster'],
    'Why the work ended. `driver_ended`: the driver of the job ended. `intended_exit`: the process exited as planned (`exit_actor()`, exit code 0)',
  ),
  'ray.parent_task_id': row('string', ['attempt'], 'Task that submitted this one; `ff..` and the job id for the driver'),
  'ray.actor_id': row('string', ['attempt', 'actor', 'incarnation', 'in_flight'], 'Actor id, 16 bytes'),
  'ray.worker_id': row('string', ['attempt', 'incarnation', 'cluster', 'in_flight'], 'Worker process that ran the work'),
  'process.pid': row('int', ['attempt', 'job', 'incarnation', 'cluster', 'in_flight'], 'Process id of the worker or driver'),
  'code.function.name': row('string', ['attempt', 'in_flight'], 'Function with module and class'),
  'ray.function': row('string', ['attempt', 'in_flight'], 'Function as spelled by the tracing of Ray: `module.function` or `Class.method`'),
  'ray.actor_class': row('string', ['attempt', 'actor', 'incarnation', 'in_flight'], 'Class of the actor'),
  'ray.actor_method': row('string', ['attempt', 'in_flight'], 'Method of the actor'),
  'ray.actor.repr': row('string', ['attempt', 'incarnation'], 'Result of `__repr__` of the actor'),
  'ray.language': row('string', ['attempt'], 'Language of the function: `PYTHON`, `JAVA` or `CPP`'),
  'ray.resources.*': row('double', ['attempt', 'actor', 'cluster'], 'Requested resources; on a node, its total resources'),
  'ray.label_selector.*': row('string', ['attempt', 'actor'], 'Required labels of the node'),
  'ray.placement_group_id': row('string', ['attempt', 'actor', 'cluster'], 'Placement group id'),
  'ray.call_site': row('string', ['attempt', 'actor'], 'Stack at the call. Requires `RAY_record_task_actor_creation_sites`'),
  'ray.log.stdout_file': row('string', ['attempt'], 'File of the standard output of the worker'),
  'ray.log.stdout_start': row('int', ['attempt'], 'Offset in this file where the attempt began, in bytes'),
  'ray.log.stdout_end': row('int', ['attempt'], 'Offset in this file where the attempt ended, in bytes'),
  'ray.log.stderr_file': row('string', ['attempt'], 'File of the standard error of the worker'),
  'ray.log.stderr_start': row('int', ['attempt'], 'Offset in this file where the attempt began, in bytes'),
  'ray.log.stderr_end': row('int', ['attempt'], 'Offset in this file where the attempt ended, in bytes'),
  'ray.debugger_paused': row('boolean', ['attempt'], 'A debugger paused the task'),
  'ray.runtime_env.pip': row(
    'string[]',
    ['attempt', 'job', 'actor'],
    'Packages of the runtime environment. Requires `--runtime-env names`',
  ),
  'ray.runtime_env.conda': row('string', ['attempt', 'job', 'actor'], 'Conda environment. Requires `--runtime-env names`'),
  'ray.runtime_env.working_dir': row('string', ['attempt', 'job', 'actor'], 'Working directory. Requires `--runtime-env names`'),
  'ray.internal': row(
    'boolean',
    ['attempt', 'actor', 'job', 'in_flight'],
    'Internal work of Ray: from a module of Ray, or a job that Ray started. Not set where a module of Ray runs a function of the user',
  ),
  'ray.library': row(
    'string',
    ['attempt', 'actor', 'incarnation', 'in_flight'],
    'Library of Ray that the work belongs to: `data`, `serve`, `train` or `tune`',
  ),
  'ray.data.operator': row(
    'string',
    ['attempt', 'actor', 'incarnation', 'in_flight'],
    'Operator of Ray Data, or several that are fused: `ReadRange->MapBatches(f)`',
  ),
  'ray.serve.application': row('string', ['attempt', 'actor', 'incarnation', 'in_flight'], 'Application of Ray Serve'),
  'ray.serve.deployment': row('string', ['attempt', 'actor', 'incarnation', 'in_flight'], 'Deployment of Ray Serve'),
  'ray.serve.replica': row(
    'string',
    ['attempt', 'actor', 'incarnation'],
    'Id of the replica of Ray Serve. Requires actor events (Ray 2.50+)',
  ),
  'ray.tune.trainable': row(
    'string',
    ['attempt', 'actor'],
    'Function that a trial of Ray Tune runs. No release of Ray up to 2.60 sends the id of the trial',
  ),
  'error.type': row('string', ['attempt', 'actor', 'incarnation', 'cluster', 'job'], 'Error type from Ray, or the reason of a death'),
  'exception.type': row('string', ['event'], 'Type of the exception, from the traceback'),
  'exception.message': row('string', ['event'], 'Message of the exception, without terminal colours'),
  'exception.stacktrace': row('string', ['event'], 'Traceback, without terminal colours'),
  'ray.end_inferred': row(
    'string',
    ['all'],
    'Source of an end that Ray did not report: `profile`, `actor_alive`, `actor_died`, `worker_died`, `node_died`, `job_finished`, `last_state` (Ray reported the end without a time) or `silence`',
  ),
  'ray.end_clamped': row('boolean', ['all'], 'The reported end was before the last known state, so it was moved to that state'),
  'ray.states_left_out': row(
    'int',
    ['attempt', 'job', 'actor', 'cluster'],
    'Number of states that are not shown, because there were too many. The first and last ones are kept',
  ),
  'ray.running_unknown': row('boolean', ['attempt'], 'RUNNING was lost: the last phase before the end includes the run'),
  'ray.end_after_terminal': row(
    'boolean',
    ['attempt'],
    'A state came after the terminal one (a restarted actor, or different clocks). The span ends at that state',
  ),
  'ray.definition': row(
    'string',
    ['attempt'],
    'Source of the definition. `missing`: the definition was lost. `other_attempt`: it comes from another attempt',
  ),
  'ray.placeholder': row('boolean', ['attempt'], 'The task was only named as a parent; Ray sent no event of it'),
  'ray.parent_too_deep': row(
    'boolean',
    ['attempt'],
    'The task has 1,000 or more ancestors, so its job is the parent span. A link points to the real parent',
  ),
  'ray.parent_folded': row('boolean', ['attempt'], 'The parent task was rolled up. The parent span is the nearest ancestor with a span'),
  'ray.job.name': row('string', ['job', 'cluster', 'in_flight'], 'Name of the job'),
  'ray.job.submission_id': row('string', ['job', 'cluster', 'in_flight'], 'Id of a job submitted through the Ray Jobs API'),
  'ray.job.entrypoint': row('string', ['job', 'cluster', 'in_flight'], 'Entry point, reduced to program and script'),
  'ray.job.outcome': row('string', ['job'], 'Outcome of the job: `succeeded`, `failed`, `stopped` or `unknown`'),
  'ray.job.outcome_reason': row(
    'string',
    ['job'],
    'Reason of the outcome: `submission`, `driver_failed`, `driver_died`, `tasks_failed`, `tasks_open`, `driver_ended`, `driver_unknown` or `no_end`',
  ),
  'ray.job.outcome_message': row('string', ['job'], 'Outcome and reason as a sentence'),
  'ray.job.exit_code': row('int', ['job'], 'Exit code of the driver, if Ray reports it'),
  'ray.job.tasks.finished': row('int', ['job'], 'Tasks whose last attempt finished'),
  'ray.job.tasks.failed': row('int', ['job'], 'Tasks whose last attempt failed'),
  'ray.job.tasks.cancelled': row('int', ['job'], 'Tasks whose last attempt was cancelled'),
  'ray.job.tasks.unfinished': row('int', ['job'], 'Tasks without a known end, or that ended with their driver'),
  'ray.job.attempts': row('int', ['job'], 'Attempts, including rolled up ones'),
  'ray.job.actors': row('int', ['job'], 'Actors, except detached ones'),
  'ray.job.folded_attempts': row('int', ['job'], 'Rolled up attempts, which have no span'),
  'ray.job.attempts_without_phases': row(
    'int',
    ['job'],
    'Attempts with a compact span to save budget: without phases, states, profile entries and positions in log files',
  ),
  'ray.actor.name': row('string', ['actor', 'in_flight'], 'Name of the actor'),
  'ray.actor.namespace': row('string', ['actor', 'in_flight'], 'Namespace of the actor name'),
  'ray.actor.detached': row('boolean', ['actor'], 'The actor is detached: it outlives its job and has its own trace'),
  'ray.actor.incarnations': row('int', ['actor'], 'Number of process starts'),
  'ray.actor.restarts': row('int', ['actor'], 'Number of restarts; absent for 0'),
  'ray.actor.death_message': row('string', ['actor', 'incarnation'], 'Message from Ray about the death'),
  'ray.actor.incarnation': row('int', ['incarnation'], 'Incarnation number, from 0'),
  'ray.actor.restart_reason': row('string', ['incarnation'], 'Reason of the restart'),
  'ray.node.name': row('string', ['cluster'], 'Name of the node'),
  'ray.worker.type': row('string', ['cluster'], 'Type of the worker: `WORKER`, `DRIVER`, ...'),
  'ray.worker.exit_type': row('string', ['attempt'], '`WorkerExitType` of the process whose exit ended the attempt'),
  'ray.worker.exit_detail': row('string', ['attempt'], 'Message from Ray about that exit, unless the failure message contains it'),
  'ray.worker.memory_used_bytes': row('int', ['cluster'], 'Memory of the worker at its death'),
  'ray.death_message': row('string', ['cluster'], 'Message from Ray about the death of a node or worker'),
  'ray.placement_group.name': row('string', ['cluster'], 'Name of the placement group; no release of Ray up to 2.60 sends it'),
  'ray.placement_group.strategy': row(
    'string',
    ['cluster'],
    'Placement strategy: `PACK`, `SPREAD`, ...; no release of Ray up to 2.60 sends it',
  ),
  'ray.placement_group.bundles': row('int', ['cluster'], 'Number of bundles; no release of Ray up to 2.60 sends it'),
  'ray.submission.message': row('string', ['cluster'], 'Message of the last state of a submission; no release of Ray up to 2.60 sends it'),
  'ray.submission.exit_code': row('int', ['cluster'], 'Exit code of the driver of a submission; no release of Ray up to 2.60 sends it'),
  'ray.event.severity': row('string', ['cluster'], 'Severity of a Kubernetes or autoscaler event'),
  'ray.event.message': row('string', ['cluster'], 'Message of a Kubernetes or autoscaler event'),
  'ray.event.*': row('string', ['cluster'], 'Other fields of a Kubernetes event'),
  'ray.fold.attempts': row('int', ['rollup'], 'Number of rolled up attempts'),
  'ray.fold.finished': row('int', ['rollup'], 'Rolled up attempts, actors, workers and points that finished'),
  'ray.fold.failed': row('int', ['rollup'], 'Rolled up items that failed'),
  'ray.fold.cancelled': row('int', ['rollup'], 'Rolled up items that were cancelled'),
  'ray.fold.unfinished': row('int', ['rollup'], 'Rolled up items without a known end'),
  'ray.fold.duration_sum_seconds': row('double', ['rollup'], 'Sum of the durations'),
  'ray.fold.duration_min_seconds': row('double', ['rollup'], 'Shortest duration'),
  'ray.fold.duration_max_seconds': row('double', ['rollup'], 'Longest duration'),
  'ray.fold.running_sum_seconds': row(
    'double',
    ['rollup'],
    'Sum of the running time, from RUNNING to the end, of rolled up attempts that report it',
  ),
  'ray.fold.running_min_seconds': row(
    'double',
    ['rollup'],
    'Shortest running time, from RUNNING to the end, of rolled up attempts that report it',
  ),
  'ray.fold.running_max_seconds': row(
    'double',
    ['rollup'],
    'Longest running time, from RUNNING to the end, of rolled up attempts that report it',
  ),
  'ray.fold.running_p50_seconds': row(
    'double',
    ['rollup'],
    'Median of the running time, from RUNNING to the end, of rolled up attempts that report it, within 1 %',
  ),
  'ray.fold.running_p95_seconds': row(
    'double',
    ['rollup'],
    '95th percentile of the running time, from RUNNING to the end, of rolled up attempts that report it, within 1 %',
  ),
  'ray.fold.running_p99_seconds': row(
    'double',
    ['rollup'],
    '99th percentile of the running time, from RUNNING to the end, of rolled up attempts that report it, within 1 %',
  ),
  'ray.fold.pending_sum_seconds': row('double', ['rollup'], 'Sum of the time before RUNNING, of rolled up attempts that report it'),
  'ray.fold.pending_min_seconds': row('double', ['rollup'], 'Shortest time before RUNNING, of rolled up attempts that report it'),
  'ray.fold.pending_max_seconds': row('double', ['rollup'], 'Longest time before RUNNING, of rolled up attempts that report it'),
  'ray.fold.pending_p50_seconds': row(
    'double',
    ['rollup'],
    'Median of the time before RUNNING, of rolled up attempts that report it, within 1 %',
  ),
  'ray.fold.pending_p95_seconds': row(
    'double',
    ['rollup'],
    '95th percentile of the time before RUNNING, of rolled up attempts that report it, within 1 %',
  ),
  'ray.fold.pending_p99_seconds': row(
    'double',
    ['rollup'],
    '99th percentile of the time before RUNNING, of rolled up attempts that report it, within 1 %',
  ),
  'ray.in_flight': row('boolean', ['in_flight'], 'In-flight span: exported before its parent span, which was still open'),
  'ray.profile': row('boolean', ['profile'], 'Entry of the Ray profiler'),
  'ray.link': row(
    'string',
    ['link'],
    'Relation of the span to the linked one: `parent_task`, `previous_attempt`, `actor`, `previous_incarnation`, `creation_task`, `job`, `detached_actor` or `caller`',
  ),
} as const satisfies Record<string, AttributeRow>;

/** Suffix of the attribute that marks a cut value: `<key>.truncated` = true. */
export const TRUNCATED_SUFFIX = '.truncated';

type Keys = keyof typeof ATTRIBUTES;
type Prefix<Key> = Key extends `${infer P}.*` ? `${P}.${string}` : never;
/** A key of the table, or one with a prefix of it. */
export type AttributeKey = Exclude<Keys, `${string}.*`> | Prefix<Keys>;
