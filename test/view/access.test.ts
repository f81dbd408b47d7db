import { describe, expect, it } from 'vitest';
import { API_ROUTES } from '../../src/view/api.ts';
import { read, startViewBridge } from './view-bridge.ts';

const token = 'the-reader-token-0123456789';
const paths = API_ROUTES.filter((path) => path !== '/api/v1/stream').map((path) => path.replace(':job', '01000000'));

describe('a token for readers', () => {
  it('every route requires the token', async () => {
    const { bridge } = await startViewBridge({ settings: { readTokens: [token] } });
    for (const path of API_ROUTES.map((each) => each.replace(':job', '01000000'))) {
      const { status, headers, body } = await read(bridge.app, path);
      expect([status, body.error.code], path).toEqual([401, 'token_missing']);
      expect(headers.get('www-authenticate')).toContain('Basic');
      expect((await read(bridge.app, path, { authorization: `Bearer ${token}x` })).body.error.code).toBe('token_invalid');
    }
    for (const path of paths) {
      const { status } = await read(bridge.app, path, { authorization: `Basic ${Buffer.from(`${token}:`).toString('base64')}` });
      expect([200, 404]).toContain(status);
    }
  });
});

describe('a page of another site', () => {
  it.each([
    'localhost',
    'localhost:8080',
    '127.0.0.1:8080',
    '[::1]:8080',
    '10.1.2.3',
    'view.localhost:1',
    'LOCALHOST.',
    'bridge.example:80',
  ])('is not what asks for the host %s', async (host) => {
    const { bridge } = await startViewBridge({ settings: { listen: { host: 'bridge.example', port: 80 } } });
    expect((await read(bridge.app, '/api/v1/status', { host })).status).toBe(200);
  });

  it.each(['evil.example', 'evil.example:8080', 'localhost.evil.example', '127.0.0.1.evil.example', '127.0.0.1@evil.example', '', 'a:b:c'])(
    'a site that points its own name %j here is refused',
    async (host) => {
      const { bridge } = await startViewBridge();
      for (const path of paths) expect((await read(bridge.app, path, { host })).body.error?.code, path).toBe('host_not_allowed');
    },
  );

  it('any host name is allowed with a token, because another site has none', async () => {
    const { bridge } = await startViewBridge({ settings: { readTokens: [token] } });
    const headers = { host: 'bridge.example', authorization: `Bearer ${token}` };
    expect((await read(bridge.app, '/api/v1/status', headers)).status).toBe(200);
  });

  it.each([
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' },
    { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' },
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { origin: 'http://localhost:9999' },
  ])('gets nothing: %j', async (headers) => {
    const { bridge } = await startViewBridge();
    const { status, body, headers: answered } = await read(bridge.app, '/api/v1/jobs', { host: 'localhost:8080', ...headers });
    expect([status, body.error.code]).toEqual([403, 'cross_site_read']);
    expect(answered.get('access-control-allow-origin')).toBeNull();
  });

  it("requests of the bridge's own page are allowed", async () => {
    const { bridge } = await startViewBridge();
    const own = { host: 'localhost:8080', origin: 'http://localhost:8080', 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' };
    const { status, headers } = await read(bridge.app, '/api/v1/jobs', own);
    expect(status).toBe(200);
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
  });
});

describe('other methods', () => {
  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s changes nothing', async (method) => {
    const { bridge } = await startViewBridge();
    for (const path of paths) {
      const response = await bridge.app.request(path, { method });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    }
  });
});
