import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { defaultSettings } from '../../src/config.ts';
import { portOf } from '../export/support.ts';
import { createTestBridge, until } from './bridge-fixture.ts';

// Another consumer of the feed, on a real connection.

let consumer: Server;
let status = 200;
let taken: { readonly type: string | undefined; readonly body: string }[] = [];

beforeEach(async () => {
  status = 200;
  taken = [];
  consumer = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      if (status === 200) taken.push({ type: request.headers['content-type'], body: Buffer.concat(pieces).toString('utf8') });
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => {
    consumer.listen(0, '127.0.0.1', resolve);
  });
});

afterEach(() => {
  consumer.closeAllConnections();
  consumer.close();
});

const body = (sessionName = 'session_a'): string =>
  JSON.stringify([{ eventId: `id ${sessionName}`, eventType: 'NEW_EVENT_TYPE', sessionName, timestamp: '2026-01-01T00:00:00Z' }]);

function bridgeWith(forwardRequired: boolean) {
  const forwardTo = [new URL(`http://127.0.0.1:${portOf(consumer)}/events`)];
  const test = createTestBridge({ settings: { forwardTo, forwardRequired, forwardRetryForMs: 1000 } });
  const post = async (text: string): Promise<Response> =>
    test.bridge.app.request('/v1/events', { method: 'POST', body: text, headers: { 'content-type': 'application/json' } });
  return { ...test, post };
}

it('sends an accepted post on, as it came, and answers at once', async () => {
  const { bridge, post } = bridgeWith(false);
  expect((await post(body())).status).toBe(200);
  await until(() => taken.length === 1);
  expect(taken).toEqual([{ type: 'application/json', body: body() }]);
  await expect
    .poll(async () => (await bridge.app.request('/metrics')).text())
    .toMatch(/^ray_otel_bridge_forward_posts_total\{target="http:\/\/127\.0\.0\.1:\d+"\} 1$/m);
  await bridge.stop();
});

it('does not send on what it refuses, because Ray posts it again', async () => {
  const { bridge, post } = bridgeWith(false);
  expect((await post('[')).status).toBe(400);
  expect((await post(body())).status).toBe(200);
  await until(() => taken.length === 1);
  await bridge.stop();
  expect(taken.map((each) => each.body)).toEqual([body()]);
});

it('answers 200 although the other consumer is away, and counts what was dropped for it', async () => {
  status = 503;
  const { bridge, post, lines, pass } = bridgeWith(false);
  expect((await post(body())).status).toBe(200);
  await until(() => lines.some(({ event }) => event === 'forward_failing'));
  pass(2000);
  await until(() => lines.some(({ event }) => event === 'forward_dropped'));
  expect(await (await bridge.app.request('/metrics')).text()).toMatch(/^ray_otel_bridge_forward_posts_dropped_total\{reason="late"\} 1$/m);
  await bridge.stop();
});

it('answers 503 while a required consumer does not take the post, and 200 when Ray repeats it after that', async () => {
  status = 400;
  const { bridge, post } = bridgeWith(true);
  const refused = await post(body());
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({ error: { code: 'forward_failed' } });
  status = 200;
  expect((await post(body())).status).toBe(200);
  expect(taken.map((each) => each.body)).toEqual([body()]);
  await bridge.stop();
});

it('sends nothing on by default', () => {
  expect(defaultSettings()).toMatchObject({ forwardTo: [], forwardRequired: false });
});
