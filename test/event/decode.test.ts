import { describe, expect, it } from 'vitest';
import { decodeEvent, isDeduplicable, type RayEvent } from '../../src/event/index.ts';
import { MAX_EVENT_ID_LENGTH, MAX_SESSION_LENGTH } from '../../src/event/header-limits.ts';
import {
  ACTOR_HEX,
  ACTOR_ID,
  base64,
  GROUP_HEX,
  GROUP_ID,
  JOB_ID,
  NODE_HEX,
  NODE_ID,
  type Raw,
  rawDefinition,
  rawEvent,
  rawLifecycle,
  TASK_HEX,
  TASK_ID,
  TIME,
  TIME_NS,
  WORKER_HEX,
  WORKER_ID,
} from '../support/raw-events.ts';

const RUNTIME_ENV = JSON.stringify({ pip: { packages: ['torch==2.4'] }, env_vars: { KEY: 'hunter2' } });
const NAMES = { pip: ['torch==2.4'] };

function decoded(raw: unknown): RayEvent {
  const result = decodeEvent(raw);
  if (!result.ok) throw new Error(`${result.rejection.code}: ${result.rejection.message}`);
  return result.event;
}

function rejection(raw: unknown): string {
  const result = decodeEvent(raw);
  return result.ok ? 'ok' : `${result.rejection.code}: ${result.rejection.message}`;
}

function rawExecution(taskState: Raw): Raw {
  return rawEvent('TASK_EXECUTION_EVENT', 'taskExecutionEvent', { taskId: TASK_ID, taskState });
}

function rawProfile(events: unknown[], payload: Raw = {}): Raw {
  return rawEvent('TASK_PROFILE_EVENT', 'taskProfileEvents', {
    taskId: TASK_ID,
    attemptNumber: 1,
    jobId: JOB_ID,
    profileEvents: { componentType: 'worker', componentId: WORKER_ID, nodeIpAddress: '192.0.2.2', events },
    ...payload,
  });
}

function rawJob(payload: Raw): Raw {
  return rawEvent('DRIVER_JOB_DEFINITION_EVENT', 'driverJobDefinitionEvent', { jobId: JOB_ID, ...payload });
}

describe('decoding the envelope', () => {
  it.each([[null], [3], ['x'], [[]], [undefined]])('the decoder rejects the non-event %j', (raw) => {
    expect(rejection(raw)).toMatch(/^event_not_object/);
  });

  it('an event without a type, of an unknown type, or without its payload is rejected', () => {
    expect(rejection({ ...rawLifecycle(), eventType: undefined })).toMatch(/^event_type_missing/);
    expect(rejection({ ...rawLifecycle(), eventType: {} })).toMatch(/^event_type_missing/);
    expect(rejection({ ...rawLifecycle(), taskLifecycleEvent: null })).toMatch(/^event_payload_missing/);
    expect(rejection({ ...rawLifecycle(), taskLifecycleEvent: [] })).toBe(
      'event_field_invalid: In taskLifecycleEvent: taskLifecycleEvent is not an object.',
    );
  });

  it.each(['A_NEW_EVENT', 99, -1, 1.5])('the event type %j is rejected as unknown', (eventType) => {
    const result = decodeEvent({ ...rawLifecycle(), eventType });
    expect(result).toMatchObject({ ok: false, rejection: { code: 'event_type_unknown', eventType: String(eventType) } });
  });

  it.each(['constructor', '__proto__', 'toString', 'hunter2', 'password=hunter2', 'AKIAIOSFODNN7EXAMPLE', 'A B', ''])(
    'a rejection does not repeat %j, which is not a type name',
    (eventType) => {
      expect(decodeEvent({ ...rawLifecycle(), eventType })).toStrictEqual({
        ok: false,
        rejection: { code: 'event_type_unknown', message: 'The event type OTHER is not known.', eventType: 'OTHER' },
      });
    },
  );

  it('the name of an unknown type is cut and cleaned', () => {
    const result = decodeEvent({ ...rawLifecycle(), eventType: `\u001b[31m${'X'.repeat(500)}` });
    expect(result).toMatchObject({ rejection: { eventType: 'X'.repeat(80) } });
  });

  it.each([
    ['', 'empty'],
    ['a\nb', 'a newline'],
    ['a\u007fb', 'DEL'],
    ['a\u0085b', 'a C1 control'],
    ['\ud800', 'a lone surrogate'],
    ['x'.repeat(MAX_SESSION_LENGTH + 1), 'too long'],
    [7, 'a number'],
    [undefined, 'missing'],
  ])('the session name %j is rejected: %s', (sessionName, _why) => {
    expect(rejection({ ...rawLifecycle(), sessionName })).toMatch(/^event_session_invalid/);
  });

  it('the longest session name and event id are accepted, and longer ids rejected', () => {
    expect(decoded({ ...rawLifecycle(), sessionName: 'x'.repeat(MAX_SESSION_LENGTH) }).session).toHaveLength(MAX_SESSION_LENGTH);
    expect(decoded({ ...rawLifecycle(), eventId: 'x'.repeat(MAX_EVENT_ID_LENGTH) }).eventId).toHaveLength(MAX_EVENT_ID_LENGTH);
    expect(rejection({ ...rawLifecycle(), eventId: 'x'.repeat(MAX_EVENT_ID_LENGTH + 1) })).toContain('eventId');
    expect(rejection({ ...rawLifecycle(), eventId: '' })).toContain('eventId');
  });

  it('the emitter of Ray 2.54 and later is kept, and an event without an emitter is valid', () => {
    expect(decoded(rawLifecycle())).toHaveProperty('emitterNodeId', NODE_HEX);
    expect(decoded({ ...rawLifecycle(), nodeId: undefined }).emitterNodeId).toBeUndefined();
    expect(rejection({ ...rawLifecycle(), nodeId: 'AQAAAA==' })).toBe(
      'event_field_invalid: In taskLifecycleEvent: nodeId is not base64 of 28 bytes.',
    );
  });

  it('a type may be a number, and the payload distinguishes the two types of number 2', () => {
    expect(decoded({ ...rawDefinition(), eventType: 1 }).type).toBe('task_definition');
    expect(decoded({ ...rawLifecycle(), eventType: 2 })).toHaveProperty('transitions', [{ state: 'RUNNING', timeNs: TIME_NS }]);
    const execution = rawEvent(2, 'taskExecutionEvent', { taskId: TASK_ID, taskAttempt: 1, taskState: { '8': TIME } });
    expect(decoded(execution)).toHaveProperty('transitions', [{ state: 'RUNNING', timeNs: TIME_NS }]);
  });

  it('unknown fields are ignored', () => {
    const raw = rawLifecycle({ tomorrow: { deep: [1] } }, { alsoNew: true });
    expect(decoded(raw)).toStrictEqual(decoded(rawLifecycle()));
  });
});

