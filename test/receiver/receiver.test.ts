import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { type AppendOutcome, createMemoryJournal, type Journal } from '../../src/journal/index.ts';
import { createReceiver } from '../../src/receiver/index.ts';
import { accepted, createRecordedTelemetry, createTestReceiver, post, rawEvent, rawEvents, rawPlatformEvent } from './receiver-fixture.ts';

describe('posts', () => {
  it.each(['/', '/v1/events', '/v1/events/', '/?token=x'])('are accepted at %s', async (path) => {
    const { app, journal } = createTestReceiver();
    const answer = await post(app, rawEvents(3), {}, path);
    expect(answer).toMatchObject({ status: 200, body: accepted(3) });
    const { entries } = await journal.read(0, 10);
    expect(entries.map(({ event }) => event.eventId)).toEqual(rawEvents(3).map(({ eventId }) => eventId));
    expect(new Set(entries.map(({ receivedAtMs }) => receivedAtMs)).size).toBe(1);
  });

  it('may be one object, an empty array, or an array with white space around it', async () => {
    const { app } = createTestReceiver();
    expect((await post(app, rawEvent(0))).body).toEqual(accepted(1));
    expect((await post(app, [])).body).toEqual(accepted(0));
    expect((await post(app, `\ufeff \n${JSON.stringify(rawEvents(1, 1), undefined, 2)}\n`)).body).toEqual(accepted(1));
  });

  it('with a bad event are answered 200: it is rejected and the others are accepted', async () => {
    const { app, journal } = createTestReceiver();
    const { status, body } = await post(app, [
      rawEvent(0),
      7,
      rawEvent(1),
      { eventType: 'NO_SUCH_EVENT', sessionName: 's', eventId: 'AA==' },
    ]);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      accepted: 2,
      duplicates: 0,
      rejected: 2,
      errors: [
        { index: 1, code: 'event_not_object' },
        { index: 3, code: 'event_type_unknown' },
      ],
    });
    expect(journal.stats().entries).toBe(2);
  });

  it('are answered with the first ten errors and the number of all', async () => {
    const { app, telemetry } = createTestReceiver();
    const { body } = await post(
      app,
      Array.from({ length: 25 }, (_, index) => index),
    );
    expect(body).toMatchObject({ accepted: 0, rejected: 25 });
    expect(body).toMatchObject({ errors: Array.from({ length: 10 }, (_, index) => ({ index, code: 'event_not_object' })) });
    expect(telemetry.rejectedByCode).toEqual(new Map([['event_not_object', 25]]));
  });

  it('with unknown event types are counted by type', async () => {
    const { app, telemetry } = createTestReceiver();
    const tomorrow = rawEvent(0, { eventType: 'TOMORROW_EVENT', driverJobLifecycleEvent: undefined, tomorrowEvent: {} });
    await post(app, [tomorrow, tomorrow, rawEvent(1)]);
    expect(telemetry.unknownTypes).toEqual(new Map([['TOMORROW_EVENT', 2]]));
  });
});

