import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEvent, redactRawEvent } from '../../src/event/index.ts';
import { MAX_DEPTH } from '../../src/event/redaction/redact.ts';
import {
  ACTOR_ID,
  inSnakeCase,
  JOB_ID,
  NODE_ID,
  printed,
  type Raw,
  rawDefinition,
  rawEvent,
  rawLifecycle,
  TASK_ID,
  TIME,
  WORKER_ID,
} from '../support/raw-events.ts';
import { everyTypeOfEvent } from './every-type.ts';
import { propertyRuns } from '../support/sized.ts';

const SECRET = 'hunter2';
const ENV = { env_vars: { API_KEY: SECRET }, pip: [`x @ https://u:${SECRET}@h/x.whl`], working_dir: `s3://u:${SECRET}@b/k?sig=${SECRET}` };
const ENV_TEXT = JSON.stringify(ENV);
const MESSAGE = `Failed to set up runtime environment.\n{'env_vars': {'API_KEY': '${SECRET}'}} ${ENV_TEXT}`;
const RUNTIME_ENV_INFO = { serializedRuntimeEnv: ENV_TEXT, uris: { workingDirUri: `https://u:${SECRET}@h`, pyModulesUris: [SECRET] } };
const METADATA = { job_name: 'nightly', owner_key: SECRET };

/** Every known place of a secret in an event that decodes. */
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
    'a label whose name says so',
    rawEvent('NODE_DEFINITION_EVENT', 'nodeDefinitionEvent', {
      nodeId: NODE_ID,
      labels: { zone: 'a', 'registry-password': SECRET, 'corp.example/API_TOKEN': `${SECRET}.x`, 'ray.io/note': `secret=${SECRET}` },
    }),
  ],
  ['a label selector', rawDefinition({ labelSelector: { [`password=${SECRET}`]: 'x', apiKey: `in(${SECRET})` } })],
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
  ])('a secret reaches neither the RayEvent nor the redacted copy, in %s', (_spelling, sent) => {
    expect(printed(sent)).toMatch(/hunter2|aHVudGVyMg/);
    expect(printed(decodeEvent(sent))).not.toMatch(/hunter2|aHVudGVyMg/);
    expect(printed(redactRawEvent(sent))).not.toMatch(/hunter2|aHVudGVyMg/);
    expect(decodeEvent(redactRawEvent(sent))).toStrictEqual(decodeEvent(sent));
  });
});

describe('the redacted copy of an event', () => {
  it('a redacted copy keeps all other values and marks each replacement', () => {
    const raw = rawEvent('DRIVER_JOB_DEFINITION_EVENT', 'driverJobDefinitionEvent', {
      jobId: JOB_ID,
      entrypoint: 'python /app/train.py --key k',
      config: { serializedRuntimeEnv: '{}', metadata: METADATA },
      tomorrow: { number: 1, flag: true, nothing: null },
      anotherField: [1, 2],
    });
    expect(redactRawEvent(raw)).toMatchObject({
      driverJobDefinitionEvent: {
        jobId: JOB_ID,
        entrypoint: 'python train.py',
        config: { serializedRuntimeEnv: '{}', metadata: { job_name: 'nightly', '[other keys]': '[redacted]' } },
        tomorrow: { '[other keys]': '[redacted]' },
        anotherField: ['[number]'],
      },
    });
  });

  it('a redacted copy ends at the maximum depth', () => {
    let deep: unknown = 'leaf';
    for (let level = 0; level < 50_000; level += 1) deep = level % 2 === 0 ? [deep] : { a: deep };
    expect(printed(redactRawEvent(deep)).length).toBeLessThan(MAX_DEPTH * 10);
    let event: unknown = {};
    for (let level = 0; level < 50_000; level += 1) event = { rayErrorInfo: event };
    expect(printed(redactRawEvent(rawLifecycle({ rayErrorInfo: event }))).length).toBeLessThan(5000);
    expect(printed(redactRawEvent(rawLifecycle({ rayErrorInfo: event })))).toContain('[too deep]');
  });

  it('a redacted copy ignores a prototype of the sender', () => {
    const copy = redactRawEvent(JSON.parse('{"__proto__": {"polluted": 1}, "constructor": 2}'));
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect(copy).toStrictEqual({ constructor: '[number]', '[other keys]': '[redacted]' });
    const labels = JSON.parse('{"__proto__": "x", "a": "b"}') as Raw;
    const node = redactRawEvent(rawEvent('NODE_DEFINITION_EVENT', 'nodeDefinitionEvent', { nodeId: NODE_ID, labels }));
    expect(node).toMatchObject({ nodeDefinitionEvent: { labels: { a: 'b' } } });
  });
});

