/**
 * The texts of single events as Ray's agents write them: field sets, key order (set fields in the order of the proto file, then the
 * defaults of the others) and Python's spacing are those of the recordings.
 */

export interface Place {
  readonly nodeId: string;
  readonly workerId: string;
  readonly workerHex: string;
  readonly pid: number;
}

/** What all events of a stream share. */
export interface Setting {
  readonly session: string;
  /** `2.54`: the executing node on each lifecycle event, no log files. */
  readonly release: '2.60' | '2.54';
  readonly runtimeEnv: string;
  readonly moduleName: string;
  /** A new event id, base64. */
  readonly eventId: () => string;
  readonly timestamp: (ns: number) => string;
}

export interface AttemptIdentity {
  readonly taskId: string;
  readonly jobId: string;
  readonly jobHex: string;
  readonly parentTaskId: string;
  readonly number: number;
  readonly name: string;
  /** Base64; of a call on an actor. */
  readonly actorId: string | undefined;
  readonly className: string;
  readonly place: Place;
}

export type States = readonly (readonly [state: string, ns: number])[];

export const NO_PARENT = '/'.repeat(32);
const NO_GROUP = '/'.repeat(24);

function envelope(of: Setting, type: string, source: string, ns: number, nodeId: string, slot: string, payload: string): string {
  return `{"eventId": "${of.eventId()}", "sourceType": "${source}", "eventType": "${type}", "timestamp": "${of.timestamp(ns)}", "severity": "INFO", "sessionName": "${of.session}", "${slot}": {${payload}}, "nodeId": "${nodeId}", "message": ""}`;
}

function transitions(of: Setting, states: States): string {
  const texts = states.map(([state, ns]) => `{"state": "${state}", "timestamp": "${of.timestamp(ns)}"}`);
  return `"stateTransitions": [${texts.join(', ')}]`;
}

/** An attempt's number stands where the proto has it, or among the defaults when it is 0. */
const ifRetried = (number: number): string => (number > 0 ? `"taskAttempt": ${number}, ` : '');
const ifFirst = (number: number): string => (number > 0 ? '' : `"taskAttempt": 0, `);

export function definition(of: Setting, attempt: AttemptIdentity, ns: number): string {
  const { taskId, jobId, parentTaskId, number, name, className, actorId } = attempt;
  const isActor = actorId !== undefined;
  const detached = of.release === '2.60' ? ', "isDetachedActor": false' : '';
  const func = isActor
    ? `"actorFunc": {"pythonFunctionDescriptor": {"moduleName": "${of.moduleName}", "className": "${className}", "functionName": "${name}", "functionHash": ""}}, "actorTaskName": "${className}.${name}"`
    : `"taskFunc": {"pythonFunctionDescriptor": {"moduleName": "${of.moduleName}", "functionName": "${name}", "functionHash": "f8f04e5dd76e4ff784b82a26d73f75d0", "className": ""}}, "taskName": "${name}", "requiredResources": {"CPU": 0.5}`;
  const owner = `"jobId": "${jobId}", ${isActor ? `"actorId": "${actorId}", ` : ''}"parentTaskId": "${parentTaskId}", "placementGroupId": "${NO_GROUP}", "serializedRuntimeEnv": ${of.runtimeEnv}`;
  const rest = isActor
    ? `${ifFirst(number)}"language": "PYTHON", "requiredResources": {}, "refIds": {}, "labelSelector": {}${detached}`
    : `${ifFirst(number)}"taskType": "NORMAL_TASK", "language": "PYTHON", "refIds": {}, "labelSelector": {}${detached}`;
  return envelope(
    of,
    isActor ? 'ACTOR_TASK_DEFINITION_EVENT' : 'TASK_DEFINITION_EVENT',
    'CORE_WORKER',
    ns,
    attempt.place.nodeId,
    isActor ? 'actorTaskDefinitionEvent' : 'taskDefinitionEvent',
    `"taskId": "${taskId}", ${ifRetried(number)}${func}, ${owner}, ${rest}`,
  );
}

