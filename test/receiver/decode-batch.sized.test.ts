import { readdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEvent } from '../../src/event/index.ts';
import { EventScanner } from '../../src/event/scanner/index.ts';
import { decodeBatch } from '../../src/receiver/decode-batch.ts';
import { createScheduler } from '../../src/runtime/index.ts';
import { rawEvent } from './receiver-fixture.ts';
import { propertyRuns } from '../support/sized.ts';

const RECORDINGS = new URL('../fixtures/recordings/', import.meta.url);
const BODIES = readdirSync(RECORDINGS)
  .filter((name) => name.endsWith('.ndjson'))
  .flatMap((name) => readFileSync(new URL(name, RECORDINGS), 'utf8').trim().split('\n'))
  .map((line) => Buffer.from((JSON.parse(line) as { body: string }).body));

/** Events of a kind that is scanned. */
const KNOWN = BODIES.flatMap((body) => JSON.parse(body.toString()) as Record<string, unknown>[])
  .filter((raw) => 'taskLifecycleEvent' in raw)
  .slice(0, 200);

function decode(bytes: Buffer, scanner?: EventScanner, limits: { maxBodyEvents?: number; maxEventDepth?: number } = {}) {
  return decodeBatch({
    bytes,
    maxBodyEvents: 100_000,
    maxEventDepth: 64,
    scheduler: createScheduler(),
    decode: decodeEvent,
    scanner,
    onDecoderError: (error) => {
      throw error;
    },
    ...limits,
  });
}

/** Knows all that the recordings have. */
async function learnedScanner(): Promise<EventScanner> {
  const scanner = new EventScanner();
  for (const body of BODIES) await decode(body, scanner);
  return scanner;
}

describe('a body decodes to the same events with and without a scanner', () => {
  it('for every recording, on the first and the second pass', async () => {
    const scanner = new EventScanner();
    for (const body of [...BODIES, ...BODIES]) expect(await decode(body, scanner)).toStrictEqual(await decode(body));
  });

  it('after any change to its bytes', async () => {
    const scanner = await learnedScanner();
    const small = BODIES.filter(({ length }) => length < 20_000);
    const edit = fc.record({ at: fc.nat(), byte: fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('"\\{}[],: '))), cut: fc.nat(4) });
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...small), fc.array(edit, { minLength: 1, maxLength: 4 }), async (body, edits) => {
        let bytes = body;
        for (const { at, byte, cut } of edits) {
          const position = at % bytes.length;
          bytes =
            cut === 4
              ? bytes.subarray(0, position + 1)
              : Buffer.concat([bytes.subarray(0, position), Buffer.of(byte), bytes.subarray(position + cut)]);
        }
        const plain = await decode(Buffer.from(bytes));
        expect(await decode(Buffer.from(bytes), scanner)).toStrictEqual(plain);
        outcomes.add(plain.ok ? `ok ${plain.rejectedCount > 0}` : plain.code);
      }),
      { numRuns: propertyRuns(200, 2_000) },
    );
    expect(outcomes).toStrictEqual(new Set(['ok true', 'ok false', 'body_not_json']));
  }, 120_000);

  it('also when it reaches its limits', async () => {
    const scanner = await learnedScanner();
    for (const body of BODIES.slice(0, 60)) {
      const count = (JSON.parse(body.toString()) as unknown[]).length;
      for (const limits of [{ maxBodyEvents: count }, { maxBodyEvents: count - 1 }, { maxEventDepth: 2 }, { maxEventDepth: 1 }]) {
        expect(await decode(body, new EventScanner(), limits)).toStrictEqual(await decode(body, undefined, limits));
      }
      expect(await decode(body, scanner, { maxBodyEvents: count - 1 })).toMatchObject({ ok: false, code: 'body_too_many_events' });
    }
  });
});