describe('decoding task definitions', () => {
  it('a task definition contains the fields that are set and no others', () => {
    expect(decoded(rawDefinition({ labelSelector: { zone: 'in(a,b)' }, serializedRuntimeEnv: RUNTIME_ENV }))).toStrictEqual({
      eventId: '0zBOVCM1lMlRjttQQygPI2YrMoY4ZxhscMNbyQ==',
      session: 'session_2026-11-23_22-01-08_734793_558',
      emitterNodeId: NODE_HEX,
      type: 'task_definition',
      taskId: TASK_HEX,
      attempt: 0,
      taskType: 'NORMAL_TASK',
      name: 'flaky',
      language: 'PYTHON',
      requiredResources: { CPU: 1 },
      isDetachedActor: false,
      labelSelector: { zone: 'in(a,b)' },
      runtimeEnv: NAMES,
      moduleName: 'w_basic',
      className: undefined,
      functionName: 'flaky',
      parentTaskId: undefined,
      actorId: undefined,
      placementGroupId: undefined,
      callSite: undefined,
    });
  });

  it('the driver is a valid parent, because its id is not all ones', () => {
    const driver = Buffer.concat([Buffer.alloc(20, 0xff), Buffer.from([1, 0, 0, 0])]);
    const event = decoded(rawDefinition({ parentTaskId: driver.toString('base64') }));
    expect(event).toHaveProperty('parentTaskId', driver.toString('hex'));
  });

  it('the actor of a creation task comes from its task id', () => {
    const taskId = Buffer.concat([Buffer.alloc(8, 0xff), Buffer.from(ACTOR_ID, 'base64')]).toString('base64');
    expect(decoded(rawDefinition({ taskId, taskType: 'ACTOR_CREATION_TASK' }))).toMatchObject({ actorId: ACTOR_HEX });
  });

  it.each([
    ['javaFunctionDescriptor', { className: 'C', functionName: 'f', signature: 's' }, { className: 'C', functionName: 'f' }],
    ['cppFunctionDescriptor', { className: 'C', functionName: 'f', caller: 'x' }, { className: 'C', functionName: 'f' }],
  ])('a task definition reads a %s', (slot, descriptor, expected) => {
    expect(decoded(rawDefinition({ taskFunc: { [slot]: descriptor }, language: 'JAVA' }))).toMatchObject(expected);
  });

  it('enum numbers become names, and an unknown task type becomes NORMAL_TASK', () => {
    expect(decoded(rawDefinition({ taskType: 3, language: 2 }))).toMatchObject({ taskType: 'DRIVER_TASK', language: 'CPP' });
    expect(decoded(rawDefinition({ taskType: 'NEW_TASK', language: 9 }))).toMatchObject({ taskType: 'NORMAL_TASK', language: 'UNKNOWN_9' });
  });

  it('the runtime environment of Ray 2.49 and 2.50 is read from its own field', () => {
    const raw = rawDefinition({ serializedRuntimeEnv: '', runtimeEnvInfo: { serializedRuntimeEnv: RUNTIME_ENV } });
    expect(decoded(raw)).toHaveProperty('runtimeEnv', NAMES);
  });

  it('the definition of an actor call has the shape of a task definition', () => {
    const raw = rawEvent('ACTOR_TASK_DEFINITION_EVENT', 'actorTaskDefinitionEvent', {
      taskId: TASK_ID,
      taskAttempt: 2,
      language: 'PYTHON',
      actorFunc: { pythonFunctionDescriptor: { moduleName: 'm', className: 'Counter', functionName: 'add' } },
      actorTaskName: 'Counter.add',
      requiredResources: {},
      actorId: ACTOR_ID,
      parentTaskId: '',
      placementGroupId: GROUP_ID,
    });
    expect(decoded(raw)).toMatchObject({
      type: 'task_definition',
      taskType: 'ACTOR_TASK',
      attempt: 2,
      name: 'Counter.add',
      className: 'Counter',
      actorId: ACTOR_HEX,
      placementGroupId: GROUP_HEX,
    });
  });

  it.each([
    [{ taskId: '' }, 'taskId is missing'],
    [{ taskId: base64(24, 0xff) }, 'taskId is missing'],
    [{ taskId: 5 }, 'taskId is not base64 of 24 bytes'],
    [{ taskAttempt: -1 }, 'taskAttempt is not'],
    [{ taskAttempt: 1.5 }, 'taskAttempt is not'],
    [{ taskAttempt: 2 ** 31 }, 'taskAttempt is not'],
    [{ parentTaskId: 'AQAAAA==' }, 'parentTaskId is not base64 of 24 bytes'],
    [{ taskName: 5 }, 'taskName is not a string'],
    [{ requiredResources: { CPU: 'many' } }, 'requiredResources has a value'],
    [{ requiredResources: [] }, 'requiredResources is not an object'],
  ])('the payload %j is rejected with the name of the field', (payload, message) => {
    expect(rejection(rawDefinition(payload))).toContain(`event_field_invalid: In taskDefinitionEvent: ${message}`);
  });
});

