import { once } from 'node:events';
import { Agent, type ClientRequest, createServer, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { getRequestListener } from '@hono/node-server';
import { Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { afterEach, describe, expect, it } from 'vitest';
import { accepted, createTestReceiver, rawEvents, type TestReceiver } from './receiver-fixture.ts';

/** A receiver behind a real socket, as `serve` runs it. */
interface Served extends TestReceiver {
  readonly port: number;
  readonly agent: Agent;
}

const cleanUps: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

type Way = 'directly' | 'through Hono';

async function serve(
  overrides?: Parameters<typeof createTestReceiver>[0],
  inFront?: MiddlewareHandler,
  way: Way = 'through Hono',
): Promise<Served> {
  const receiver = createTestReceiver(overrides);
  const app = inFront === undefined ? receiver.app : new Hono().use(inFront).route('/', receiver.app);
  const listener = getRequestListener(app.fetch);
  const server = createServer((incoming, outgoing) => {
    if (way === 'through Hono' || !receiver.answerDirectly(incoming, outgoing)) void listener(incoming, outgoing);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  cleanUps.push(async () => {
    agent.destroy();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return { ...receiver, port: (server.address() as AddressInfo).port, agent };
}

function start({ port, agent }: Served, headers: Record<string, string> = {}, path = '/'): ClientRequest {
  return request({ port, host: '127.0.0.1', agent, method: 'POST', path, headers: { 'content-type': 'application/json', ...headers } });
}

async function answerOf(sent: ClientRequest): Promise<{ readonly status: number | undefined; readonly body: unknown }> {
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const piece of response.setEncoding('utf8')) text += String(piece);
  return { status: response.statusCode, body: JSON.parse(text) };
}

async function postWhole(served: Served, body: string | Buffer, headers: Record<string, string> = {}) {
  const sent = start(served, { 'content-length': String(Buffer.byteLength(body)), ...headers });
  sent.end(body);
  return answerOf(sent);
}

describe.each<Way>(['directly', 'through Hono'])('over a real socket, answered %s', (way) => {
  it('many posts share one connection', async () => {
    const served = await serve({}, undefined, way);
    let connections = 0;
    for (let index = 0; index < 20; index += 1) {
      const sent = start(served);
      sent.on('socket', () => {
        if (!sent.reusedSocket) connections += 1;
      });
      sent.end(JSON.stringify(rawEvents(2, index * 2)));
      expect(await answerOf(sent)).toEqual({ status: 200, body: accepted(2) });
    }
    expect(connections).toBe(1);
    expect(served.journal.stats().entries).toBe(40);
  });

  it('a chunked body that arrives byte by byte is read', async () => {
    const served = await serve({}, undefined, way);
    const sent = start(served);
    for (const byte of Buffer.from(JSON.stringify(rawEvents(1)))) sent.write(Buffer.of(byte));
    sent.end();
    expect(await answerOf(sent)).toEqual({ status: 200, body: accepted(1) });
  });

  it('a slow body does not delay other senders', async () => {
    const served = await serve({}, undefined, way);
    const slow = start({ ...served, agent: new Agent() });
    slow.write('[');
    expect(await postWhole(served, JSON.stringify(rawEvents(1)))).toEqual({ status: 200, body: accepted(1) });
    slow.end(JSON.stringify(rawEvents(1, 1)).slice(1));
    expect(await answerOf(slow)).toEqual({ status: 200, body: accepted(1) });
  });

  it.each([{}, { 'content-encoding': 'gzip' }])(
    'a sender that aborts within its body leaves no event and no reserved bytes (%j)',
    async (headers) => {
      let begun = 0;
      const pressure = (): undefined => {
        begun += 1;
      };
      const served = await serve({ limits: { maxInFlightBytes: 300_000 }, pressure }, undefined, way);
      const text = JSON.stringify(rawEvents(400));
      for (let index = 0; index < 5; index += 1) {
        const socket = connect(served.port, '127.0.0.1');
        const encoding = 'content-encoding' in headers ? 'content-encoding: gzip\r\n' : '';
        socket.write(`POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${encoding}content-length: 250000\r\n\r\n`);
        const body = encoding === '' ? Buffer.from(text) : gzipSync(text);
        socket.write(body.subarray(0, body.length - 20));
        await until(() => begun > index);
        socket.destroy();
        await until(() => served.telemetry.refused.length > index);
      }
      expect(new Set(served.telemetry.refused)).toEqual(new Set(['body_incomplete']));
      expect(served.journal.stats().entries).toBe(0);
      expect(await postWhole(served, JSON.stringify(rawEvents(400)))).toEqual({ status: 200, body: accepted(400) });
      expect(served.telemetry.internalErrors).toEqual([]);
    },
  );

  it('a body above the limit is answered 413 while it is sent, and the next post succeeds', async () => {
    const served = await serve({ limits: { maxBodyBytes: 100_000 } }, undefined, way);
    expect(await postWhole(served, Buffer.alloc(200_000, ' '))).toMatchObject({ status: 413 });
    const endless = start({ ...served, agent: new Agent() });
    endless.on('error', () => {});
    const piece = Buffer.alloc(10_000, ' ');
    const pour = setInterval(() => endless.write(piece), 1);
    const answer = await answerOf(endless);
    clearInterval(pour);
    endless.destroy();
    expect(answer).toMatchObject({ status: 413, body: { error: { code: 'body_too_large' } } });
    expect(await postWhole(served, JSON.stringify(rawEvents(1)))).toEqual({ status: 200, body: accepted(1) });
  });

  it('a refusal under pressure does not read the body and keeps the connection open', async () => {
    let isFull = true;
    const served = await serve(
      { pressure: () => (isFull ? { code: 'journal_full', message: 'full', retryAfterMs: 10 } : undefined) },
      undefined,
      way,
    );
    expect(await postWhole(served, JSON.stringify(rawEvents(1000)))).toMatchObject({
      status: 503,
      body: { error: { code: 'journal_full' } },
    });
    isFull = false;
    expect(await postWhole(served, JSON.stringify(rawEvents(1000)))).toEqual({ status: 200, body: accepted(1000) });
  });
});

describe('behind a middleware', () => {
  const whole = JSON.stringify(rawEvents(1000));
  const inFront: Readonly<Record<string, MiddlewareHandler>> = {
    'that looks at the method only': async (context, next) => {
      expect(context.req.method).toBe('POST');
      await next();
    },
    'that limits bodies': bodyLimit({ maxSize: 10_000_000 }),
    'that puts another body in its place': async (context, next) => {
      const text = await context.req.text();
      context.req.raw = new Request(context.req.raw.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: text.replace('DRIVER_JOB_LIFECYCLE_EVENT', 'OTHER_EVENT'),
      });
      await next();
    },
    'that puts another body in its place, the first one unread': async (context, next) => {
      const body = whole.replace('DRIVER_JOB_LIFECYCLE_EVENT', 'OTHER_EVENT');
      context.req.raw = new Request(context.req.raw.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      await next();
    },
    'that reads it as a stream': async (context, next) => {
      const { body } = context.req.raw;
      const init = { method: 'POST', headers: context.req.raw.headers, body, duplex: 'half' as const };
      context.req.raw = new Request(context.req.raw.url, init);
      await next();
    },
  };

  it.each(Object.keys(inFront))('%s the receiver reads the body that it left', async (name) => {
    const served = await serve({}, inFront[name]);
    const { status, body } = await postWhole(served, whole);
    const isReplaced = name.includes('another');
    expect([status, body]).toMatchObject([200, { accepted: isReplaced ? 999 : 1000, rejected: isReplaced ? 1 : 0 }]);
  });

  it('that changes nothing the body is read without a web stream', async () => {
    let asked = 0;
    const served = await serve({}, async (context, next) => {
      const get = (): null => {
        asked += 1;
        return null;
      };
      Object.defineProperty(context.req.raw, 'body', { get });
      await next();
    });
    expect(await postWhole(served, whole)).toMatchObject({ status: 200, body: { accepted: 1000 } });
    expect(asked).toBe(0);
  });

  it('that consumed the body the post is refused as incomplete', async () => {
    const served = await serve({}, async (context, next) => {
      await context.req.text();
      await next();
    });
    expect((await postWhole(served, whole)).status).toBe(400);
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setTimeout(resolve, 1);
    });
  }
}