/** States that the owner reports, with where the attempt went once it is submitted, and why it failed. */
export function ownerStates(of: Setting, attempt: AttemptIdentity, states: States, error?: { type: string; message: string }): string {
  const { taskId, jobId, number, place } = attempt;
  const isSubmitted = states.some(([state]) => state === 'SUBMITTED_TO_WORKER');
  const hasNode = isSubmitted || of.release === '2.54';
  const failure =
    error === undefined ? '' : `, "rayErrorInfo": {"errorMessage": ${JSON.stringify(error.message)}, "errorType": "${error.type}"}`;
  const set = `${hasNode ? `"nodeId": "${place.nodeId}", ` : ''}${isSubmitted ? `"workerId": "${place.workerId}", ` : ''}"jobId": "${jobId}"`;
  const unset = `${number > 0 ? '' : ', "taskAttempt": 0'}${hasNode ? '' : ', "nodeId": ""'}${isSubmitted ? '' : ', "workerId": ""'}, "workerPid": 0`;
  return lifecycle(of, attempt, states, `"taskId": "${taskId}", ${ifRetried(number)}${transitions(of, states)}${failure}, ${set}${unset}`);
}

/** States that the executing worker reports. They include the log's end when the attempt ended before the flush. */
export function executorStates(of: Setting, attempt: AttemptIdentity, states: States, log: 'none' | 'start' | 'both'): string {
  const { taskId, jobId, number, place } = attempt;
  const logText = log === 'none' || of.release === '2.54' ? '' : `, "taskLogInfo": {${logInfo(of, attempt, log)}}`;
  const nodeId = of.release === '2.54' ? `"nodeId": "${place.nodeId}", ` : '';
  const unset = `${number > 0 ? '' : ', "taskAttempt": 0'}${nodeId === '' ? ', "nodeId": ""' : ''}, "workerId": ""`;
  return lifecycle(
    of,
    attempt,
    states,
    `"taskId": "${taskId}", ${ifRetried(number)}${transitions(of, states)}, ${nodeId}"workerPid": ${place.pid}, "jobId": "${jobId}"${logText}${unset}`,
  );
}

function logInfo(of: Setting, { place, jobHex }: AttemptIdentity, log: 'start' | 'both'): string {
  const file = `/tmp/ray/${of.session}/logs/worker-${place.workerHex}-${jobHex}-${place.pid}`;
  const ends = log === 'both' ? ['Start', 'End'] : ['Start'];
  const numbers = ['stdout', 'stderr'].flatMap((stream) => ends.map((end) => `"${stream}${end}": "30"`));
  return `"stdoutFile": "${file}.out", "stderrFile": "${file}.err", ${numbers.join(', ')}`;
}

function lifecycle(of: Setting, attempt: AttemptIdentity, states: States, payload: string): string {
  return envelope(of, 'TASK_LIFECYCLE_EVENT', 'CORE_WORKER', states.at(-1)?.[1] ?? 0, attempt.place.nodeId, 'taskLifecycleEvent', payload);
}

export function profile(of: Setting, attempt: AttemptIdentity, startNs: number, endNs: number, startMs: number): string {
  const { taskId, jobId, number, name, className, actorId, place } = attempt;
  const nanoseconds = (ns: number): string => String(BigInt(startMs) * 1_000_000n + BigInt(ns));
  const qualified = actorId === undefined ? name : `${className}.${name}`;
  const hex = Buffer.from(taskId, 'base64').toString('hex');
  const entry = (from: number, to: number, entryName: string, extra = '{}'): string =>
    `{"startTime": "${nanoseconds(from)}", "endTime": "${nanoseconds(to)}", "extraData": ${JSON.stringify(extra)}, "eventName": "${entryName}"}`;
  const executeNs = startNs + Math.floor((endNs - startNs) / 10);
  const storeNs = endNs - Math.floor((endNs - startNs) / 10);
  const entries = [
    entry(startNs, executeNs, 'task:deserialize_arguments'),
    entry(executeNs, storeNs, 'task:execute'),
    entry(storeNs, endNs, 'task:store_outputs'),
    entry(startNs, endNs, `task::${qualified}`, `{"name": "${of.moduleName}.${qualified}", "task_id": "${hex}"}`),
  ];
  const events = `"profileEvents": {"componentType": "worker", "componentId": "${place.workerId}", "nodeIpAddress": "192.0.2.2", "events": [${entries.join(', ')}]}`;
  const payload =
    number > 0
      ? `"taskId": "${taskId}", "attemptNumber": ${number}, "jobId": "${jobId}", ${events}`
      : `"taskId": "${taskId}", "jobId": "${jobId}", ${events}, "attemptNumber": 0`;
  return envelope(of, 'TASK_PROFILE_EVENT', 'CORE_WORKER', startNs, place.nodeId, 'taskProfileEvents', payload);
}

