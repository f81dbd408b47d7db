import { describe, expect, it } from 'vitest';
import { decodeEvent, redactRawEvent } from '../../src/event/index.ts';
import { MAX_DEPTH } from '../../src/event/redact.ts';
import {
  ACTOR_ID,
  inSnakeCase,
  JOB_ID,
  printed,
  type Raw,
  rawDefinition,
  rawEvent,
  rawLifecycle,
  TASK_ID,
  TIME,
  WORKER_ID,
} from './raw-events.ts';

const SECRET = 'hunter2';
const ENV = { env_vars: { API_KEY: SECRET }, pip: [`x @ https://u:${SECRET}@h/x.whl`], working_dir: `s3://u:${SECRET}@b/k?sig=${SECRET}` };
const ENV_TEXT = JSON.stringify(ENV);
const MESSAGE = `Failed to set up runtime environment.\n{'env_vars': {'API_KEY': '${SECRET}'}} ${ENV_TEXT}`;
const RUNTIME_ENV_INFO = { serializedRuntimeEnv: ENV_TEXT, uris: { workingDirUri: `https://u:${SECRET}@h`, pyModulesUris: [SECRET] } };
const METADATA = { job_name: 'nightly', owner_key: SECRET };

/** Each place where a secret was seen or can be, in an event that decodes. */
const CARRIERS: [string, Raw][] = [
  [
    'a task definition',
    rawDefinition({ serializedRuntimeEnv: ENV_TEXT, runtimeEnvInfo: RUNTIME_ENV_INFO, callSite: `f(env_vars={"A": "${SECRET}"})` }),
  ],
  [
    'an actor task definition',
    rawEvent('ACTOR_TASK_DEFINITION_EVENT', 'actorTaskDefinitionEvent', {
      taskId: TASK_ID,
      actorId: ACTOR_ID,
      serializedRuntimeEnv: ENV_TEXT,
      runtimeEnvInfo: RUNTIME_ENV_INFO,
    }),
  ],
  [
    'an actor definition',
    rawEvent('ACTOR_DEFINITION_EVENT', 'actorDefinitionEvent', { actorId: ACTOR_ID, serializedRuntimeEnv: ENV_TEXT }),
  ],
  [
    'a job definition',
    rawEvent('DRIVER_JOB_DEFINITION_EVENT', 'driverJobDefinitionEvent', {
      jobId: JOB_ID,
      entrypoint: `KEY=${SECRET} python train.py --key ${SECRET}`,
      config: { serializedRuntimeEnv: ENV_TEXT, metadata: METADATA },
    }),
  ],
  [
    'a submission job definition',
    rawEvent('SUBMISSION_JOB_DEFINITION_EVENT', 'submissionJobDefinitionEvent', {
      submissionId: 'r',
      entrypoint: `python -c "print('${SECRET}')"`,
      config: { serializedRuntimeEnv: ENV_TEXT, metadata: METADATA },
    }),
  ],
  ['an error message', rawLifecycle({ rayErrorInfo: { errorType: 'RUNTIME_ENV_SETUP_FAILED', errorMessage: MESSAGE } })],
  [
    'the context of an error',
    rawLifecycle({
      rayErrorInfo: {
        errorType: 'ACTOR_DIED',
        errorMessage: '',
        actorDiedError: {
          creationTaskFailureContext: { serializedException: Buffer.from(SECRET).toString('base64'), formattedExceptionString: MESSAGE },
        },
      },
    }),
  ],
  ['a runtime env error', rawLifecycle({ rayErrorInfo: { runtimeEnvSetupFailedError: { errorMessage: MESSAGE } } })],
  [
    'the death of an actor',
    rawEvent('ACTOR_LIFECYCLE_EVENT', 'actorLifecycleEvent', {
      actorId: ACTOR_ID,
      stateTransitions: [{ state: 'DEAD', timestamp: TIME, deathCause: { runtimeEnvFailedContext: { errorMessage: MESSAGE } } }],
    }),
  ],
  [
    'the death of a worker',
    rawEvent('WORKER_LIFECYCLE_EVENT', 'workerLifecycleEvent', {
      workerId: WORKER_ID,
      stateTransitions: [{ state: 'DEAD', timestamp: TIME, deathInfo: { exitType: 'SYSTEM_ERROR', exitDetail: MESSAGE } }],
    }),
  ],
  [
    'a profile entry',
    rawEvent('TASK_PROFILE_EVENT', 'taskProfileEvents', {
      taskId: TASK_ID,
      profileEvents: {
        events: [
          {
            startTime: '1795471297035311483',
            endTime: '1795471297035311483',
            eventName: 'task:execute',
            extraData: JSON.stringify({ type: "<class 'X'>", value: MESSAGE, traceback: MESSAGE, mine: SECRET }),
          },
        ],
      },
    }),
  ],
  [
    'a type of tomorrow',
    rawEvent('NEW_EVENT', 'newEvent', {
      runtimeEnv: ENV,
      envVars: { A: SECRET },
      inner: [{ entrypoint: `serve run --key ${SECRET}`, serializedRuntimeEnv: ENV }],
    }),
  ],
];

