/** Where an attribute stands. */
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
  | 'fold'
  | 'mark'
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
 * Every attribute that the bridge sets: the only place that names them. `ray.*` keys that Ray's own tracing has are spelled as there
 * (`python/ray/util/tracing/tracing_helper.py`); OpenTelemetry semantic conventions where one fits. A key that ends in `.*` is a prefix.
 */
export const ATTRIBUTES = {
  'service.name': row(
    'string',
    ['resource'],
    'Setting `OTEL_SERVICE_NAME`, default `ray`; a job may name its own in its metadata as `ray_otel.service_name`',
  ),
  'host.name': row('string', ['resource'], 'Host of the node (Ray 2.54+)'),
  'host.ip': row('string', ['resource'], 'Address of the node'),
  'host.id': row('string', ['resource'], 'Instance id of the node, from a cloud'),
  'host.type': row('string', ['resource'], 'Instance type of the node, from a cloud'),
  'ray.session_name': row('string', ['resource'], "Ray's session: one start of a cluster; Ray's ids are unique only within it"),
  'ray.node_id': row('string', ['resource'], 'Node on which it ran'),
  'ray.node.label.*': row('string', ['resource'], 'Labels of the node'),
  'ray.job_id': row('string', ['all'], 'Job that the id belongs to'),
  'ray.task_id': row('string', ['attempt', 'phase', 'profile', 'mark'], 'Task id, 24 bytes'),
  'ray.task.attempt': row('int', ['attempt', 'phase', 'profile', 'mark'], 'Number of the attempt, from 0'),
  'ray.task.type': row('string', ['attempt'], '`NORMAL_TASK`, `ACTOR_CREATION_TASK` or `ACTOR_TASK`'),
  'ray.task.state': row('string', ['attempt', 'phase'], 'Last state that Ray sent (`TaskStatus`); of a phase, its state'),
  'ray.task.pending_seconds': row(
    'double',
    ['attempt', 'fold'],
    'Time before RUNNING; of a fold, the sum. Where clocks contradict each other, the time before SUBMITTED_TO_WORKER, by the clock of the owner',
  ),
  'ray.task.running_seconds': row(
    'double',
    ['attempt'],
    'Time from RUNNING to the end. Where clocks contradict each other, the length of the profile entry, or absent',
  ),
  'ray.clock_skew_seconds': row(
    'double',
    ['attempt', 'job', 'actor', 'cluster'],
    'The states cannot have happened in the order of their times: the clocks that they were taken from differ by so much at least',
  ),
  'ray.task.outcome': row(
    'string',
    ['attempt'],
    'Of an attempt that neither finished nor failed: `cancelled` by `ray.cancel`, or `unfinished`: no end is known, or it ended with its driver',
  ),
  'ray.task.end_reason': row(
    'string',
    ['attempt', 'cluster'],
    '`driver_ended`: it ended because the driver of its job did; `intended_exit`: its process was to exit (`exit_actor()`, exit code 0)',
  ),
  'ray.parent_task_id': row('string', ['attempt'], 'Task that submitted it; `ff..` and the job id for the driver'),
  'ray.actor_id': row('string', ['attempt', 'actor', 'incarnation', 'mark'], 'Actor id, 16 bytes'),
  'ray.worker_id': row('string', ['attempt', 'incarnation', 'cluster', 'mark'], 'Worker process in which it ran'),
  'process.pid': row('int', ['attempt', 'job', 'incarnation', 'cluster', 'mark'], 'Process id of the worker or driver'),
  'code.function.name': row('string', ['attempt', 'mark'], 'Function with module and class'),
  'ray.function': row('string', ['attempt', 'mark'], "Function as Ray's own tracing spells it: `module.function` or `Class.method`"),
  'ray.actor_class': row('string', ['attempt', 'actor', 'incarnation', 'mark'], 'Class of the actor'),
  'ray.actor_method': row('string', ['attempt', 'mark'], 'Method of the actor'),
  'ray.actor.repr': row('string', ['attempt', 'incarnation'], "The actor's own `__repr__`"),
  'ray.language': row('string', ['attempt'], '`PYTHON`, `JAVA` or `CPP`'),
  'ray.resources.*': row('double', ['attempt', 'actor', 'cluster'], 'Resources that were asked for; of a node, its totals'),
  'ray.label_selector.*': row('string', ['attempt', 'actor'], 'Labels that the node must have'),
  'ray.placement_group_id': row('string', ['attempt', 'actor', 'cluster'], 'Placement group'),
  'ray.call_site': row('string', ['attempt', 'actor'], 'Stack at the call, where `RAY_record_task_actor_creation_sites` is set'),
  'ray.log.stdout_file': row('string', ['attempt'], "File of the worker's standard output"),
  'ray.log.stdout_start': row('int', ['attempt'], 'Byte at which the attempt began in it'),
  'ray.log.stdout_end': row('int', ['attempt'], 'Byte at which it ended'),
  'ray.log.stderr_file': row('string', ['attempt'], "File of the worker's standard error"),
  'ray.log.stderr_start': row('int', ['attempt'], 'Byte at which the attempt began in it'),
  'ray.log.stderr_end': row('int', ['attempt'], 'Byte at which it ended'),
  'ray.debugger_paused': row('boolean', ['attempt'], 'A debugger held it'),
  'ray.runtime_env.pip': row(
    'string[]',
    ['attempt', 'job', 'actor'],
    'Packages of the runtime environment, with `--runtime-env names` only',
  ),
  'ray.runtime_env.conda': row('string', ['attempt', 'job', 'actor'], 'Conda environment, with `--runtime-env names` only'),
  'ray.runtime_env.working_dir': row('string', ['attempt', 'job', 'actor'], 'Working directory, with `--runtime-env names` only'),
  'ray.internal': row(
    'boolean',
    ['attempt', 'actor', 'job', 'mark'],
    "Ray's own: its module is one of Ray's, or it is a job that Ray itself started",
  ),
  'error.type': row('string', ['attempt', 'actor', 'incarnation', 'cluster', 'job'], "Ray's error type, or the reason of a death"),
  'exception.type': row('string', ['event'], 'Type of the exception, from the traceback'),
  'exception.message': row('string', ['event'], 'Message of the exception, terminal colours removed'),
  'exception.stacktrace': row('string', ['event'], 'Traceback, terminal colours removed'),
  'ray.end_inferred': row(
    'string',
    ['all'],
    'Ray did not report the end; it is taken from `profile`, `actor_alive`, `actor_died`, `worker_died`, `node_died`, `job_finished`, `last_state` (Ray reported the end without a time) or `silence`',
  ),
  'ray.end_clamped': row('boolean', ['all'], 'The end that was known lay before the last known state, and was moved to it'),
  'ray.states_left_out': row(
    'int',
    ['attempt', 'job', 'actor', 'cluster'],
    'Too many states: so many between the first and the last ones are counted here and not shown',
  ),
  'ray.running_unknown': row('boolean', ['attempt'], 'RUNNING was lost: the last phase before the end holds the run too'),
  'ray.end_after_terminal': row(
    'boolean',
    ['attempt'],
    'A state came after the terminal one (an actor that was restarted, or clocks that differ); the span ends there',
  ),
  'ray.definition': row('string', ['attempt'], '`missing`: the definition was lost; `other_attempt`: it is that of another attempt'),
  'ray.placeholder': row('boolean', ['attempt'], 'Only named as a parent, never seen itself'),
  'ray.parent_too_deep': row(
    'boolean',
    ['attempt'],
    'It has 1,000 ancestors or more, so it hangs under its job; a link leads to its parent',
  ),
  'ray.parent_folded': row('boolean', ['attempt'], 'Its parent was folded; it hangs under the nearest ancestor that was not'),
  'ray.job.name': row('string', ['job', 'cluster', 'mark'], 'Name of the job'),
  'ray.job.submission_id': row('string', ['job', 'cluster', 'mark'], 'Id of a job that was sent through the job API'),
  'ray.job.entrypoint': row('string', ['job', 'cluster', 'mark'], 'Entry point, reduced to program and script'),
  'ray.job.outcome': row('string', ['job'], '`succeeded`, `failed`, `stopped` or `unknown`'),
  'ray.job.outcome_reason': row(
    'string',
    ['job'],
    'What that follows from: `submission`, `driver_failed`, `driver_died`, `tasks_failed`, `tasks_open`, `driver_ended`, `driver_unknown` or `no_end`',
  ),
  'ray.job.outcome_message': row('string', ['job'], 'The same in a sentence'),
  'ray.job.exit_code': row('int', ['job'], 'Exit code of the driver, where Ray reports it'),
  'ray.job.tasks.finished': row('int', ['job'], 'Tasks whose last attempt finished'),
  'ray.job.tasks.failed': row('int', ['job'], 'Tasks whose last attempt failed'),
  'ray.job.tasks.cancelled': row('int', ['job'], 'Tasks whose last attempt was cancelled'),
  'ray.job.tasks.unfinished': row('int', ['job'], 'Tasks of which no end is known, or that ended with their driver'),
  'ray.job.attempts': row('int', ['job'], 'Attempts, folded ones too'),
  'ray.job.actors': row('int', ['job'], 'Actors, but for detached ones'),
  'ray.job.folded_attempts': row('int', ['job'], 'Attempts that have no span of their own'),
  'ray.job.attempts_without_phases': row(
    'int',
    ['job'],
    'Attempts whose phases are span events and whose profile entries were left out, because the budget had no room',
  ),
  'ray.actor.name': row('string', ['actor', 'mark'], 'Name of the actor'),
  'ray.actor.namespace': row('string', ['actor', 'mark'], 'Namespace of the name'),
  'ray.actor.detached': row('boolean', ['actor'], 'It outlives its job, and has a trace of its own'),
  'ray.actor.incarnations': row('int', ['actor'], 'How often its process was started'),
  'ray.actor.restarts': row('int', ['actor'], 'How often it was restarted; absent for none'),
  'ray.actor.death_message': row('string', ['actor', 'incarnation'], 'What Ray says of its death'),
  'ray.actor.incarnation': row('int', ['incarnation'], 'Number of the incarnation, from 0'),
  'ray.actor.restart_reason': row('string', ['incarnation'], 'Why it was started anew'),
  'ray.node.name': row('string', ['cluster'], 'Name of the node'),
  'ray.worker.type': row('string', ['cluster'], '`WORKER`, `DRIVER`...'),
  'ray.worker.exit_type': row('string', ['attempt'], "How the process whose end was the attempt's ended (`WorkerExitType`)"),
  'ray.worker.exit_detail': row(
    'string',
    ['attempt'],
    'What Ray says of the end of that process, where it is not the message of the failure',
  ),
  'ray.worker.memory_used_bytes': row('int', ['cluster'], 'Memory of the worker at its death'),
  'ray.death_message': row('string', ['cluster'], "What Ray says of a node's or worker's death"),
  'ray.placement_group.name': row('string', ['cluster'], 'Name of the placement group; no release of Ray up to 2.60 sends it'),
  'ray.placement_group.strategy': row('string', ['cluster'], '`PACK`, `SPREAD`...; as the name'),
  'ray.placement_group.bundles': row('int', ['cluster'], 'Number of bundles; as the name'),
  'ray.submission.message': row('string', ['cluster'], 'Message of the last state of a submission; no release of Ray up to 2.60 sends it'),
  'ray.submission.exit_code': row('int', ['cluster'], 'Exit code of the driver of a submission; as the message'),
  'ray.event.severity': row('string', ['cluster'], 'Severity of a Kubernetes or autoscaler event'),
  'ray.event.message': row('string', ['cluster'], 'Message of a Kubernetes or autoscaler event'),
  'ray.event.*': row('string', ['cluster'], 'Further fields of a Kubernetes event'),
  'ray.fold.attempts': row('int', ['fold'], 'Attempts summed up here'),
  'ray.fold.finished': row('int', ['fold'], 'Those of them (and of folded actors, workers and points) that finished'),
  'ray.fold.failed': row('int', ['fold'], 'Those that failed'),
  'ray.fold.cancelled': row('int', ['fold'], 'Those that were cancelled'),
  'ray.fold.unfinished': row('int', ['fold'], 'Those of which no end is known'),
  'ray.fold.duration_sum_seconds': row('double', ['fold'], 'Sum of their durations'),
  'ray.fold.duration_min_seconds': row('double', ['fold'], 'Shortest'),
  'ray.fold.duration_max_seconds': row('double', ['fold'], 'Longest'),
  'ray.in_flight': row('boolean', ['mark'], 'Told early, while the span above it was still to come: it was open then'),
  'ray.profile': row('boolean', ['profile'], "Recorded by Ray's profiler"),
  'ray.link': row(
    'string',
    ['link'],
    '`parent_task`, `previous_attempt`, `actor`, `previous_incarnation`, `creation_task`, `job`, `detached_actor` or `caller`',
  ),
} as const satisfies Record<string, AttributeRow>;

/** Beside each value that was cut stands `<key>.truncated` = true. */
export const TRUNCATED_SUFFIX = '.truncated';

type Keys = keyof typeof ATTRIBUTES;
type Prefix<Key> = Key extends `${infer P}.*` ? `${P}.${string}` : never;
/** A key of the table, or one that begins with a prefix of it. */
export type AttributeKey = Exclude<Keys, `${string}.*`> | Prefix<Keys>;