export function nodeStart(of: Setting, nodeId: string, number: number, ns: number): string[] {
  const ip = `192.0.2.${(number % 250) + 2}`;
  const hex = Buffer.from(nodeId, 'base64').toString('hex');
  return [
    envelope(
      of,
      'NODE_DEFINITION_EVENT',
      'GCS',
      ns,
      nodeId,
      'nodeDefinitionEvent',
      `"nodeId": "${nodeId}", "nodeIpAddress": "${ip}", "labels": {"ray.io/node-id": "${hex}"}, "startTimestamp": "${of.timestamp(ns)}", "hostname": "node-${number}", "nodeName": "${ip}", "instanceId": "", "instanceTypeName": ""`,
    ),
    envelope(
      of,
      'NODE_LIFECYCLE_EVENT',
      'GCS',
      ns,
      nodeId,
      'nodeLifecycleEvent',
      `"nodeId": "${nodeId}", "stateTransitions": [{"timestamp": "${of.timestamp(ns)}", "resources": {"node:${ip}": 1.0, "memory": 16745976218.0, "CPU": 4.0, "object_store_memory": 7176846950.0}, "state": "ALIVE", "aliveSubState": "UNSPECIFIED"}]`,
    ),
  ];
}

export function jobStart(of: Setting, jobId: string, driverTaskId: string, headNodeId: string, ns: number): string[] {
  return [
    envelope(
      of,
      'TASK_DEFINITION_EVENT',
      'CORE_WORKER',
      ns,
      headNodeId,
      'taskDefinitionEvent',
      `"taskId": "${driverTaskId}", "taskType": "DRIVER_TASK", "taskFunc": {}, "jobId": "${jobId}", "parentTaskId": "${NO_PARENT}", "placementGroupId": "${NO_GROUP}", "taskAttempt": 0, "language": "PYTHON", "taskName": "", "requiredResources": {}, "refIds": {}, "serializedRuntimeEnv": "", "labelSelector": {}, "isDetachedActor": false`,
    ),
    driverState(of, jobId, driverTaskId, headNodeId, 'RUNNING', ns),
    envelope(
      of,
      'DRIVER_JOB_DEFINITION_EVENT',
      'GCS',
      ns,
      headNodeId,
      'driverJobDefinitionEvent',
      `"jobId": "${jobId}", "driverPid": "26746", "driverNodeId": "${headNodeId}", "entrypoint": "python ${of.moduleName}.py", "config": {"serializedRuntimeEnv": "{}", "metadata": {}}`,
    ),
    jobState(of, jobId, headNodeId, 'CREATED', ns),
  ];
}

export function jobEnd(of: Setting, jobId: string, driverTaskId: string, headNodeId: string, ns: number): string[] {
  return [driverState(of, jobId, driverTaskId, headNodeId, 'FINISHED', ns), jobState(of, jobId, headNodeId, 'FINISHED', ns)];
}

function driverState(of: Setting, jobId: string, driverTaskId: string, headNodeId: string, state: string, ns: number): string {
  const payload = `"taskId": "${driverTaskId}", ${transitions(of, [[state, ns]])}, "jobId": "${jobId}", "taskAttempt": 0, "nodeId": "", "workerId": "", "workerPid": 0`;
  return envelope(of, 'TASK_LIFECYCLE_EVENT', 'CORE_WORKER', ns, headNodeId, 'taskLifecycleEvent', payload);
}