describe.each(CARRIERS)('a secret in %s', (_place, raw) => {
  it.each([
    ['camelCase', raw],
    ['snake_case', inSnakeCase(raw)],
  ])('reaches neither the RayEvent nor the copy, in %s', (_spelling, sent) => {
    expect(printed(sent)).toMatch(/hunter2|aHVudGVyMg/);
    expect(printed(decodeEvent(sent))).not.toMatch(/hunter2|aHVudGVyMg/);
    expect(printed(redactRawEvent(sent))).not.toMatch(/hunter2|aHVudGVyMg/);
    expect(decodeEvent(redactRawEvent(sent))).toStrictEqual(decodeEvent(sent));
  });
});

describe('a redacted copy', () => {
  it('keeps the rest, and says where something was', () => {
    const raw = rawEvent('DRIVER_JOB_DEFINITION_EVENT', 'driverJobDefinitionEvent', {
      jobId: JOB_ID,
      entrypoint: 'python /app/train.py --key k',
      config: { serializedRuntimeEnv: '{}', metadata: METADATA },
      tomorrow: { number: 1, flag: true, nothing: null },
    });
    expect(redactRawEvent(raw)).toMatchObject({
      driverJobDefinitionEvent: {
        jobId: JOB_ID,
        entrypoint: 'python train.py',
        config: { serializedRuntimeEnv: '{}', metadata: { job_name: 'nightly', owner_key: '[redacted]' } },
        tomorrow: { number: 1, flag: true, nothing: null },
      },
    });
  });

  it('ends at a depth', () => {
    let deep: unknown = 'leaf';
    for (let level = 0; level < 50_000; level += 1) deep = level % 2 === 0 ? [deep] : { a: deep };
    expect(printed(redactRawEvent(deep)).length).toBeLessThan(MAX_DEPTH * 10);
    expect(printed(redactRawEvent(deep))).toContain('[too deep]');
  });

  it('has no prototype of the sender', () => {
    const copy = redactRawEvent(JSON.parse('{"__proto__": {"polluted": 1}, "constructor": 2}'));
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect(copy).toStrictEqual({ constructor: 2 });
  });

  it.each([[null], [undefined], [5], ['x'], [[1]]])('of %j is %j', (raw) => {
    expect(redactRawEvent(raw)).toStrictEqual(raw);
  });
});

it('a runtime environment that is no JSON is read like its redacted copy', () => {
  const raw = rawDefinition({ serializedRuntimeEnv: ' ', runtimeEnvInfo: { serializedRuntimeEnv: '{"pip":["torch==2.9"]}' } });
  const decoded = decodeEvent(raw);
  expect(decoded).toMatchObject({ ok: true, event: { runtimeEnv: { pip: ['torch==2.9'] } } });
  expect(decodeEvent(redactRawEvent(raw))).toStrictEqual(decoded);
});
