import { describe, expect, it } from 'vitest';
import { createTokenSet } from '../../src/http/index.ts';
import { accepted, createTestReceiver, post, rawEvents } from '../receiver/receiver-fixture.ts';

const first = 'first-token-of-24-chars.';
const second = 'second_token_of_24_chars';
const wrong = 'wrong-token-of-24-chars.';
const basic = (pair: string): Record<string, string> => ({ authorization: `Basic ${Buffer.from(pair).toString('base64')}` });
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

function guarded() {
  return createTestReceiver({ ingestTokens: createTokenSet([first, second]), readTokens: createTokenSet([second]) });
}

describe('a sender', () => {
  it.each([
    ['Basic, as user name', basic(`${first}:`), '/'],
    ['Basic, as password', basic(`ray:${second}`), '/v1/events'],
    ['Basic without a colon', basic(first), '/'],
    ['Bearer', bearer(first), '/'],
    ['bearer in any case', { authorization: `bEARER   ${first}` }, '/v1/events'],
    ['the path', {}, `/t/${first}`],
    ['the path with a slash', {}, `/t/${second}/`],
    ['the path before the usual one', {}, `/t/${first}/v1/events`],
    ['the path, with unrelated Basic credentials', basic('proxy:password'), `/t/${first}`],
  ])('is accepted with its token given by %s', async (_way, headers, path) => {
    const { app } = guarded();
    expect(await post(app, rawEvents(1), headers, path)).toMatchObject({ status: 200, body: accepted(1) });
  });

  it.each([
    ['nothing', {}, '/', 'token_missing'],
    ['an empty Basic', basic(':'), '/', 'token_missing'],
    ['another scheme', { authorization: `Digest ${first}` }, '/', 'token_missing'],
    ['a token without a scheme', { authorization: first }, '/', 'token_missing'],
    ['a token in the query', {}, `/?token=${first}`, 'token_missing'],
    ['a wrong Bearer', bearer(wrong), '/', 'token_invalid'],
    ['a wrong Basic', basic(`ray:${wrong}`), '/', 'token_invalid'],
    ['a wrong path', {}, `/t/${wrong}`, 'token_invalid'],
    ['a part of a token', bearer(first.slice(0, -1)), '/', 'token_invalid'],
    ['both tokens at once', bearer(first + second), '/', 'token_invalid'],
    ['a very long token', bearer('a'.repeat(4000)), '/', 'token_missing'],
    ['a NUL and more after the token', basic(`${first}\0x:`), '/', 'token_invalid'],
  ])('with %s receives 401, never a redirect, and no event is stored', async (_way, headers, path, code) => {
    const { app, journal, telemetry } = guarded();
    const answer = await post(app, rawEvents(1), headers, path);
    expect(answer).toMatchObject({ status: 401, body: { error: { code } } });
    expect(answer.headers.get('www-authenticate')).toMatch(/^Basic realm=.*, Bearer realm=/);
    expect(answer.headers.get('location')).toBeNull();
    expect([telemetry.refused, journal.stats().entries]).toEqual([[code], 0]);
  });

  it('must give its token before the bridge reads its body', async () => {
    const { app } = guarded();
    expect(await post(app, 'not json', { 'content-type': 'text/plain' })).toMatchObject({ status: 401 });
  });

  it.each(['/', '/v1/events', `/t/${wrong}`, `/t/${wrong}/v1/events`])(
    'may give any token, at %s, while none is required',
    async (path) => {
      const { app } = createTestReceiver();
      expect(await post(app, rawEvents(1), bearer(wrong), path)).toMatchObject({ status: 200 });
    },
  );

  it.each([
    ['t/', `/t/${first}/other`],
    ['t twice', `/t/t/${first}`],
    ['dots', `/t/${first}/../../x`],
    ['an empty token', '/t//v1/events'],
    ['the token below another path', `/v1/events/t/${first}`],
  ])('with a path that does not exist (%s) receives 404 without the path', async (_name, path) => {
    const { app } = guarded();
    const answer = await post(app, rawEvents(1), bearer(first), path);
    expect(answer.status).toBe(404);
    expect(JSON.stringify(answer.body)).not.toContain(first);
  });
});

