/** Raw events as Ray posts them, for tests to change. Values are from real events. */
export const SESSION = 'session_2026-11-23_22-01-08_734793_558';
export const TASK_ID = 'yO9FzNARJXH///////////////8BAAAA';
export const TASK_HEX = base64ToHex(TASK_ID);
export const ACTOR_ID = 'u6Pv+zRstxx0uCZ4AQAAAA==';
export const ACTOR_HEX = base64ToHex(ACTOR_ID);
export const NODE_ID = base64(28, 0x17);
export const NODE_HEX = '17'.repeat(28);
export const WORKER_ID = base64(28, 0x4b);
export const WORKER_HEX = '4b'.repeat(28);
export const GROUP_ID = base64(18, 0x0a);
export const GROUP_HEX = '0a'.repeat(18);
export const JOB_ID = 'AQAAAA==';
export const TIME = '2026-11-23T22:01:37.035311483Z';
export const TIME_NS = 1795471297035311483n;

export type Raw = Record<string, unknown>;

export function rawEvent(eventType: string | number, slot: string, payload: Raw, envelope: Raw = {}): Raw {
  return {
    eventId: '0zBOVCM1lMlRjttQQygPI2YrMoY4ZxhscMNbyQ==',
    sourceType: 'CORE_WORKER',
    eventType,
    timestamp: TIME,
    severity: 'INFO',
    message: '',
    sessionName: SESSION,
    nodeId: NODE_ID,
    [slot]: payload,
    ...envelope,
  };
}

export function rawLifecycle(payload: Raw = {}, envelope: Raw = {}): Raw {
  const defaults = {
    taskId: TASK_ID,
    taskAttempt: 0,
    stateTransitions: [{ state: 'RUNNING', timestamp: TIME }],
    nodeId: '',
    workerId: '',
    workerPid: 0,
    jobId: JOB_ID,
  };
  return rawEvent('TASK_LIFECYCLE_EVENT', 'taskLifecycleEvent', { ...defaults, ...payload }, envelope);
}

export function rawDefinition(payload: Raw = {}): Raw {
  const defaults = {
    taskId: TASK_ID,
    taskAttempt: 0,
    taskType: 'NORMAL_TASK',
    language: 'PYTHON',
    taskFunc: { pythonFunctionDescriptor: { moduleName: 'w_basic', className: '', functionName: 'flaky', functionHash: 'ab' } },
    taskName: 'flaky',
    requiredResources: { CPU: 1 },
    jobId: JOB_ID,
    parentTaskId: base64(24, 0xff),
    placementGroupId: base64(18, 0xff),
    serializedRuntimeEnv: '{}',
    isDetachedActor: false,
  };
  return rawEvent('TASK_DEFINITION_EVENT', 'taskDefinitionEvent', { ...defaults, ...payload });
}

/** Base64 of `length` bytes with the value `byte`. */
export function base64(length: number, byte: number): string {
  return Buffer.alloc(length, byte).toString('base64');
}

/** An id as Ray writes it. */
export function hexToBase64(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64');
}

export function base64ToHex(text: string): string {
  return Buffer.from(text, 'base64').toString('hex');
}

/** JSON with bigints as strings, to search for a secret. */
export function printed(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)) ?? '';
}

/** The same event with snake_case field names. Map keys are data; no test has camelCase ones. */
export function inSnakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inSnakeCase);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [snakeKey(key), inSnakeCase(inner)]));
}

function snakeKey(key: string): string {
  return /^[a-z]+([A-Z][a-z]*)+$/.test(key) ? key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : key;
}
