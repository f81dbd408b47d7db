import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { getRequestListener } from '@hono/node-server';
import { afterEach, describe, expect, it } from 'vitest';
import { createTokenSet } from '../../src/http/index.ts';
import { createTestReceiver, rawEvents } from './receiver-fixture.ts';

const cleanUps: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

type Options = NonNullable<Parameters<typeof createTestReceiver>[0]>;

interface Outcome {
  /** Status line, headers in order of their names, and body. */
  readonly answer: readonly string[];
  readonly entries: number;
  readonly refused: readonly string[];
  readonly statuses: readonly number[];
  readonly answeredDirectly: number;
}

async function outcomeOf(request: Buffer, options: Options, mayAnswerDirectly: boolean): Promise<Outcome> {
  const { app, answerDirectly, journal, telemetry } = createTestReceiver(options);
  const listener = getRequestListener(app.fetch);
  let answeredDirectly = 0;
  const server = createServer((incoming, outgoing) => {
    if (mayAnswerDirectly && answerDirectly(incoming, outgoing)) answeredDirectly += 1;
    else void listener(incoming, outgoing);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write(request);
  let text = '';
  for await (const piece of socket.setEncoding('utf8')) text += String(piece);
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const [statusLine = '', ...headers] = head.split('\r\n');
  return {
    answer: [
      statusLine,
      ...headers
        .filter((line) => !/^date:/i.test(line))
        .map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()))
        .sort(),
      body,
    ],
    entries: journal.stats().entries,
    refused: telemetry.refused,
    statuses: telemetry.answered.map(({ status }) => status),
    answeredDirectly,
  };
}

interface Post {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: readonly string[];
  readonly body?: string | Buffer;
  readonly options?: Options;
}

const EVENTS = JSON.stringify(rawEvents(7));
const HOST = 'Host: 127.0.0.1:8080';
const JSON_TYPE = 'Content-Type: application/json';

function requestOf({ path = '/', method = 'POST', headers = [HOST, JSON_TYPE], body = EVENTS }: Post): Buffer {
  const bytes = Buffer.from(body);
  const length = headers.some((line) => /^(?:content-length|transfer-encoding):/i.test(line)) ? [] : [`Content-Length: ${bytes.length}`];
  return Buffer.concat([
    Buffer.from(`${[`${method} ${path} HTTP/1.1`, ...headers, ...length, 'Connection: close'].join('\r\n')}\r\n\r\n`),
    bytes,
  ]);
}

const protectedBy = (token: string): Options => ({ ingestTokens: createTokenSet([token]) });
const basic = (pair: string): string => `Authorization: Basic ${Buffer.from(pair).toString('base64')}`;