describe('decoding task lifecycles', () => {
  it('NIL is dropped, unknown states are kept, and states without a time are separate', () => {
    const stateTransitions = [
      { state: 'NIL', timestamp: TIME },
      { state: 'RUNNING' },
      { state: 12, timestamp: TIME },
      { state: 77, timestamp: TIME },
      { state: 'DREAMING', timestamp: TIME },
    ];
    const kept = ['FAILED', 'UNKNOWN_77', 'DREAMING'].map((state) => ({ state, timeNs: TIME_NS }));
    expect(decoded(rawLifecycle({ stateTransitions }))).toMatchObject({ transitions: kept, untimed: [{ state: 'RUNNING' }] });
  });

  it.each([
    ['1970-01-01T00:00:00Z'],
    ['0001-01-01T00:00:00Z'],
    ['1999-12-31T23:59:59.999999999Z'],
    ['2200-01-01T00:00:00Z'],
    ['2026-02-30T00:00:00Z'],
    ['yesterday'],
    [''],
    [0],
    [1795471297],
    [{ seconds: '0' }],
    [true],
  ])('the impossible time %j counts as absent, and the rest of the event is kept', (timestamp) => {
    const stateTransitions = [
      { state: 'RUNNING', timestamp: TIME },
      { state: 'FAILED', timestamp },
    ];
    const rayErrorInfo = { errorType: 'WORKER_DIED', errorMessage: 'm' };
    expect(decodeEvent(rawLifecycle({ stateTransitions, rayErrorInfo }))).toMatchObject({
      ok: true,
      event: {
        transitions: [{ state: 'RUNNING', timeNs: TIME_NS }],
        untimed: [{ state: 'FAILED' }],
        error: { errorType: 'WORKER_DIED', message: 'm' },
      },
      ignoredTimes: 1,
    });
  });

  it('an absent time is not counted as impossible', () => {
    for (const timestamp of [null, undefined]) {
      expect(decodeEvent(rawLifecycle({ stateTransitions: [{ state: 'FAILED', timestamp }] }))).not.toHaveProperty('ignoredTimes');
    }
  });

  it('a state list of another type is rejected', () => {
    expect(rejection(rawLifecycle({ stateTransitions: [7] }))).toContain('stateTransitions[0].element is not an object');
    expect(rejection(rawLifecycle({ stateTransitions: Array.from({ length: 10_001 }, () => ({})) }))).toContain('more than 10000');
    expect(decodeEvent(rawLifecycle({ stateTransitions: Array.from({ length: 10_000 }, () => ({ state: 'NIL' })) }))).toHaveProperty(
      'ok',
      true,
    );
  });

  it('the executing node is set only together with the worker', () => {
    expect(decoded(rawLifecycle({ nodeId: NODE_ID, workerId: WORKER_ID }))).toMatchObject({ nodeId: NODE_HEX, workerId: WORKER_HEX });
    expect(decoded(rawLifecycle({ nodeId: NODE_ID, workerPid: 5 }))).toHaveProperty('nodeId', undefined);
  });

  it('a pid of 0 is absent, and the other fields are read', () => {
    expect(decoded(rawLifecycle())).toHaveProperty('workerPid', undefined);
    const event = decoded(rawLifecycle({ workerPid: 77, actorReprName: 'C(1)', isDebuggerPaused: false }));
    expect(event).toMatchObject({ workerPid: 77, actorReprName: 'C(1)', isDebuggerPaused: false });
  });

  it('the position in the log is read, without the unset members that Ray 2.54 prints', () => {
    const started = { stdoutFile: 'o', stderrFile: 'e', stdoutStart: '0', stderrStart: '10' };
    expect(decoded(rawLifecycle({ taskLogInfo: started }))).toHaveProperty('log', { ...started, stdoutStart: 0, stderrStart: 10 });
    const ended = { stdoutFile: '', stderrFile: '', stdoutStart: '0', stdoutEnd: '7', stderrStart: '0', stderrEnd: '0' };
    expect(decoded(rawLifecycle({ taskLogInfo: ended }))).toHaveProperty('log', { stdoutEnd: 7 });
    expect(decoded(rawLifecycle({ taskLogInfo: {} }))).toHaveProperty('log', undefined);
  });

  it.each([
    [
      { errorType: 'TASK_CANCELLED', errorMessage: '' },
      { errorType: 'TASK_CANCELLED', message: '' },
    ],
    [
      { errorType: 33, errorMessage: 'm' },
      { errorType: 'WORKER_STARTUP_FAILED', message: 'm' },
    ],
    [{ errorMessage: '\u001b[36mray::f()\u001b[39m failed' }, { errorType: 'WORKER_DIED', message: 'ray::f() failed' }],
    [
      {
        errorType: 'ACTOR_DIED',
        actorDiedError: { creationTaskFailureContext: { serializedException: 'AAAA', formattedExceptionString: 'boom' } },
      },
      { errorType: 'ACTOR_DIED', message: 'boom' },
    ],
    [
      { errorType: 'ACTOR_DIED', actorDiedError: { actorDiedErrorContext: { reason: 'RAY_KILL', errorMessage: 'killed' } } },
      { errorType: 'ACTOR_DIED', message: 'killed' },
    ],
    [
      { errorType: 'RUNTIME_ENV_SETUP_FAILED', runtimeEnvSetupFailedError: { errorMessage: 'no such package' } },
      { errorType: 'RUNTIME_ENV_SETUP_FAILED', message: 'no such package' },
    ],
    [
      { errorType: 'ACTOR_UNAVAILABLE', actorUnavailableError: { actorId: ACTOR_ID } },
      { errorType: 'ACTOR_UNAVAILABLE', message: '' },
    ],
  ])('a task lifecycle reads the error %j', (rayErrorInfo, error) => {
    expect(decoded(rawLifecycle({ rayErrorInfo }))).toHaveProperty('error', error);
  });

  it('the state map of Ray 2.49 is read', () => {
    expect(decoded(rawExecution({ '0': TIME, '5': TIME, FAILED: TIME }))).toMatchObject({
      type: 'task_lifecycle',
      transitions: [
        { state: 'SUBMITTED_TO_WORKER', timeNs: TIME_NS },
        { state: 'FAILED', timeNs: TIME_NS },
      ],
    });
    const untimed = [{ state: 'SUBMITTED_TO_WORKER' }, { state: 'RUNNING' }];
    expect(decoded(rawExecution({ '0': null, '5': '1970-01-01T00:00:00Z', '8': null, '11': TIME }))).toMatchObject({
      transitions: [{ state: 'FINISHED', timeNs: TIME_NS }],
      untimed,
    });
    expect(rejection(rawExecution({ constructor: TIME }))).toContain('taskState.key is not the number of a state');
    expect(rejection(rawExecution(Object.fromEntries(Array.from({ length: 65 }, (_, n) => [n, TIME]))))).toContain('more than 64 states');
    expect(rejection(rawExecution(Object.fromEntries(Array.from({ length: 64 }, (_, n) => [`x${n}`, TIME]))))).toContain('taskState.key');
  });
});