function jobState(of: Setting, jobId: string, headNodeId: string, state: string, ns: number): string {
  const payload = `"jobId": "${jobId}", ${transitions(of, [[state, ns]])}`;
  return envelope(of, 'DRIVER_JOB_LIFECYCLE_EVENT', 'GCS', ns, headNodeId, 'driverJobLifecycleEvent', payload);
}

/** Definition and start of an actor, and its creation task with its own definition and states. */
export function actorStart(of: Setting, creation: AttemptIdentity, ns: number): string[] {
  const { actorId = '', jobId, className, place, taskId, parentTaskId } = creation;
  const unset = `"nodeId": "", "workerId": "", "reprName": "", "pid": 0, "port": 0, "restartReason": "ACTOR_FAILURE"`;
  const transition = (state: string, atNs: number): string => `{"state": "${state}", "timestamp": "${of.timestamp(atNs)}", `;
  const detached = of.release === '2.60' ? ', "isDetachedActor": false' : '';
  return [
    envelope(
      of,
      'ACTOR_DEFINITION_EVENT',
      'GCS',
      ns,
      place.nodeId,
      'actorDefinitionEvent',
      `"actorId": "${actorId}", "jobId": "${jobId}", "rayNamespace": "2f7b7a31-9590-4ed4-b067-cf9e4a836abb", "serializedRuntimeEnv": "{}", "className": "${className}", "isDetached": false, "name": "", "requiredResources": {}, "placementGroupId": "", "labelSelector": {}, "callSite": "", "parentId": "", "refIds": {}`,
    ),
    envelope(
      of,
      'ACTOR_LIFECYCLE_EVENT',
      'GCS',
      ns,
      place.nodeId,
      'actorLifecycleEvent',
      `"actorId": "${actorId}", "stateTransitions": [${transition('DEPENDENCIES_UNREADY', ns)}${unset}}, ${transition('PENDING_CREATION', ns + 8e6)}${unset}}, ${transition('ALIVE', ns + 3e8)}"nodeId": "${place.nodeId}", "workerId": "${place.workerId}", "pid": ${place.pid}, "port": 33549, "reprName": "", "restartReason": "ACTOR_FAILURE"}]`,
    ),
    envelope(
      of,
      'TASK_DEFINITION_EVENT',
      'CORE_WORKER',
      ns,
      place.nodeId,
      'taskDefinitionEvent',
      `"taskId": "${taskId}", "taskType": "ACTOR_CREATION_TASK", "taskFunc": {"pythonFunctionDescriptor": {"moduleName": "${of.moduleName}", "className": "${className}", "functionName": "__init__", "functionHash": "685e64132fe3470c9f6fbf4b91d496f1"}}, "taskName": "${className}.__init__", "jobId": "${jobId}", "parentTaskId": "${parentTaskId}", "placementGroupId": "${NO_GROUP}", "serializedRuntimeEnv": "{}", "taskAttempt": 0, "language": "PYTHON", "requiredResources": {}, "refIds": {}, "labelSelector": {}${detached}`,
    ),
    ownerStates(of, creation, [
      ['PENDING_ARGS_AVAIL', ns],
      ['PENDING_NODE_ASSIGNMENT', ns + 1e6],
    ]),
    executorStates(of, creation, [['RUNNING', ns + 2e8]], 'none'),
    ownerStates(of, creation, [['FINISHED', ns + 3e8]]),
  ];
}

export function actorEnd(of: Setting, actorId: string, place: Place, ns: number): string {
  const payload = `"actorId": "${actorId}", "stateTransitions": [{"state": "DEAD", "timestamp": "${of.timestamp(ns)}", "deathCause": {"actorDiedErrorContext": {"errorMessage": "The actor is dead because its owner has died.", "actorId": "${actorId}", "reason": "OWNER_DIED", "neverStarted": false}}, "nodeId": "", "workerId": "", "reprName": "", "pid": 0, "port": 0, "restartReason": "ACTOR_FAILURE"}]`;
  return envelope(of, 'ACTOR_LIFECYCLE_EVENT', 'GCS', ns, place.nodeId, 'actorLifecycleEvent', payload);
}