describe('the scanner does not learn from an event that it could read differently from the decoder', () => {
  const TASK_ID = 'AAAAAAAAAE7///////////////8BAAAA';

  function lifecycle(id: number, payload: Record<string, unknown> = {}, envelope: Record<string, unknown> = {}): string {
    const taskLifecycleEvent = {
      taskId: TASK_ID,
      stateTransitions: [{ state: 'RUNNING', timestamp: '2026-11-27T00:00:00.000000001Z' }],
      ...payload,
    };
    const eventId = `AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA${id}Q==`;
    return JSON.stringify({
      eventId,
      sourceType: 'CORE_WORKER',
      eventType: 'TASK_LIFECYCLE_EVENT',
      sessionName: 'session_x',
      taskLifecycleEvent,
      ...envelope,
    });
  }

  it.each([
    [
      'with a second payload of another type',
      lifecycle(1, {}, { taskDefinitionEvent: { taskAttempt: 0 } }),
      lifecycle(2, {}, { taskDefinitionEvent: { taskAttempt: 5 } }),
    ],
    [
      'with a second payload whose name is spelled in snake_case',
      lifecycle(1, {}, { task_definition_event: { task_attempt: 0 } }),
      lifecycle(2, {}, { task_definition_event: { task_attempt: 5 } }),
    ],
    [
      'with its payload in both spellings',
      lifecycle(1, {}, { task_lifecycle_event: { taskAttempt: 0 } }),
      lifecycle(2, {}, { task_lifecycle_event: { taskAttempt: 5 } }),
    ],
    [
      'with its payload twice',
      lifecycle(1).replace('"taskLifecycleEvent"', '"taskLifecycleEvent":{"taskAttempt":0},"taskLifecycleEvent"'),
      lifecycle(2).replace('"taskLifecycleEvent"', '"taskLifecycleEvent":{"taskAttempt":5},"taskLifecycleEvent"'),
    ],
    [
      'with a log twice',
      lifecycle(1, { taskLogInfo: { stdoutFile: 'a' } }).replace('"taskLogInfo"', '"taskLogInfo":{"stdoutEnd":"0"},"taskLogInfo"'),
      lifecycle(2, { taskLogInfo: { stdoutFile: 'a' } }).replace('"taskLogInfo"', '"taskLogInfo":{"stdoutEnd":"5"},"taskLogInfo"'),
    ],
    [
      'with two descriptors of its function',
      definition(1, { pythonFunctionDescriptor: { functionName: 'f' }, javaFunctionDescriptor: { className: '' } }),
      definition(2, { pythonFunctionDescriptor: { functionName: 'f' }, javaFunctionDescriptor: { className: 'X' } }),
    ],
    [
      'with a time that is read as absent, which is counted',
      lifecycle(1, { stateTransitions: [{ state: 'NIL', timestamp: { a: 1 } }] }),
      lifecycle(2, { stateTransitions: [{ state: 'NIL', timestamp: { a: 1 } }] }),
    ],
  ])('%s', async (_what, first, second) => {
    const alone = await decode(Buffer.from(`[${second}]`));
    expect(alone).toMatchObject({ ok: true, rejectedCount: 0 });
    const scanner = new EventScanner();
    await decode(Buffer.from(`[${first}]`), scanner);
    expect(await decode(Buffer.from(`[${second}]`), scanner)).toStrictEqual(alone);
  });

  it('an event that the scanner cannot learn from is not an internal error', async () => {
    const raw = {
      eventId: 'AAAA',
      eventType: 'TASK_DEFINITION_EVENT',
      sessionName: 'session_x',
      taskDefinitionEvent: { taskId: TASK_ID, taskName: 'x' },
      actorTaskDefinitionEvent: { callSite: 0 },
    };
    expect(await decode(Buffer.from(JSON.stringify([raw])), new EventScanner())).toMatchObject({ ok: true, rejectedCount: 0 });
  });

  function definition(id: number, taskFunc: unknown): string {
    const taskDefinitionEvent = { taskId: TASK_ID, taskName: 'x', taskFunc };
    return JSON.stringify({ eventId: `AAA${id}`, eventType: 'TASK_DEFINITION_EVENT', sessionName: 'session_x', taskDefinitionEvent });
  }
});

it('a scanned event followed by garbage is refused like any other, also at the limit of events', async () => {
  const body = Buffer.from(`[${JSON.stringify(KNOWN[0])},${JSON.stringify(KNOWN[0])} x]`);
  for (const maxBodyEvents of [1, 2, 3]) {
    expect(await decode(body, await learnedScanner(), { maxBodyEvents })).toStrictEqual(await decode(body, undefined, { maxBodyEvents }));
  }
});

it('a rejection among scanned events has the index of the posted event', async () => {
  const scanner = await learnedScanner();
  const [known] = KNOWN;
  const bytes = Buffer.from(JSON.stringify([known, 7, known, rawEvent(1), { eventType: 'NO' }, known]));
  const batch = await decode(bytes, scanner);
  if (!batch.ok) throw new Error(batch.message);
  expect(batch.events).toHaveLength(4);
  expect(batch.firstRejected.map(({ index, rejection }) => [index, rejection.code])).toEqual([
    [1, 'event_not_object'],
    [4, 'event_session_invalid'],
  ]);
  expect(batch.rejectedParts.map(({ start, end }) => bytes.toString('utf8', start, end))).toEqual(['7', '{"eventType":"NO"}']);
});

it('decoding a body of scanned events takes several time slices', async () => {
  const scanner = await learnedScanner();
  let nowMs = 0;
  let turns = 0;
  const counted = createScheduler({
    sliceMs: 8,
    monotonicMs: () => (nowMs += 1),
    defer: (callback) => {
      turns += 1;
      setImmediate(callback);
    },
  });
  const bytes = Buffer.from(
    JSON.stringify(
      Array.from({ length: 20 }, () => KNOWN)
        .flat()
        .slice(0, 1000),
    ),
  );
  await decodeBatch({
    bytes,
    maxBodyEvents: 1000,
    maxEventDepth: 64,
    scheduler: counted,
    decode: decodeEvent,
    scanner,
    onDecoderError: () => {},
  });
  expect(turns).toBeGreaterThan(5);
});

it('an exception in the scanner loses no event and is reported', async () => {
  const broken = new EventScanner();
  const fail = (): never => {
    throw new TypeError('our bug');
  };
  Object.assign(broken, { scan: fail, learn: fail });
  const errors: unknown[] = [];
  const bytes = Buffer.from(JSON.stringify([rawEvent(1), rawEvent(2)]));
  const options = { bytes, maxBodyEvents: 10, maxEventDepth: 64, scheduler: createScheduler(), decode: decodeEvent };
  const batch = await decodeBatch({ ...options, scanner: broken, onDecoderError: (error) => errors.push(error) });
  expect(batch).toStrictEqual(await decode(bytes));
  expect(errors).toHaveLength(4);
});
