import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createTestReceiver, post, rawEvent } from './receiver-fixture.ts';

const DEEP = 100_000;
const TASK_ID = 'yO9FzNARJXH///////////////8BAAAA';

/** A task lifecycle event in which one thing is wrong. */
function taskEvent(payload: Record<string, unknown>, envelope: Record<string, unknown> = {}): Record<string, unknown> {
  return rawEvent(500, {
    eventType: 'TASK_LIFECYCLE_EVENT',
    taskLifecycleEvent: {
      taskId: TASK_ID,
      taskAttempt: 0,
      jobId: 'AQAAAA==',
      stateTransitions: [{ state: 'RUNNING', timestamp: '2026-11-23T22:19:22.937766715Z' }],
      ...payload,
    },
    ...envelope,
  });
}

/**
 * JSON text of a bad event; what is accepted or not is the decoder's business, what happens to its
 * batch is ours.
 */
const BAD_EVENTS: Readonly<Record<string, string>> = {
  'a number': '1',
  null: 'null',
  'an array': '[[]]',
  'an empty object': '{}',
  'a payload of the wrong type': JSON.stringify(rawEvent(500, { driverJobLifecycleEvent: [1] })),
  'a type that is a list': JSON.stringify(rawEvent(500, { eventType: ['DRIVER_JOB_LIFECYCLE_EVENT'] })),
  'a session that is an object': JSON.stringify(rawEvent(500, { sessionName: { length: 5 } })),
  'a session with control characters': JSON.stringify(rawEvent(500, { sessionName: 'a\u0000b' })),
  'a session of a megabyte': JSON.stringify(rawEvent(500, { sessionName: 's'.repeat(1_000_000) })),
  'an id that is no base64': JSON.stringify(taskEvent({ taskId: '!!!' })),
  'an id of the wrong length': JSON.stringify(taskEvent({ taskId: 'AQAAAA==' })),
  'an id that is a number': JSON.stringify(taskEvent({ taskId: 5 })),
  'an attempt beyond int32': JSON.stringify(taskEvent({ taskAttempt: 1e300 })),
  'an attempt that is no whole number': JSON.stringify(taskEvent({ taskAttempt: 0.5 })),
  'a number beyond all numbers': JSON.stringify(taskEvent({ taskAttempt: 'HUGE' })).replace('"HUGE"', `1${'0'.repeat(400)}`),
  'a number of a million digits': JSON.stringify(taskEvent({ workerPid: 'HUGE' })).replace('"HUGE"', '9'.repeat(1_000_000)),
  'an int64 of a million digits': JSON.stringify(taskEvent({ workerPid: '9'.repeat(1_000_000) })),
  'a date that does not exist': JSON.stringify(taskEvent({ stateTransitions: [{ state: 'RUNNING', timestamp: '2026-13-45T99:99:99Z' }] })),
  'a date that is a number': JSON.stringify(taskEvent({ stateTransitions: [{ state: 'RUNNING', timestamp: 17 }] })),
  'a date with a million digits': JSON.stringify(
    taskEvent({ stateTransitions: [{ state: 'RUNNING', timestamp: `2026-11-23T22:19:22.${'1'.repeat(1_000_000)}Z` }] }),
  ),
  'an unknown state': JSON.stringify(taskEvent({ stateTransitions: [{ state: 'DREAMING', timestamp: '2026-11-23T22:19:22Z' }] })),
  'transitions that are an object': JSON.stringify(taskEvent({ stateTransitions: { length: 1e9 } })),
  'transitions that hold nonsense': JSON.stringify(taskEvent({ stateTransitions: [null, 1, [], 'x'] })),
  'an own __proto__': JSON.stringify(taskEvent({})).replace(
    '{',
    '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},',
  ),
  'a payload that is __proto__': `{"eventType":"__proto__","sessionName":"__proto__","eventId":"__proto__","__proto__":{}}`,
  'a type from the prototype': JSON.stringify(rawEvent(500, { eventType: 'constructor' })),
  'a state from the prototype': JSON.stringify(
    taskEvent({ stateTransitions: [{ state: '__proto__', timestamp: '2026-11-23T22:19:22Z' }] }),
  ),
  'a type with a script and a terminal escape': JSON.stringify(rawEvent(500, { eventType: '<script>alert(1)</script>\u001b[2J\u0007' })),
  'lone surrogates': '{"eventType":"\\ud800","sessionName":"\\udc00","eventId":"\\ud800"}',
  'arrays in arrays': `${'['.repeat(DEEP)}${']'.repeat(DEEP)}`,
  'objects in objects': `${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}`,
  'depth in a field that nobody knows': JSON.stringify(taskEvent({ tomorrow: 'DEEP' })).replace(
    '"DEEP"',
    `${'['.repeat(DEEP)}${']'.repeat(DEEP)}`,
  ),
  'a million fields': `{${Array.from({ length: 100_000 }, (_, index) => `"k${index}":${index}`).join(',')}}`,
};

describe('the valid events of a batch are accepted, with one event that is', () => {
  it.each(Object.keys(BAD_EVENTS))('%s', async (name) => {
    const { app, journal, telemetry } = createTestReceiver();
    const body = `[${JSON.stringify(rawEvent(1))},${BAD_EVENTS[name]},${JSON.stringify(rawEvent(2))}]`;
    const answer = await post(app, body);
    expect(answer.status).toBe(200);
    const ids = (await journal.read(0, 10)).entries.map(({ event }) => event.eventId);
    expect(ids).toEqual(expect.arrayContaining([rawEvent(1)['eventId'], rawEvent(2)['eventId']]));
    expect(telemetry.internalErrors).toEqual([]);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(JSON.stringify(answer.body).length).toBeLessThan(1000);
  });
});

/** An event whose innermost value has `depth` objects and arrays around it. */
function nested(depth: number): string {
  const text = JSON.stringify(rawEvent(depth, { extra: 'DEEP' }));
  return text.replace('"DEEP"', '['.repeat(depth - 1) + ']'.repeat(depth - 1));
}

describe('bad bodies', () => {
  it('nested deeper than the limit are refused, and those at the limit are not', async () => {
    const { app } = createTestReceiver({ limits: { maxEventDepth: 10 } });
    expect((await post(app, `[${nested(10)}]`)).body).toMatchObject({ accepted: 1 });
    expect((await post(app, `[${nested(11)}]`)).body).toMatchObject({ accepted: 0, errors: [{ index: 0, code: 'event_too_deep' }] });
  });

  it.each([
    ['unclosed arrays', '['.repeat(DEEP), 400],
    ['unclosed objects', '{"a":'.repeat(DEEP), 400],
    ['one object as deep as that', `${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}`, 200],
    ['UTF-16', Buffer.from(JSON.stringify([rawEvent(1)]), 'utf16le'), 400],
    ['zeros', Buffer.alloc(100_000), 400],
    ['gzip without saying so', gzipSync('[]'), 400],
    ['broken UTF-8 in a string', Buffer.concat([Buffer.from('["'), Buffer.from([0xff, 0xc3]), Buffer.from('"]')]), 200],
    ['a hundred events in one line each', Array.from({ length: 100 }, (_, index) => JSON.stringify(rawEvent(index))).join('\n'), 400],
  ])('%s', async (_, body, status) => {
    const { app, telemetry } = createTestReceiver();
    expect((await post(app, body)).status).toBe(status);
    expect(telemetry.internalErrors).toEqual([]);
  });
});