const DIRECT: Readonly<Record<string, Post>> = {
  'seven events': {},
  'events to /v1/events': { path: '/v1/events' },
  'a token in the path that is not asked for': { path: '/t/abc' },
  'a token in the path': { path: '/t/abc/v1/events', options: protectedBy('abc') },
  'a wrong token in the path': { path: '/t/abd/', options: protectedBy('abc') },
  'a missing token': { options: protectedBy('abc') },
  'a token as password': { headers: [HOST, JSON_TYPE, basic('ray:abc')], options: protectedBy('abc') },
  'a token as Bearer': { headers: [HOST, JSON_TYPE, 'Authorization: Bearer abc'], options: protectedBy('abc') },
  'two authorizations': { headers: [HOST, JSON_TYPE, basic('ray:no'), basic('ray:abc')], options: protectedBy('abc') },
  'no content type': { headers: [HOST] },
  'another content type': { headers: [HOST, 'Content-Type: text/plain'] },
  'two content types': { headers: [HOST, JSON_TYPE, 'content-type: text/plain'] },
  'a content type with parameters': { headers: [HOST, 'Content-Type: Application/JSON; charset=utf-8'] },
  'a page of a browser': { headers: [HOST, JSON_TYPE, 'Origin: http://evil.test'] },
  'a fetch of a browser': { headers: [HOST, JSON_TYPE, 'Sec-Fetch-Site: none'] },
  'no JSON': { body: '[{]' },
  'an empty body': { body: '' },
  'an object in place of an array': { body: JSON.stringify(rawEvents(1)[0]) },
  'bad events among good ones': { body: JSON.stringify([1, ...rawEvents(2), {}]) },
  'the same event twice': { body: JSON.stringify([...rawEvents(2), ...rawEvents(2)]) },
  'too many events': { options: { limits: { maxBodyEvents: 3 } } },
  'a body that is too large by its length': { options: { limits: { maxBodyBytes: 100 } } },
  'a chunked body that is too large': {
    headers: [HOST, JSON_TYPE, 'Transfer-Encoding: chunked'],
    body: `${EVENTS.length.toString(16)}\r\n${EVENTS}\r\n0\r\n\r\n`,
    options: { limits: { maxBodyBytes: 100 } },
  },
  'a chunked body': {
    headers: [HOST, JSON_TYPE, 'Transfer-Encoding: chunked'],
    body: `${EVENTS.length.toString(16)}\r\n${EVENTS}\r\n0\r\n\r\n`,
  },
  'no bytes left for bodies': { options: { limits: { maxInFlightBytes: 10 } } },
  gzip: { headers: [HOST, JSON_TYPE, 'Content-Encoding: gzip'], body: gzipSync(EVENTS) },
  deflate: { headers: [HOST, JSON_TYPE, 'Content-Encoding: deflate'], body: deflateSync(EVENTS) },
  brotli: { headers: [HOST, JSON_TYPE, 'Content-Encoding: br'], body: brotliCompressSync(EVENTS) },
  'broken gzip': { headers: [HOST, JSON_TYPE, 'Content-Encoding: gzip'], body: gzipSync(EVENTS).subarray(0, -9) },
  identity: { headers: [HOST, JSON_TYPE, 'Content-Encoding: identity'] },
  'an unknown encoding': { headers: [HOST, JSON_TYPE, 'Content-Encoding: zstd'] },
  pressure: { options: { pressure: () => ({ code: 'journal_full', message: 'full', retryAfterMs: 1500 }) } },
  'a decoder that throws': {
    options: {
      decode: () => {
        throw new Error('bug');
      },
    },
  },
  'a bug of the bridge': {
    options: {
      pressure: () => {
        throw new Error('bug');
      },
    },
  },
};

const THROUGH_HONO: Readonly<Record<string, Post>> = {
  'a query': { path: '/?token=abc' },
  'a closing slash': { path: '/v1/events/' },
  'an encoded token': { path: '/t/a%62c', options: protectedBy('abc') },
  'an absolute URL': { path: 'http://127.0.0.1:8080/' },
  'an unknown path': { path: '/other' },
  'two slashes': { path: '//' },
  'another method': { method: 'PUT' },
  'a read of the path of posts': { method: 'GET', body: '' },
  'a probe': { method: 'GET', path: '/healthz', body: '' },
  'an invalid host': { headers: ['Host: a b', JSON_TYPE] },
};

describe('a post that is answered directly has the same answer, events and counts as through Hono', () => {
  it.each(Object.entries(DIRECT))('%s', async (_, post) => {
    const direct = await outcomeOf(requestOf(post), post.options ?? {}, true);
    const hono = await outcomeOf(requestOf(post), post.options ?? {}, false);
    expect(direct).toEqual({ ...hono, answeredDirectly: 1 });
  });
});

describe('a request that is not plainly a post is left to Hono', () => {
  it.each(Object.entries(THROUGH_HONO))('%s', async (_, post) => {
    const direct = await outcomeOf(requestOf(post), post.options ?? {}, true);
    const hono = await outcomeOf(requestOf(post), post.options ?? {}, false);
    expect(direct).toEqual(hono);
  });
});