describe('a reader', () => {
  it('needs a read token for the metrics, and none for health and readiness', async () => {
    const { app, telemetry } = guarded();
    const statusOf = async (path: string, headers: Record<string, string> = {}): Promise<number> =>
      (await app.request(path, { headers })).status;
    expect(await statusOf('/metrics', bearer(second))).toBe(200);
    expect(await statusOf('/metrics', basic(`prometheus:${second}`))).toBe(200);
    for (const path of ['/metrics', '/metrics/', '/%6detrics', '/x/../metrics', `/metrics?token=${second}`]) {
      expect(await statusOf(path), path).toBe(401);
      expect(await statusOf(path, bearer(first)), path).toBe(401);
    }
    expect(await statusOf(`/t/${second}/metrics`)).toBe(404);
    expect([await statusOf('/healthz'), await statusOf('/readyz')]).toEqual([200, 200]);
    expect(new Set(telemetry.refused)).toEqual(new Set(['token_missing', 'token_invalid']));
  });
});

describe('a web page', () => {
  it.each([{ origin: 'https://evil.example' }, { origin: 'null' }, { origin: 'http://localhost' }, { 'sec-fetch-site': 'same-origin' }])(
    'cannot post, not even by DNS rebinding: %j',
    async (headers) => {
      const { app, journal } = createTestReceiver();
      const response = await app.request('/', { method: 'POST', body: new Blob([JSON.stringify(rawEvents(1))]), headers });
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({ error: { code: 'browser_post' } });
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
      expect(journal.stats().entries).toBe(0);
    },
  );

  it('receives no CORS permission', async () => {
    const { app } = createTestReceiver();
    const response = await app.request('/', {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([405, null]);
  });
});

describe('the metrics without a read token', () => {
  const statusOf = async (headers: Record<string, string>, listenHost?: string) => {
    const { app, telemetry } = createTestReceiver(listenHost === undefined ? {} : { listenHost });
    const response = await app.request('/metrics', { headers });
    return [response.status, telemetry.refused.join()] as const;
  };
  const names = [
    'ray-otel-bridge:8080',
    'ray-otel-bridge.observability.svc.cluster.local:8080',
    'metrics.example.com',
    '10.1.2.3:8080',
    '[::1]:8080',
  ];
  const scrapers = [
    {
      'user-agent': 'Prometheus/3.5.0',
      accept: 'application/openmetrics-text;version=1.0.0',
      'accept-encoding': 'gzip',
      'x-prometheus-scrape-timeout-seconds': '10',
    },
    { 'user-agent': 'vm_promscrape', 'accept-encoding': 'gzip' },
    { 'user-agent': 'Datadog Agent/7.70.0', accept: '*/*', connection: 'keep-alive' },
    { 'user-agent': 'Go-http-client/1.1' },
    { 'user-agent': 'curl/8.5.0', accept: '*/*' },
    { 'user-agent': 'python-requests/2.32.3', 'accept-encoding': 'gzip, deflate' },
  ];

  it.each(scrapers)('can be read by a scraper under any host name: %j', async (headers) => {
    for (const host of names) expect(await statusOf({ host, ...headers })).toEqual([200, '']);
  });

  it('can be read without a Host header, by address, as localhost and under the host of --listen', async () => {
    const browser = { 'user-agent': 'Mozilla/5.0', 'accept-language': 'en', 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' };
    expect(await statusOf({})).toEqual([200, '']);
    for (const host of ['localhost:8080', '127.0.0.1:8080', '[::1]:8080', '192.0.2.7'])
      expect(await statusOf({ host, ...browser })).toEqual([200, '']);
    expect(await statusOf({ host: 'bridge.example:8080', ...browser }, 'bridge.example')).toEqual([200, '']);
  });

  it.each([
    {},
    { 'user-agent': '' },
    { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64)' },
    { 'user-agent': 'Prometheus/3.5.0', 'accept-language': '*' },
    { 'user-agent': 'Prometheus/3.5.0', referer: 'http://evil.example/' },
    { 'user-agent': 'Prometheus/3.5.0', 'sec-fetch-site': 'same-origin' },
    { 'user-agent': 'Prometheus/3.5.0', cookie: 'a=b' },
  ])('cannot be read by a page through DNS rebinding: %j', async (headers) => {
    for (const host of ['evil.example', 'evil.example:8080', '127.0.0.1.evil.example', ''])
      expect(await statusOf({ host, ...headers })).toEqual([403, 'host_not_allowed']);
  });

  it.each([
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' },
    { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'script' },
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
    { origin: 'http://evil.example' },
    { origin: 'null' },
  ])('cannot be read by a page of another site: %j', async (headers) => {
    expect(await statusOf({ host: 'localhost:8080', ...headers })).toEqual([403, 'cross_site_read']);
  });

  it('open through a link, such as one on a page of Prometheus', async () => {
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    expect(await statusOf({ host: '10.1.2.3:8080', ...link })).toEqual([200, '']);
  });
});
