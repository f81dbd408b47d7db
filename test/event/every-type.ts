import {
  ACTOR_ID,
  base64,
  GROUP_ID,
  JOB_ID,
  NODE_ID,
  type Raw,
  rawDefinition,
  rawEvent,
  rawLifecycle,
  TASK_ID,
  TIME,
  WORKER_ID,
} from '../support/raw-events.ts';

const EPOCH_NS = '1795471297035311483';
const EPOCH_MS = '1795471297035';
const ENV = '{"pip":["torch==2.4"],"env_vars":{"A":"hunter2"}}';
const DEATH = { actorDiedErrorContext: { reason: 'RAY_KILL', errorMessage: 'killed', pid: 3, nodeDeathInfo: { reason: 'UNSPECIFIED' } } };

const entry = (eventName: string, extraData = ''): Raw => ({ startTime: EPOCH_NS, endTime: EPOCH_NS, extraData, eventName });

/**
 * One event of every type of Ray 2.49 to 2.60, in each of its forms, with every field that the
 * bridge reads.
 */
export const everyTypeOfEvent: readonly Raw[] = [
  rawDefinition({
    callSite: 'File "a.py", line 3\n  f.remote()',
    serializedRuntimeEnv: ENV,
    labelSelector: { zone: 'in(a,b)' },
    refIds: { a: NODE_ID },
    placementGroupId: GROUP_ID,
    fallbackStrategy: { options: [] },
  }),
  rawDefinition({
    taskType: 'ACTOR_CREATION_TASK',
    taskName: 'A.__init__',
    isDetachedActor: true,
    runtimeEnvInfo: { serializedRuntimeEnv: ENV },
  }),
  rawLifecycle({
    stateTransitions: [
      { state: 'SUBMITTED_TO_WORKER', timestamp: TIME },
      { state: 'FAILED', timestamp: TIME },
    ],
    nodeId: NODE_ID,
    workerId: WORKER_ID,
    rayErrorInfo: { errorType: 'TASK_EXECUTION_EXCEPTION', errorMessage: 'ValueError: bad', actorDiedError: DEATH },
  }),
  rawLifecycle({
    workerPid: 77,
    actorReprName: 'C(1)',
    isDebuggerPaused: true,
    taskLogInfo: { stdoutFile: 'o', stderrFile: 'e', stdoutStart: '1', stdoutEnd: '2', stderrStart: '3', stderrEnd: '4' },
  }),
  rawEvent('TASK_EXECUTION_EVENT', 'taskExecutionEvent', {
    taskId: TASK_ID,
    taskAttempt: 1,
    taskState: { '5': TIME, '8': TIME, '12': TIME },
    rayErrorInfo: { errorType: 'WORKER_DIED', errorMessage: '' },
    nodeId: NODE_ID,
    workerId: WORKER_ID,
    workerPid: 9,
    jobId: JOB_ID,
  }),
  rawEvent('ACTOR_TASK_DEFINITION_EVENT', 'actorTaskDefinitionEvent', {
    taskId: TASK_ID,
    taskAttempt: 2,
    language: 'PYTHON',
    actorFunc: { pythonFunctionDescriptor: { moduleName: 'm', className: 'A', functionName: 'f', functionHash: '' } },
    actorTaskName: 'A.f',
    requiredResources: { CPU: 0.5 },
    actorId: ACTOR_ID,
    jobId: JOB_ID,
    parentTaskId: TASK_ID,
    placementGroupId: base64(18, 0xff),
    serializedRuntimeEnv: '{}',
    isDetachedActor: false,
  }),
  rawEvent('TASK_PROFILE_EVENT', 'taskProfileEvents', {
    taskId: TASK_ID,
    attemptNumber: 1,
    jobId: JOB_ID,
    profileEvents: {
      componentType: 'worker',
      componentId: WORKER_ID,
      nodeIpAddress: '192.0.2.2',
      events: [
        entry('task::f', '{"name":"f","type":"<class \'ValueError\'>","value":"bad","traceback":"Traceback\\n  x"}'),
        entry('submit_task'),
        entry('task:execute'),
      ],
    },
  }),
  rawEvent('DRIVER_JOB_DEFINITION_EVENT', 'driverJobDefinitionEvent', {
    jobId: JOB_ID,
    driverPid: '12',
    driverNodeId: NODE_ID,
    entrypoint: 'KEY=hunter2 python train.py --key hunter2',
    config: { serializedRuntimeEnv: ENV, metadata: { job_name: 'nightly', job_submission_id: 'raysubmit_1', owner: 'hunter2' } },
  }),
  rawEvent('DRIVER_JOB_LIFECYCLE_EVENT', 'driverJobLifecycleEvent', {
    jobId: JOB_ID,
    stateTransitions: [{ state: 'FINISHED', timestamp: TIME }],
  }),
  rawEvent('NODE_DEFINITION_EVENT', 'nodeDefinitionEvent', {
    nodeId: NODE_ID,
    nodeIpAddress: '192.0.2.2',
    labels: { 'ray.io/node-id': '17' },
    startTimestamp: TIME,
    hostname: 'h',
    nodeName: 'n',
    instanceId: 'i',
    instanceTypeName: 't',
  }),
  rawEvent('NODE_LIFECYCLE_EVENT', 'nodeLifecycleEvent', {
    nodeId: NODE_ID,
    stateTransitions: [
      { state: 'ALIVE', timestamp: TIME, resources: { CPU: 4 }, aliveSubState: 'DRAINING' },
      { state: 'DEAD', timestamp: TIME, resources: {}, deathInfo: { reason: 'UNEXPECTED_TERMINATION', reasonMessage: 'gone' } },
    ],
  }),
  rawEvent('ACTOR_DEFINITION_EVENT', 'actorDefinitionEvent', {
    actorId: ACTOR_ID,
    jobId: JOB_ID,
    isDetached: true,
    name: 'a',
    rayNamespace: 'demo',
    serializedRuntimeEnv: ENV,
    className: 'A',
    requiredResources: { CPU: 1 },
    placementGroupId: GROUP_ID,
    labelSelector: { zone: 'a' },
    callSite: 'File "a.py"',
    parentId: TASK_ID,
    refIds: {},
  }),
  rawEvent('ACTOR_LIFECYCLE_EVENT', 'actorLifecycleEvent', {
    actorId: ACTOR_ID,
    stateTransitions: [
      {
        state: 'ALIVE',
        timestamp: TIME,
        nodeId: NODE_ID,
        workerId: WORKER_ID,
        pid: 12,
        port: 1,
        reprName: 'C()',
        restartReason: 'ACTOR_FAILURE',
      },
      { state: 'RESTARTING', timestamp: TIME, nodeId: '', workerId: '', pid: 0, port: 0, reprName: '', restartReason: 'NODE_PREEMPTION' },
      { state: 'DEAD', timestamp: TIME, deathCause: DEATH },
    ],
  }),
  rawEvent('WORKER_DEFINITION_EVENT', 'workerDefinitionEvent', { workerId: WORKER_ID, nodeId: NODE_ID, workerType: 'WORKER', pid: 12 }),
  rawEvent('WORKER_LIFECYCLE_EVENT', 'workerLifecycleEvent', {
    workerId: WORKER_ID,
    jobId: JOB_ID,
    stateTransitions: [
      {
        state: 'ALIVE',
        timestamp: TIME,
        workerLaunchTimeMs: EPOCH_MS,
        workerLaunchedTimeMs: EPOCH_MS,
        startTimeMs: EPOCH_MS,
        endTimeMs: '0',
      },
      {
        state: 'DEAD',
        timestamp: TIME,
        startTimeMs: EPOCH_MS,
        endTimeMs: EPOCH_MS,
        deathInfo: { exitType: 'USER_ERROR', exitDetail: 'exit', memoryUsedBytes: '5' },
      },
    ],
  }),
  rawEvent('PLACEMENT_GROUP_DEFINITION_EVENT', 'placementGroupDefinitionEvent', {
    placementGroupId: GROUP_ID,
    name: 'g',
    rayNamespace: 'demo',
    strategy: 'SPREAD',
    isDetached: false,
    creatorJobId: JOB_ID,
    creatorActorId: '',
    bundles: [{ bundleIndex: 0, unitResources: { CPU: 1 }, labelSelector: {} }],
    softTargetNodeId: '',
    creationRequestReceivedNs: EPOCH_NS,
  }),
  rawEvent('PLACEMENT_GROUP_LIFECYCLE_EVENT', 'placementGroupLifecycleEvent', {
    placementGroupId: GROUP_ID,
    stateTransitions: [
      {
        state: 'PENDING',
        timestamp: TIME,
        schedulingState: 'QUEUED',
        schedulingAttempt: 1,
        highestRetryDelayMs: 0.5,
        bundlePlacements: [],
      },
      { state: 'REMOVED', timestamp: TIME, schedulingState: 'FINISHED', bundlePlacements: [{ bundleIndex: 0, nodeId: NODE_ID }] },
    ],
  }),
  rawEvent('SUBMISSION_JOB_DEFINITION_EVENT', 'submissionJobDefinitionEvent', {
    submissionId: 'raysubmit_1',
    entrypoint: 'python train.py',
    config: { serializedRuntimeEnv: ENV, metadata: { job_name: 'nightly', owner: 'hunter2' } },
    entrypointResources: { numCpus: 1, numGpus: 0, memory: '0', customResources: {} },
  }),
  rawEvent('SUBMISSION_JOB_LIFECYCLE_EVENT', 'submissionJobLifecycleEvent', {
    submissionId: 'raysubmit_1',
    stateTransitions: [
      {
        state: 'FAILED',
        timestamp: TIME,
        message: 'it failed',
        errorType: 'JOB_ENTRYPOINT_COMMAND_ERROR',
        driverNodeId: NODE_ID,
        driverAgentHttpAddress: 'http://192.0.2.2:8265',
        driverExitCode: -9,
      },
    ],
  }),
  rawEvent(
    'PLATFORM_EVENT',
    'platformEvent',
    {
      source: { platform: 'KUBERNETES', component: 'kubelet', metadata: { namespace: 'ns', ray_cluster_name: 'c', other: 'o' } },
      objectKind: 'Pod',
      objectName: 'worker-1',
      message: 'Back-off',
      reason: 'BackOff',
      customFields: { count: '3' },
    },
    { sourceType: 'CLUSTER_LIFECYCLE', severity: 'WARNING' },
  ),
  rawEvent('A_NEW_AUTOSCALER_EVENT', 'autoscalerEvent', { nodes: 3 }, { sourceType: 'AUTOSCALER', message: 'Adding 3 nodes' }),
  rawEvent('A_NEW_EVENT', 'newEvent', { env: { A: 'hunter2' } }),
];