describe('duplicates', () => {
  it('are detected within a batch and between batches', async () => {
    const { app, journal } = createTestReceiver();
    expect((await post(app, [rawEvent(0), rawEvent(0), rawEvent(1)])).body).toEqual(accepted(2, 1));
    expect((await post(app, rawEvents(3))).body).toEqual(accepted(1, 2));
    expect(journal.stats().entries).toBe(3);
  });

  it('are not charged to the journal: a batch counts with its new events only', async () => {
    const { app, journal } = createTestReceiver();
    await post(app, rawEvents(2));
    const beforeBytes = journal.stats().bytes;
    await post(app, rawEvents(8));
    expect(journal.stats().bytes - beforeBytes).toBe(Math.ceil((JSON.stringify(rawEvents(8)).length * 6) / 8));
  });

  it('are not detected by the id of a platform event, which its updates share', async () => {
    const { app } = createTestReceiver();
    expect((await post(app, [rawPlatformEvent(), rawPlatformEvent()])).body).toEqual(accepted(2));
    expect((await post(app, [rawPlatformEvent()])).body).toEqual(accepted(1));
  });

  it('are no longer detected after the limit of remembered ids', async () => {
    const { app } = createTestReceiver({ limits: { maxRememberedEvents: 2 } });
    await post(app, rawEvents(5));
    expect((await post(app, [rawEvent(4)])).body).toEqual(accepted(0, 1));
    expect((await post(app, [rawEvent(0)])).body).toEqual(accepted(1));
  });

  it('are not the events of a refused batch that Ray repeats', async () => {
    const journal = createMemoryJournal({ limitBytes: 1000 });
    const { app } = createTestReceiver({ journal });
    await post(app, rawEvents(1));
    const refused = await post(app, rawEvents(2, 1));
    expect(refused).toMatchObject({ status: 503, body: { error: { code: 'journal_full' } } });
    expect(refused.headers.get('retry-after')).toBe('1');
    journal.release(1);
    expect((await post(app, rawEvents(2, 1))).body).toEqual(accepted(2));
  });

  it('of a batch that is being appended wait for its outcome', async () => {
    const { journal, settle, appends } = createSlowJournal();
    const { app } = createTestReceiver({ journal });
    const first = post(app, rawEvents(2));
    await appends(1);
    const same = post(app, rawEvents(2));
    const other = post(app, rawEvents(2, 2));
    await appends(2);
    settle({ ok: true });
    expect([(await first).body, (await same).body, (await other).body]).toEqual([accepted(2), accepted(0, 2), accepted(2)]);
    expect(journal.stats().entries).toBe(4);
  });

  it('make a batch wait as a whole, and its new events are accepted once', async () => {
    const { journal, settle, appends } = createSlowJournal();
    const { app } = createTestReceiver({ journal });
    const first = post(app, rawEvents(2));
    await appends(1);
    const overlapping = [post(app, rawEvents(2, 1)), post(app, [...rawEvents(1, 2), ...rawEvents(1, 2), ...rawEvents(1, 1)])];
    settle({ ok: true });
    const bodies = await Promise.all([first, ...overlapping].map(async (answer) => (await answer).body));
    expect(bodies).toEqual([accepted(2), accepted(1, 1), accepted(0, 3)]);
    expect(journal.stats().entries).toBe(3);
  });

  it('of a batch whose append fails are accepted instead of it', async () => {
    const { journal, settle, appends } = createSlowJournal();
    const { app } = createTestReceiver({ journal });
    const first = post(app, rawEvents(2));
    await appends(1);
    const same = post(app, rawEvents(2));
    settle({ ok: false, code: 'journal_unavailable', message: 'the disk is full', retryAfterMs: 2500 });
    await appends(2);
    settle({ ok: true });
    expect(await first).toMatchObject({ status: 503, body: { error: { code: 'journal_unavailable', message: 'the disk is full' } } });
    expect((await first).headers.get('retry-after')).toBe('3');
    expect((await same).body).toEqual(accepted(2));
    expect(journal.stats().entries).toBe(2);
  });
});

describe('events of a batch whose append throws', () => {
  it('are accepted when Ray repeats them', async () => {
    const memory = createMemoryJournal();
    let isBroken = true;
    const journal: Journal = { ...memory, append: (...given) => (isBroken ? Promise.reject(new Error('bug')) : memory.append(...given)) };
    const { app } = createTestReceiver({ journal });
    expect((await post(app, rawEvents(3))).status).toBe(500);
    isBroken = false;
    expect((await post(app, rawEvents(4))).body).toEqual(accepted(4));
    expect((await post(app, rawEvents(5))).body).toEqual(accepted(1, 4));
  });
});

