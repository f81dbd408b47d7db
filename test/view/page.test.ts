import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { postTo, recordedBodies } from '../bridge/bridge-fixture.ts';
import { startViewBridge } from './view-bridge.ts';

const token = 'the-reader-token-0123456789';

describe('the page', () => {
  it('the page is a single file of at most 45 kB compressed, with no external requests', async () => {
    const { bridge } = await startViewBridge();
    const response = await bridge.app.request('/');
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    const html = await response.text();
    expect(gzipSync(html).byteLength).toBeLessThanOrEqual(45_000);
    expect(html.replaceAll(/http:\/\/www\.w3\.org\/\w+\/\w+/g, '')).not.toMatch(
      /(?:src|href|action)\s*=\s*["']?(?:https?:|\/\/)|@import|url\(/,
    );
    expect(html).not.toMatch(/\/\*(?:STYLE|SCRIPT)\*\//);
  });

  it('the policy of the page allows only its own script and style, and requests to its own bridge', async () => {
    const { bridge } = await startViewBridge();
    const response = await bridge.app.request('/');
    const html = await response.text();
    const policy = response.headers.get('content-security-policy') ?? '';
    for (const name of ['script', 'style']) {
      const text = new RegExp(`<${name}[^>]*>([\\s\\S]*?)</${name}>`).exec(html)?.[1] ?? '';
      expect(text.length).toBeGreaterThan(1000);
      expect(policy).toContain(`${name}-src 'sha256-${createHash('sha256').update(text).digest('base64')}';`);
    }
    expect(policy).toMatch(/^default-src 'none'; .*connect-src 'self'; .*frame-ancestors 'none'$/);
    expect(policy).not.toContain('unsafe');
    const markup = html.replaceAll(/(<(script|style)[^>]*>)[\s\S]*?(?=<\/\2>)/g, '$1');
    expect(markup).not.toMatch(/<[^>]*\son\w+\s*=|<[^>]*\sstyle\s*=/);
    expect(response.headers.get('x-frame-options')).toBe('DENY');
  });

  it('no source of the page turns texts into markup or code', () => {
    const folder = new URL('../../src/view/page/', import.meta.url);
    const sources = readdirSync(folder).filter((name) => /\.tsx?$/.test(name));
    expect(sources.length).toBeGreaterThan(10);
    for (const name of sources)
      expect(readFileSync(new URL(name, folder), 'utf8'), name).not.toMatch(
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\('(?:on|style)/i,
      );
  });

  it('posts to the address of the page still reach the receiver', async () => {
    const { bridge } = await startViewBridge();
    expect((await postTo(bridge.app, recordedBodies('job-submit-ray-2.60.0.ndjson')[0] ?? '[]')).status).toBe(200);
    const fromPage = await bridge.app.request('/', { method: 'POST', body: '[]', headers: { origin: 'http://localhost' } });
    expect(fromPage.status).toBe(403);
    expect((await bridge.app.request('/', { method: 'PUT' })).status).toBe(405);
    expect((await bridge.app.request('/', { method: 'HEAD' })).status).toBe(200);
    expect((await bridge.app.request('/v1/events')).status).toBe(405);
  });

  it('the page requires the token, and any site may link to it', async () => {
    const { bridge } = await startViewBridge({ settings: { readTokens: [token] } });
    expect((await bridge.app.request('/')).status).toBe(401);
    const headers = {
      authorization: `Bearer ${token}`,
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    };
    expect((await bridge.app.request('/', { headers })).status).toBe(200);
    expect((await bridge.app.request('/', { headers: { ...headers, 'sec-fetch-dest': 'iframe' } })).status).toBe(403);
    expect((await bridge.app.request('/', { headers: { host: 'evil.example' } })).status).toBe(401);
  });
});
