import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { rawEvent, rawEvents } from '../receiver/receiver-fixture.ts';
import { type AttackedServer, serveAttacked } from './attacked-server.ts';

const MEBIBYTE = 2 ** 20;

/**
 * Each on a connection of its own: the server cuts one whose body it does not want to read to its
 * end.
 */
function post(
  { server }: AttackedServer,
  body: string | Buffer,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', agent: false, headers: { 'content-type': 'application/json', ...headers } };
    const sent = request(server.url, options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

function withName(name: string): string {
  return JSON.stringify(rawEvent(1, { sessionName: name, message: name }));
}

describe('a hostile body', () => {
  it.each<[string, string | Buffer, number, string, Record<string, string>?]>([
    ['10 Mi brackets', '['.repeat(10 * MEBIBYTE), 400, 'body_not_json'],
    ['an event nested 1,000,000 deep', `[{"a":${'['.repeat(1e6)}${']'.repeat(1e6)}}]`, 200, 'event_too_deep'],
    ['an event of a million objects in each other', `[${'{"a":'.repeat(1e6)}1${'}'.repeat(1e6)}]`, 200, 'event_too_deep'],
    ['200,000 keys', `[{${Array.from({ length: 200_000 }, (_, index) => `"k${index}":1`).join(',')}}]`, 200, 'event_type_missing'],
    ['a string of 32 MiB', JSON.stringify([rawEvent(1, { sessionName: 'a'.repeat(32 * MEBIBYTE) })]), 200, 'event_session_invalid'],
    ['a number of 1 MiB', `[{"timestamp":${'9'.repeat(MEBIBYTE)}}]`, 200, 'event_type_missing'],
    ['100,001 events', `[${'{},'.repeat(100_000)}{}]`, 413, 'body_too_many_events'],
    ['65 MiB of space', ' '.repeat(65 * MEBIBYTE), 413, 'body_too_large'],
    ['a bomb: 1 GiB in 1 MiB', bomb(1024), 413, 'body_too_large', { 'content-encoding': 'gzip' }],
    ['a prototype', '[{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}]', 200, 'event_type_missing'],
  ])('is answered, does not affect other senders, and leaves nothing behind: %s', async (_name, body, status, code, headers = {}) => {
    const attacked = await serveAttacked({ receiverLimits: { maxInFlightBytes: 70 * MEBIBYTE } });
    // Three times: what one of them kept of the shared bytes, the next would miss.
    for (let index = 0; index < 3; index += 1) {
      const answer = await post(attacked, body, headers);
      expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(code) as string]);
      expect(answer.text.length).toBeLessThan(2000);
    }
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
    expect(await post(attacked, JSON.stringify(rawEvents(3, 10)))).toMatchObject({
      status: 200,
      text: expect.stringContaining('"accepted":3') as string,
    });
    expect(attacked.log()).not.toContain('internal_error');
  });
});

/** Zeros, compressed. */
function bomb(mebibytes: number): Buffer {
  const piece = gzipSync(Buffer.alloc(64 * MEBIBYTE));
  return Buffer.concat(Array.from({ length: mebibytes / 64 }, () => piece));
}

describe('a hostile name', () => {
  it.each([
    '../../../../etc/passwd',
    '/etc/passwd\0.json',
    'session_1"} 1\nray_otel_bridge_up{x="',
    '\u001b[2J\u001b]0;title\u0007',
    '\u202egnp.exe',
    '<script>alert(1)</script>',
    '${jndi:ldap://x}',
    "'; DROP TABLE spans; --",
    '__proto__',
  ])('of a session cannot inject into the log or the metrics: %j', async (name) => {
    const attacked = await serveAttacked();
    const { status, text } = await post(attacked, withName(name));
    expect(status).toBe(200);
    const said = text + attacked.log() + (await attacked.metrics());
    expect(said).not.toMatch(/(?!\n)[\p{Cc}\p{Bidi_Control}]/u);
    const lines = (await attacked.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    for (const line of lines) expect(line).toMatch(/^\w+(?:\{[^{}]*\})? [-+\w.]+$/);
    expect(await attacked.goodPost()).toBe(200);
  });
});