describe('decoding task profiles', () => {
  const entry = { startTime: '1795471297035311483', endTime: '1795471297035311999', extraData: '', eventName: 'task:execute' };

  it('all profile entries except submissions are kept', () => {
    expect(decoded(rawProfile([entry, { ...entry, eventName: 'submit_task' }]))).toMatchObject({
      type: 'task_profile',
      taskId: TASK_HEX,
      attempt: 1,
      jobId: '01000000',
      componentType: 'worker',
      workerId: WORKER_HEX,
      nodeIpAddress: '192.0.2.2',
      entries: [{ name: 'task:execute', startNs: TIME_NS, endNs: TIME_NS + 516n }],
    });
    expect(decoded(rawProfile([{ ...entry, eventName: 'submit_task' }]))).toHaveProperty('entries', []);
    expect(decoded(rawProfile([], { profileEvents: undefined }))).toHaveProperty('entries', []);
  });

  it('a profile whose task id is all ones belongs to no task', () => {
    expect(decoded(rawProfile([entry], { taskId: base64(24, 0xff) }))).not.toHaveProperty('taskId');
  });

  it('the exception of a failed entry is read, and invalid extra data is ignored', () => {
    const extraData = JSON.stringify({ type: "<class 'ValueError'>", value: '\u001b[1mbad', traceback: 'Traceback\n  x', name: 'f' });
    expect(decoded(rawProfile([{ ...entry, extraData }]))).toMatchObject({
      entries: [{ exceptionType: 'ValueError', exceptionMessage: 'bad', exceptionStacktrace: 'Traceback\n  x' }],
    });
    for (const odd of ['{"traceback"', '["traceback"]', '{"traceback":5}', `{"traceback":${'['.repeat(100_000)}`]) {
      expect(decoded(rawProfile([{ ...entry, extraData: odd }]))).toHaveProperty('entries', [
        { name: 'task:execute', startNs: TIME_NS, endNs: TIME_NS + 516n },
      ]);
    }
  });

  it.each([['99'], ['99999999999999999999'], ['-5'], ['1e18'], [1.7954e18], [true], ['0'], ['']])(
    'an entry whose time is %j is dropped, and the others are kept',
    (startTime) => {
      expect(decoded(rawProfile([{ ...entry, startTime }, entry]))).toHaveProperty('entries', [
        { name: 'task:execute', startNs: TIME_NS, endNs: TIME_NS + 516n },
      ]);
    },
  );

  it('the end of a whole task, or either time of a submission, is kept when the other time is impossible', () => {
    const whole = { ...entry, eventName: 'task::f', startTime: '0' };
    const submit = { ...entry, eventName: 'submit_task', endTime: '99' };
    const decodedProfile = decodeEvent(rawProfile([whole, { ...whole, startTime: TIME, endTime: '0' }, submit]));
    expect(decodedProfile).toMatchObject({
      ok: true,
      event: {
        entries: [{ name: 'task::f', startNs: TIME_NS + 516n, endNs: TIME_NS + 516n }],
        submitsStartNs: TIME_NS,
        submitsEndNs: TIME_NS,
      },
      ignoredTimes: 2,
    });
  });
});