describe('refusals', () => {
  it.each(['', 'null', '"text"', '12', '{"a":', '[{},]', '[1] 2', 'a=b', '[{"a":01}]', '[NaN]'])(
    'are 400 for the body %j',
    async (body) => {
      const { app, journal } = createTestReceiver();
      expect(await post(app, body)).toMatchObject({ status: 400, body: { error: { code: 'body_not_json' } } });
      expect(journal.stats().entries).toBe(0);
    },
  );

  it('apply to the whole body when only its end is not JSON', async () => {
    const { app, journal } = createTestReceiver();
    const { body } = await post(app, `${JSON.stringify(rawEvents(2)).slice(0, -1)},{"a":b}]`);
    expect(body).toMatchObject({ error: { code: 'body_not_json', message: expect.stringContaining('element 2') as unknown } });
    expect(journal.stats().entries).toBe(0);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/jsonx',
    'multipart/form-data; boundary=json',
    'application/x-protobuf',
    'json',
    '',
  ])('are 415 for the content-type %j', async (contentType) => {
    const { app } = createTestReceiver();
    expect(await post(app, [], { 'content-type': contentType })).toMatchObject({
      status: 415,
      body: { error: { code: 'content_type_unsupported' } },
    });
  });

  it.each(['application/json', 'Application/JSON; charset=utf-8', 'application/cloudevents-batch+json', ' application/json ;x'])(
    'takes content-type %j',
    async (contentType) => {
      const { app } = createTestReceiver();
      expect((await post(app, [], { 'content-type': contentType })).status).toBe(200);
    },
  );

  it('do not apply to a body without a content-type', async () => {
    const { app } = createTestReceiver();
    const response = await app.request('/', { method: 'POST', body: new TextEncoder().encode(JSON.stringify(rawEvents(1))) });
    expect(await response.json()).toEqual(accepted(1));
  });

  it('are 413 for more events than the limit, and no event is accepted', async () => {
    const { app, journal } = createTestReceiver({ limits: { maxBodyEvents: 3 } });
    expect((await post(app, rawEvents(3))).status).toBe(200);
    expect(await post(app, rawEvents(4, 10))).toMatchObject({ status: 413, body: { error: { code: 'body_too_many_events' } } });
    expect(journal.stats().entries).toBe(3);
  });

  it('are 503 under pressure, before the body is read and also when pressure starts during the read', async () => {
    const pressure = { code: 'too_many_open_attempts', message: 'too many', retryAfterMs: 5000 } as const;
    const before = createTestReceiver({ pressure: () => pressure });
    const refused = await post(before.app, 'not even json');
    expect(refused).toMatchObject({ status: 503, body: { error: { code: 'too_many_open_attempts', message: 'too many' } } });
    expect(refused.headers.get('retry-after')).toBe('5');

    let asked = 0;
    const meanwhile = createTestReceiver({ pressure: () => (asked++ === 0 ? undefined : { ...pressure, code: 'stopping' }) });
    expect(await post(meanwhile.app, rawEvents(1))).toMatchObject({ status: 503, body: { error: { code: 'stopping' } } });
    expect(meanwhile.journal.stats().entries).toBe(0);
  });

  it.each(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD'])('are 405 for %s at a path for posts', async (method) => {
    const { app } = createTestReceiver();
    for (const path of ['/', '/v1/events']) {
      const response = await app.request(path, { method });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
    }
    expect((await app.request('/healthz', { method: 'POST' })).headers.get('allow')).toBe('GET, HEAD');
  });

  it.each(['/nothing', '/v1', '//v1', '/v1/events/more', '/%2e%2e/etc', '/%ff'])(
    'answers 404, and never a redirect, at %s',
    async (path) => {
      const { app } = createTestReceiver();
      expect(await post(app, [], {}, path)).toMatchObject({ status: 404, body: { error: { code: 'not_found' } } });
    },
  );
});