describe('redacting unknown events', () => {
  it.each([
    [null, null],
    [undefined, null],
    [5, '[number]'],
    [true, '[boolean]'],
    [SECRET, '[string]'],
    [[], []],
    [[SECRET, 1], ['[string]']],
    [
      { password: SECRET, env: { A: SECRET } },
      { password: '[string]', env: { '[other keys]': '[redacted]' } },
    ],
    [
      { command: `run --key ${SECRET}`, metadata: { owner: SECRET, depth: [SECRET] }, hunter2: 1, 'sk-hunter2': { a: 1 } },
      { command: '[string]', metadata: { '[other keys]': '[redacted]' }, '[other keys]': '[redacted]' },
    ],
    [
      { sessionName: SECRET, eventId: SECRET, nodeId: SECRET },
      { sessionName: '[string]', eventId: '[string]', nodeId: '[string]' },
    ],
  ])('the unknown event %j is reduced to %j', (raw, shape) => {
    expect(redactRawEvent(raw)).toStrictEqual(shape);
    expect(redactRawEvent(redactRawEvent(raw))).toStrictEqual(shape);
  });

  it('the origin of an event of an unknown type is kept', () => {
    const raw = rawEvent('A_NEW_EVENT', 'newEvent', { jobId: JOB_ID, env: { HUNTER2: SECRET }, tokens: [SECRET], 'hunter-2': 1 });
    const { newEvent: _newEvent, message: _message, ...envelope } = raw;
    expect(redactRawEvent(raw)).toStrictEqual({
      ...envelope,
      message: '[string]',
      newEvent: {
        jobId: '[string]',
        env: { '[other keys]': '[redacted]' },
        tokens: ['[string]'],
        '[other keys]': '[redacted]',
      },
    });
  });

  it('an identity in an unexpected form is reduced to its shape', () => {
    const raw = { ...rawLifecycle(), sessionName: `\n${SECRET}`, eventId: `${SECRET}${'x'.repeat(300)}` };
    expect(decodeEvent(raw).ok).toBe(false);
    expect(redactRawEvent(raw)).toMatchObject({ sessionName: '[string]', eventId: '[string]' });
  });

  it('a secret anywhere in unknown JSON is never shown', () => {
    const secret = 'Qz7hunter2';
    const withSecret = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom(secret, `a ${secret} b`, 1, null),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('env', 'password', 'eventType', 'newEvent', 'metadata', 'config', 'labels', secret), tie('value'), {
          maxKeys: 4,
        }),
      ),
    })).value;
    fc.assert(
      fc.property(withSecret, fc.boolean(), (raw, isEvent) => {
        const sent = isEvent ? { ...rawEvent('A_NEW_EVENT', 'newEvent', { a: raw }), extra: raw } : raw;
        const copy = redactRawEvent(sent);
        expect(printed(copy)).not.toContain(secret);
        expect(redactRawEvent(copy)).toStrictEqual(copy);
      }),
      { numRuns: propertyRuns(300, 3_000) },
    );
  });

  it('a secret in an unknown field of a known event is never shown', () => {
    const secret = 'Qz7hunter2';
    const added = fc.record({
      at: fc.nat(),
      key: fc.constantFrom('command', 'env', 'authToken', secret, '_x'),
      value: fc.constantFrom(secret, [secret], { a: secret }, { [secret]: 1 }),
    });
    fc.assert(
      fc.property(fc.constantFrom(...everyTypeOfEvent), fc.array(added, { minLength: 1, maxLength: 3 }), (event, additions) => {
        const raw = structuredClone(event);
        for (const { at, key, value } of additions) {
          const objects = messagesOf(raw);
          Object.defineProperty(objects[at % objects.length] ?? raw, key, {
            value: structuredClone(value),
            enumerable: true,
            configurable: true,
          });
        }
        expect(printed(redactRawEvent(raw))).not.toContain(secret);
        const decoded = decodeEvent(raw);
        if (decoded.ok) expect(decodeEvent(redactRawEvent(raw))).toStrictEqual(decoded);
      }),
      { numRuns: propertyRuns(200, 2_000) },
    );
  });

  /** Objects that are messages of Ray, not user maps. */
  function messagesOf(raw: Raw): Raw[] {
    const maps = /^(?:labels|labelSelector|requiredResources|resources|unitResources|customResources|taskState)$/;
    const inner = Object.entries(raw).flatMap(([key, value]) =>
      maps.test(key) ? [] : Array.isArray(value) ? (value as unknown[]) : [value],
    );
    const objects = inner.filter((value): value is Raw => typeof value === 'object' && value !== null && !Array.isArray(value));
    return [raw, ...objects.flatMap(messagesOf)];
  }
});

it('an invalid runtime environment decodes like its redacted copy', () => {
  const raw = rawDefinition({ serializedRuntimeEnv: ' ', runtimeEnvInfo: { serializedRuntimeEnv: '{"pip":["torch==2.9"]}' } });
  const decoded = decodeEvent(raw);
  expect(decoded).toMatchObject({ ok: true, event: { runtimeEnv: { pip: ['torch==2.9'] } } });
  expect(decodeEvent(redactRawEvent(raw))).toStrictEqual(decoded);
});