describe('decoding actors', () => {
  it('an actor definition is read', () => {
    const raw = rawEvent('ACTOR_DEFINITION_EVENT', 'actorDefinitionEvent', {
      actorId: ACTOR_ID,
      jobId: JOB_ID,
      isDetached: true,
      name: '',
      rayNamespace: 'demo',
      serializedRuntimeEnv: RUNTIME_ENV,
      className: 'Counter',
      requiredResources: { CPU: 0.5, GPU: 'NaN' },
      placementGroupId: '',
      labelSelector: {},
    });
    expect(decoded(raw)).toStrictEqual({
      eventId: '0zBOVCM1lMlRjttQQygPI2YrMoY4ZxhscMNbyQ==',
      session: 'session_2026-11-23_22-01-08_734793_558',
      emitterNodeId: NODE_HEX,
      type: 'actor_definition',
      actorId: ACTOR_HEX,
      isDetached: true,
      requiredResources: { CPU: 0.5 },
      jobId: '01000000',
      namespace: 'demo',
      className: 'Counter',
      runtimeEnv: NAMES,
    });
  });

  it('an actor lifecycle is read, with the restart reason of RESTARTING only', () => {
    const common = { timestamp: TIME, nodeId: '', workerId: '', reprName: '', pid: 0, port: 0, restartReason: 'ACTOR_FAILURE' };
    const deathCause = { actorDiedErrorContext: { reason: 'OUT_OF_SCOPE', errorMessage: 'no references' } };
    const raw = rawEvent('ACTOR_LIFECYCLE_EVENT', 'actorLifecycleEvent', {
      actorId: ACTOR_ID,
      stateTransitions: [
        { ...common, state: 'ALIVE', nodeId: NODE_ID, workerId: WORKER_ID, pid: 12, reprName: 'C()' },
        { ...common, state: 'RESTARTING', restartReason: 'NODE_PREEMPTION' },
        { ...common, state: 'DEAD', deathCause },
      ],
    });
    expect(decoded(raw)).toMatchObject({
      type: 'actor_lifecycle',
      actorId: ACTOR_HEX,
      transitions: [
        { state: 'ALIVE', timeNs: TIME_NS, nodeId: NODE_HEX, workerId: WORKER_HEX, pid: 12, reprName: 'C()' },
        { state: 'RESTARTING', timeNs: TIME_NS, restartReason: 'NODE_PREEMPTION' },
        { state: 'DEAD', timeNs: TIME_NS, deathCause: { reason: 'OUT_OF_SCOPE', message: 'no references' } },
      ],
    });
    expect(decoded(raw)).not.toHaveProperty('transitions.0.restartReason');
  });

  it.each([
    ['creationTaskFailureContext', { formattedExceptionString: 'm' }, 'CREATION_TASK_FAILED'],
    ['runtimeEnvFailedContext', { errorMessage: 'm' }, 'RUNTIME_ENV_FAILED'],
    ['actorUnschedulableContext', { errorMessage: 'm' }, 'UNSCHEDULABLE'],
    ['oomContext', { errorMessage: 'm', failImmediately: true }, 'OUT_OF_MEMORY'],
    ['actorDiedErrorContext', { errorMessage: 'm', reason: 4 }, 'RAY_KILL'],
  ])('the death of an actor is read from %s', (context, body, reason) => {
    const stateTransitions = [{ state: 'DEAD', timestamp: TIME, deathCause: { [context]: body } }];
    const raw = rawEvent('ACTOR_LIFECYCLE_EVENT', 'actorLifecycleEvent', { actorId: ACTOR_ID, stateTransitions });
    expect(decoded(raw)).toHaveProperty('transitions', [{ state: 'DEAD', timeNs: TIME_NS, deathCause: { reason, message: 'm' } }]);
  });
});

