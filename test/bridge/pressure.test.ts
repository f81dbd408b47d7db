import { describe, expect, it } from 'vitest';
import { defaultOpenBytes, type Load, MAX_OPEN_RECORDS, pressureOf } from '../../src/bridge/pressure.ts';
import { createTestBridge, until } from './bridge-fixture.ts';
import { taskId } from '../support/events.ts';
import { hexToBase64, type Raw, rawEvent } from '../support/raw-events.ts';

const CALM: Load = {
  isStopping: false,
  journal: { bytes: 0, limitBytes: 10 },
  outboxFull: undefined,
  openAttempts: 0,
  maxOpenAttempts: 10,
  openRecords: 0,
  openBytes: 0,
  maxOpenBytes: 10,
};

describe('senders are asked to keep their events', () => {
  it('at a limit, and not below it', () => {
    expect(pressureOf(CALM)).toBeUndefined();
    expect(pressureOf({ ...CALM, openAttempts: 9, openBytes: 9, openRecords: MAX_OPEN_RECORDS - 1 })).toBeUndefined();
    expect(pressureOf({ ...CALM, journal: { bytes: 9, limitBytes: 10 } })).toBeUndefined();
  });

  it('with the reason of a full outbox, which is why the journal is full', () => {
    const load = { ...CALM, outboxFull: 'the outbox holds 5 of 5 bytes' };
    expect(pressureOf(load)).toBeUndefined();
    expect(pressureOf({ ...load, journal: { bytes: 10, limitBytes: 10 } })).toMatchObject({
      code: 'journal_full',
      message: 'the journal is full, because the backend accepts no spans and the outbox holds 5 of 5 bytes',
    });
  });

  it.each([
    ['stopping', { isStopping: true }],
    ['journal_full', { journal: { bytes: 10, limitBytes: 10 } }],
    ['too_many_open_attempts', { openAttempts: 10 }],
    ['too_many_open_records', { openRecords: MAX_OPEN_RECORDS }],
    ['too_many_open_bytes', { openBytes: 10 }],
  ] as const)('with the code %s', (code, over) => {
    expect(pressureOf({ ...CALM, ...over })).toMatchObject({ code, retryAfterMs: 1_000 });
  });

  it('at 256 MiB of open state, or at a quarter of a smaller heap', () => {
    expect(defaultOpenBytes(4_000_000_000)).toBe(256 * 1024 * 1024);
    expect(defaultOpenBytes(400_000_000)).toBe(100_000_000);
  });
});

it('attempts with large labels cause 503 for Ray until some end', async () => {
  const test = createTestBridge({ settings: { maxOpenBytes: 1_000_000 } });
  await test.bridge.start();
  const post = async (number: number, slot: string, eventType: string, payload: Raw): Promise<Response> => {
    const eventId = hexToBase64(`${slot.length}${number}`.padStart(56, '0'));
    const body = JSON.stringify([rawEvent(eventType, slot, payload, { eventId, timestamp: new Date().toISOString() })]);
    const response = await test.bridge.app.request('/', { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    await until(() => test.bridge.stats().journal.entries === 0);
    return response;
  };
  const define = (number: number): Promise<Response> =>
    post(number, 'taskDefinitionEvent', 'TASK_DEFINITION_EVENT', {
      taskId: hexToBase64(taskId(number)),
      taskAttempt: 0,
      taskName: `work ${number}`,
      labelSelector: Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`label ${index}`, `${number} `.padEnd(1_000, 'x')])),
    });
  let accepted = 0;
  let response = await define(accepted);
  while (response.status === 200 && accepted < 50) {
    accepted += 1;
    response = await define(accepted);
  }
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await response.json()).toMatchObject({ error: { code: 'too_many_open_bytes' } });
  expect(accepted).toBeGreaterThan(7);
  expect(accepted).toBeLessThan(11);
  expect(test.bridge.stats().correlator.openAttempts).toBe(accepted);
  test.pass(2 * 3_600_000);
  await until(() => test.bridge.stats().correlator.openBytes === 0);
  expect((await define(accepted)).status).toBe(200);
  await test.bridge.stop();
});