describe('internal errors', () => {
  it('in the decoder lose one event and are reported', async () => {
    const { app, telemetry } = createTestReceiver({
      decode: () => {
        throw new TypeError('our bug');
      },
    });
    expect((await post(app, rawEvents(1))).body).toMatchObject({
      accepted: 0,
      rejected: 1,
      errors: [{ index: 0, code: 'event_field_invalid' }],
    });
    expect(telemetry.internalErrors).toMatchObject([{ stage: 'decode', error: { message: 'our bug' } }]);
  });

  it('in other places are answered 500 without details', async () => {
    const journal: Journal = { ...createMemoryJournal(), append: () => Promise.reject(new Error('secret detail')) };
    const { app, telemetry } = createTestReceiver({ journal });
    const answer = await post(app, rawEvents(1));
    expect(answer.status).toBe(500);
    expect(JSON.stringify(answer.body)).not.toContain('secret detail');
    expect(telemetry.internalErrors).toMatchObject([{ stage: 'receiver', error: { message: 'secret detail' } }]);
    expect(await post(app, rawEvents(1))).toMatchObject({ status: 500 });
  });
});

describe('the routes for probes', () => {
  it('answer alive always, and ready when the bridge is ready', async () => {
    let reason: string | undefined = 'starting';
    let pressure: ReturnType<Parameters<typeof createReceiver>[0]['pressure']>;
    const { app } = createTestReceiver({ notReadyReason: () => reason, pressure: () => pressure });
    const ready = async (): Promise<unknown[]> => {
      const response = await app.request('/readyz');
      return [response.status, await response.json()];
    };
    expect(await ready()).toEqual([503, { status: 'not ready', reason: 'starting' }]);
    expect((await app.request('/healthz')).status).toBe(200);
    reason = undefined;
    expect(await ready()).toEqual([200, { status: 'ready' }]);
    pressure = { code: 'journal_full', message: 'no room', retryAfterMs: 1 };
    expect(await ready()).toEqual([503, { status: 'not ready', reason: 'no room' }]);
    expect((await app.request('/healthz', { method: 'HEAD' })).status).toBe(200);
  });

  it('serve the metrics page', async () => {
    const { app } = createTestReceiver();
    const response = await app.request('/metrics');
    expect([response.headers.get('content-type'), await response.text()]).toEqual(['text/plain; version=0.0.4', 'a_metric 1\n']);
  });

  it('and all answers have headers against content sniffing and caching', async () => {
    const { app } = createTestReceiver();
    for (const response of [
      await app.request('/healthz'),
      await app.request('/nothing'),
      await app.request('/', { method: 'POST', body: '[' }),
    ]) {
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(response.headers.get('cache-control')).toBe('no-store');
    }
  });
});

it('the receiver works mounted in another Hono app', async () => {
  const { app } = createTestReceiver();
  const host = new Hono().route('/ray', app);
  expect((await post(host, rawEvents(1), {}, '/ray')).body).toEqual(accepted(1));
  expect((await post(host, rawEvents(1, 1), {}, '/ray/v1/events')).body).toEqual(accepted(1));
  expect((await host.request('/ray/healthz')).status).toBe(200);
});

it('the receiver reports every answer to telemetry', async () => {
  const telemetry = createRecordedTelemetry();
  let clockMs = 0;
  const { app } = createReceiver({
    journal: createMemoryJournal(),
    telemetry,
    monotonicMs: () => (clockMs += 5),
    notReadyReason: () => undefined,
    pressure: () => undefined,
  });
  await post(app, '[]');
  await post(app, '[');
  expect(telemetry.answered).toEqual([
    { status: 200, durationMs: 5, bytes: 2 },
    { status: 400, durationMs: 5, bytes: 0 },
  ]);
  expect(telemetry.refused).toEqual(['body_not_json']);
});

/** A journal whose appends settle when the test says so. */
function createSlowJournal() {
  const memory = createMemoryJournal();
  const outcomes: AppendOutcome[] = [];
  let started = 0;
  const journal: Journal = {
    ...memory,
    async append(entries, bytes) {
      const ticket = started++;
      while (outcomes.at(-1)?.ok !== true && outcomes[ticket] === undefined) await nextTurn();
      const outcome = outcomes[ticket] ?? { ok: true };
      return outcome.ok ? memory.append(entries, bytes) : outcome;
    },
  };
  return {
    journal,
    settle: (outcome: AppendOutcome) => outcomes.push(outcome),
    appends: async (count: number) => {
      await until(() => started >= count);
    },
  };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn();
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