describe('decoding jobs', () => {
  it('a job definition is read with its known metadata only', () => {
    const metadata = {
      job_name: 'nightly',
      job_submission_id: 'raysubmit_1',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'a=b',
      'ray_otel.service_name': 'trainer',
      'ray_otel.detail': 'slow',
      owner: 'hunter2',
    };
    const raw = rawJob({
      driverPid: '4711',
      driverNodeId: NODE_ID,
      entrypoint: '/usr/bin/python drv.py --key hunter2',
      config: { serializedRuntimeEnv: RUNTIME_ENV, metadata },
    });
    expect(decoded(raw)).toStrictEqual({
      eventId: '0zBOVCM1lMlRjttQQygPI2YrMoY4ZxhscMNbyQ==',
      session: 'session_2026-11-23_22-01-08_734793_558',
      emitterNodeId: NODE_HEX,
      type: 'job_definition',
      jobId: '01000000',
      driverPid: 4711,
      driverNodeId: NODE_HEX,
      entrypoint: 'python drv.py',
      runtimeEnv: NAMES,
      jobName: 'nightly',
      submissionId: 'raysubmit_1',
      traceparent: metadata.traceparent,
      tracestate: 'a=b',
      serviceName: 'trainer',
      detail: 'slow',
    });
  });

  it('an unknown detail and an oversized trace context are dropped', () => {
    const metadata = { 'ray_otel.detail': 'everything', traceparent: '0'.repeat(513), tracestate: 'x'.repeat(513) };
    const event = decoded(rawJob({ driverPid: '0', config: { metadata } }));
    expect(Object.keys(event).toSorted()).toStrictEqual(['emitterNodeId', 'eventId', 'jobId', 'session', 'type']);
  });

  it('an invalid pid is rejected', () => {
    expect(rejection(rawJob({ driverPid: '-4' }))).toContain('driverPid is not');
    expect(rejection(rawJob({ driverPid: '9007199254740993' }))).toContain('driverPid is not');
    expect(rejection(rawJob({ entrypoint: 5 }))).toContain('entrypoint is not a string');
  });

  it('a job lifecycle is read without unset states', () => {
    const stateTransitions = [
      { state: 'UNSPECIFIED', timestamp: TIME },
      { state: 'CREATED', timestamp: TIME },
      { state: 2, timestamp: TIME },
    ];
    const raw = rawEvent('DRIVER_JOB_LIFECYCLE_EVENT', 'driverJobLifecycleEvent', { jobId: JOB_ID, stateTransitions });
    expect(decoded(raw)).toMatchObject({
      type: 'job_lifecycle',
      jobId: '01000000',
      transitions: [{ state: 'CREATED' }, { state: 'FINISHED' }],
    });
  });

  it('submission jobs are read', () => {
    const definition = rawEvent('SUBMISSION_JOB_DEFINITION_EVENT', 'submissionJobDefinitionEvent', {
      submissionId: 'raysubmit_1',
      entrypoint: 'TOKEN=hunter2 python /app/train.py',
      config: { serializedRuntimeEnv: RUNTIME_ENV, metadata: { job_name: 'n', x: 'hunter2' } },
    });
    expect(decoded(definition)).toMatchObject({
      type: 'submission_job_definition',
      submissionId: 'raysubmit_1',
      entrypoint: 'python train.py',
      jobName: 'n',
      runtimeEnv: NAMES,
    });
    const stateTransitions = [
      { state: 'FAILED', timestamp: TIME, message: 'm', errorType: 'JOB_ENTRYPOINT_COMMAND_ERROR', driverExitCode: -9 },
    ];
    const slot = 'submissionJobLifecycleEvent';
    expect(decoded(rawEvent('SUBMISSION_JOB_LIFECYCLE_EVENT', slot, { submissionId: 'r', stateTransitions }))).toMatchObject({
      type: 'submission_job_lifecycle',
      transitions: [{ state: 'FAILED', message: 'm', errorType: 'JOB_ENTRYPOINT_COMMAND_ERROR', exitCode: -9 }],
    });
    expect(rejection(rawEvent('SUBMISSION_JOB_LIFECYCLE_EVENT', slot, { submissionId: '' }))).toContain('submissionId is missing');
    expect(rejection(rawEvent('SUBMISSION_JOB_LIFECYCLE_EVENT', slot, { submissionId: 'x'.repeat(257) }))).toContain('longer than');
  });
});

describe('decoding nodes and workers', () => {
  it('a node definition and lifecycle are read', () => {
    const definition = rawEvent('NODE_DEFINITION_EVENT', 'nodeDefinitionEvent', {
      nodeId: NODE_ID,
      nodeIpAddress: '192.0.2.2',
      labels: { 'ray.io/node-id': 'x', tier: 'gpu' },
      startTimestamp: TIME,
      hostname: 'vm',
      nodeName: 'n',
      instanceId: '',
      instanceTypeName: 'm5.large',
    });
    expect(decoded(definition)).toMatchObject({
      type: 'node_definition',
      nodeId: NODE_HEX,
      ipAddress: '192.0.2.2',
      hostname: 'vm',
      nodeName: 'n',
      instanceTypeName: 'm5.large',
      labels: { 'ray.io/node-id': 'x', tier: 'gpu' },
      startNs: TIME_NS,
    });
    const lifecycle = rawEvent('NODE_LIFECYCLE_EVENT', 'nodeLifecycleEvent', {
      nodeId: NODE_ID,
      stateTransitions: [
        { state: 'ALIVE', timestamp: TIME, resources: { CPU: 4 }, aliveSubState: 'DRAINING' },
        {
          state: 'DEAD',
          timestamp: TIME,
          resources: {},
          aliveSubState: 'UNSPECIFIED',
          deathInfo: { reason: 2, reasonMessage: 'health check failed' },
        },
      ],
    });
    expect(decoded(lifecycle)).toHaveProperty('transitions', [
      { state: 'ALIVE', timeNs: TIME_NS, resources: { CPU: 4 }, isDraining: true },
      { state: 'DEAD', timeNs: TIME_NS, deathCause: { reason: 'UNEXPECTED_TERMINATION', message: 'health check failed' } },
    ]);
  });

  it('a worker definition and lifecycle are read', () => {
    const definition = { workerId: WORKER_ID, nodeId: NODE_ID, workerType: 'DRIVER', pid: 7 };
    expect(decoded(rawEvent('WORKER_DEFINITION_EVENT', 'workerDefinitionEvent', definition))).toMatchObject({
      type: 'worker_definition',
      workerId: WORKER_HEX,
      nodeId: NODE_HEX,
      workerType: 'DRIVER',
      pid: 7,
    });
    const lifecycle = rawEvent('WORKER_LIFECYCLE_EVENT', 'workerLifecycleEvent', {
      workerId: WORKER_ID,
      jobId: '',
      stateTransitions: [
        { state: 'ALIVE', timestamp: TIME, workerLaunchTimeMs: '1795471297035', workerLaunchedTimeMs: '0' },
        { state: 'DEAD', timestamp: TIME, deathInfo: { exitType: 'NODE_OUT_OF_MEMORY', exitDetail: 'killed', memoryUsedBytes: '1024' } },
      ],
    });
    expect(decoded(lifecycle)).toMatchObject({ type: 'worker_lifecycle', workerId: WORKER_HEX });
    expect(decoded(lifecycle)).not.toHaveProperty('jobId');
    expect(decoded(lifecycle)).toHaveProperty('transitions', [
      { state: 'ALIVE', timeNs: TIME_NS, launchNs: 1795471297035000000n },
      { state: 'DEAD', timeNs: TIME_NS, deathCause: { reason: 'NODE_OUT_OF_MEMORY', message: 'killed' }, memoryUsedBytes: 1024 },
    ]);
  });

  it('a worker state without a time takes the time of the process', () => {
    const lifecycle = rawEvent('WORKER_LIFECYCLE_EVENT', 'workerLifecycleEvent', {
      workerId: WORKER_ID,
      stateTransitions: [
        { state: 'ALIVE', timestamp: '', startTimeMs: '1795471297035', endTimeMs: '0' },
        { state: 'DEAD', timestamp: '0001-01-01T00:00:00Z', startTimeMs: '0', endTimeMs: '1795471297036' },
      ],
    });
    expect(decoded(lifecycle)).toHaveProperty('transitions', [
      { state: 'ALIVE', timeNs: 1795471297035000000n },
      { state: 'DEAD', timeNs: 1795471297036000000n },
    ]);
  });

  it('the worker id of a driver, mostly ones, is valid', () => {
    const driver = `${Buffer.from([1, 0, 0, 0]).toString('hex')}${'ff'.repeat(24)}`;
    const workerId = Buffer.from(driver, 'hex').toString('base64');
    expect(decoded(rawEvent('WORKER_DEFINITION_EVENT', 'workerDefinitionEvent', { workerId, workerType: 1 }))).toHaveProperty(
      'workerId',
      driver,
    );
  });
});

describe('decoding placement groups', () => {
  it('a placement group definition and lifecycle are read', () => {
    const definition = rawEvent('PLACEMENT_GROUP_DEFINITION_EVENT', 'placementGroupDefinitionEvent', {
      placementGroupId: GROUP_ID,
      name: 'pg',
      rayNamespace: 'demo',
      strategy: 'STRICT_SPREAD',
      isDetached: false,
      creatorJobId: JOB_ID,
      bundles: [{ bundleIndex: 0 }, { bundleIndex: 1 }],
      creationRequestReceivedNs: '1795471297035311483',
    });
    expect(decoded(definition)).toMatchObject({
      type: 'placement_group_definition',
      placementGroupId: GROUP_HEX,
      name: 'pg',
      namespace: 'demo',
      strategy: 'STRICT_SPREAD',
      isDetached: false,
      creatorJobId: '01000000',
      bundleCount: 2,
      requestedNs: TIME_NS,
    });
    const stateTransitions = [{ state: 'PENDING', timestamp: TIME, schedulingState: 'NO_RESOURCES' }];
    const lifecycle = rawEvent('PLACEMENT_GROUP_LIFECYCLE_EVENT', 'placementGroupLifecycleEvent', {
      placementGroupId: GROUP_ID,
      stateTransitions,
    });
    expect(decoded(lifecycle)).toMatchObject({
      type: 'placement_group_lifecycle',
      placementGroupId: GROUP_HEX,
      transitions: [{ state: 'PENDING', timeNs: TIME_NS, schedulingState: 'NO_RESOURCES' }],
    });
  });
});

describe('decoding cluster points', () => {
  const platform = rawEvent(
    'PLATFORM_EVENT',
    'platformEvent',
    {
      source: { platform: 'KUBERNETES', component: 'kubelet', metadata: { namespace: 'ml', ray_cluster_name: 'c' } },
      objectKind: 'Pod',
      objectName: 'head-0',
      message: 'Back-off \u001b[31mrestarting',
      reason: 'BackOff',
      customFields: { count: '3', other: 'x' },
    },
    { sourceType: 'CLUSTER_LIFECYCLE', severity: 'WARNING' },
  );

  it('a Kubernetes event is read, and its id does not identify duplicates', () => {
    const event = decoded(platform);
    expect(event).toMatchObject({
      type: 'cluster_point',
      source: 'platform',
      timeNs: TIME_NS,
      severity: 'WARNING',
      name: 'Pod/head-0 BackOff',
      message: 'Back-off restarting',
      attributes: {
        object_kind: 'Pod',
        object_name: 'head-0',
        reason: 'BackOff',
        component: 'kubelet',
        namespace: 'ml',
        ray_cluster_name: 'c',
        count: '3',
      },
    });
    expect(isDeduplicable(event)).toBe(false);
    expect(isDeduplicable(decoded(rawLifecycle()))).toBe(true);
    expect(decoded({ ...platform, timestamp: '1970-01-01T00:00:00Z' })).not.toHaveProperty('timeNs');
    expect(decoded({ ...platform, timestamp: undefined })).not.toHaveProperty('timeNs');
  });

  it('an autoscaler event of any type becomes a cluster point', () => {
    const raw = { ...rawLifecycle(), eventType: 'AUTOSCALER_SCALE_UP_EVENT', sourceType: 'AUTOSCALER', message: 'adding 2 nodes' };
    const event = decoded(raw);
    expect(event).toMatchObject({
      type: 'cluster_point',
      source: 'autoscaler',
      name: 'AUTOSCALER_SCALE_UP_EVENT',
      message: 'adding 2 nodes',
      timeNs: TIME_NS,
    });
    expect(isDeduplicable(event)).toBe(true);
    expect(decoded({ ...raw, sourceType: 5 }).type).toBe('cluster_point');
    expect(decoded({ ...raw, timestamp: 'soon' })).not.toHaveProperty('timeNs');
    expect(rejection({ ...raw, sourceType: 'GCS' })).toMatch(/^event_type_unknown/);
  });
});
