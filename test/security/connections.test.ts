import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { connectRaw, connectTo, holdConnections, listenFor, type RawConnection, serveAttacked, until } from './attacked-server.ts';

/**
 * 10,000 with RAY_OTEL_TEST_IDLE_CONNECTIONS=10000; a process must be allowed somewhat more open
 * files then.
 */
const idleConnections = Number(process.env['RAY_OTEL_TEST_IDLE_CONNECTIONS'] ?? 300);
const head = 'POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
const posted = `${head}content-length: 2\r\n\r\n[]`;
const soon = { headersTimeoutMs: 100, requestTimeoutMs: 200, checkIntervalMs: 20 };

function answersIn(connection: RawConnection): number {
  return connection.received().split('200 OK').length - 1;
}

async function idle(attacked: Parameters<typeof connectRaw>[0], count: number, text = ''): Promise<RawConnection[]> {
  const connections: RawConnection[] = [];
  // In portions that the queue of the listening socket holds.
  while (connections.length < count) {
    const portion = Math.min(100, count - connections.length);
    connections.push(...(await Promise.all(Array.from({ length: portion }, () => connectRaw(attacked, text)))));
  }
  return connections;
}

describe('slow senders', () => {
  it.each([
    ['nothing', ''],
    ['headers that never end', 'POST / HTTP/1.1\r\nhost: x\r\nx-a: b\r\n'],
    ['half a request line', 'POST /v1/ev'],
  ])('that send %s are disconnected in time', async (_name, text) => {
    const attacked = await serveAttacked({}, { limits: { ...soon, requestTimeoutMs: 600_000 } });
    const { closed } = await connectRaw(attacked, text);
    expect(await closed).toMatch(/^HTTP\/1\.1 408 /);
    expect(await attacked.metric('connections_refused_total{reason="request_timeout"}')).toBe(1);
    expect(await attacked.goodPost()).toBe(200);
  });

  it('that send a header very slowly are disconnected in time', async () => {
    const attacked = await serveAttacked({}, { limits: soon });
    const { socket, closed } = await connectRaw(attacked, 'POST / HTTP/1.1\r\nhost: x\r\n');
    const drip = setInterval(() => socket.write('x-a: b\r\n'), 20);
    expect(await closed).toMatch(/^HTTP\/1\.1 408 /);
    clearInterval(drip);
  });

  it('that send a body byte by byte are disconnected in time, and their memory is freed', async () => {
    const limits = { maxBodyBytes: 100_000, maxInFlightBytes: 100_000 };
    const attacked = await serveAttacked({ receiverLimits: limits }, { limits: soon });
    const slow = await connectRaw(attacked, `${head}content-length: 100000\r\n\r\n[${' '.repeat(90_000)}`);
    const drip = setInterval(() => slow.socket.write(' '), 20);
    const good = (): Promise<Response> =>
      fetch(attacked.server.url, { method: 'POST', body: `[${' '.repeat(50_000)}]`, headers: { 'content-type': 'application/json' } });
    await until(async () => (await good()).status === 503);
    expect(await attacked.metric('requests_refused_total{code="receiver_busy"}')).toBeGreaterThan(0);
    await slow.closed;
    clearInterval(drip);
    await until(async () => (await good()).status === 200);
    expect(await attacked.metric('requests_refused_total{code="body_incomplete"}')).toBe(1);
  });

  it('that never read their answer lose their connection', async () => {
    let tellCut = (): void => {};
    const cut = new Promise<void>((resolve) => {
      tellCut = resolve;
    });
    const answerBytes = 32 * 2 ** 20;
    const port = await listenFor(
      (_request, bindings) => {
        (bindings as { incoming: IncomingMessage }).incoming.socket.once('close', tellCut);
        return new Response('x'.repeat(answerBytes));
      },
      { silenceTimeoutMs: 100 },
    );
    const { socket, closed } = await connectTo(port);
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await cut;
    socket.resume();
    expect((await closed).length).toBeLessThan(answerBytes);
  });
});

describe('many connections', () => {
  it(`${idleConnections} idle ones delay no sender, neither while they connect nor later`, async () => {
    // Without an end: the times of a real server would cut them meanwhile.
    const patient = { headersTimeoutMs: 600_000, requestTimeoutMs: 600_000 };
    const attacked = await serveAttacked({}, { limits: patient });
    const before = process.memoryUsage().rss;
    const crowd = holdConnections(attacked.server.port, idleConnections);
    do expect(await attacked.goodPost()).toBe(200);
    while (!crowd.isComplete());
    for (let index = 0; index < 20; index += 1) expect(await attacked.goodPost()).toBe(200);
    // Measured with 10,000: 16 KiB each.
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20 + idleConnections * 20 * 2 ** 10);
    expect(await crowd.open()).toBeGreaterThanOrEqual(idleConnections - 2);
  }, 300_000);

  it('at the limit, a new one replaces the oldest that never sent a request', async () => {
    const attacked = await serveAttacked({}, { limits: { maxConnections: 50 } });
    const first = await connectRaw(attacked);
    const others = await idle(attacked, 49, 'POST / HTT');
    expect(first.socket.destroyed).toBe(false);
    expect(await attacked.goodPost()).toBe(200);
    expect(await first.closed).toBe('');
    expect(others.filter(({ socket }) => socket.destroyed)).toEqual([]);
    expect(await attacked.metric('connections_refused_total{reason="connection_limit"}')).toBe(1);
    expect(attacked.log()).toContain('"reason":"connection_limit"');
  });

  it('a flood of them closes neither busy ones nor those that have posted before', async () => {
    const attacked = await serveAttacked({}, { limits: { maxConnections: 10 } });
    const resting = await connectRaw(attacked, posted);
    await until(() => answersIn(resting) === 1);
    const working = await connectRaw(attacked, `${head}expect: 100-continue\r\ncontent-length: 2\r\n\r\n[`);
    await until(() => working.received().includes('100 Continue'));
    await idle(attacked, 100);
    await until(async () => (await attacked.metric('connections_refused_total{reason="connection_limit"}')) === 92);
    working.socket.write(']');
    resting.socket.write(posted);
    await until(() => answersIn(working) === 1 && answersIn(resting) === 2);
    expect(await attacked.goodPost()).toBe(200);
  });

  it('when all have posted before, a new one replaces the one idle longest', async () => {
    const attacked = await serveAttacked({}, { limits: { maxConnections: 3 } });
    const resting = [await connectRaw(attacked), await connectRaw(attacked), await connectRaw(attacked)] as const;
    const [first, second, third] = resting;
    for (const one of [second, first, third, second]) {
      const before = answersIn(one);
      one.socket.write(posted);
      await until(() => answersIn(one) > before);
    }
    expect(await attacked.goodPost()).toBe(200);
    await first.closed;
    for (const one of [second, third]) {
      const before = answersIn(one);
      one.socket.write(posted);
      await until(() => answersIn(one) > before);
    }
  });

  it('when all are busy, a new one is closed', async () => {
    const answers: (() => void)[] = [];
    const answerLater = (): Promise<Response> =>
      new Promise((resolve) => {
        answers.push(() => resolve(new Response('late')));
      });
    const refused: string[] = [];
    const port = await listenFor(answerLater, { maxConnections: 3 }, (reason) => refused.push(reason));
    const request = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';
    const working = [await connectTo(port, request), await connectTo(port, request), await connectTo(port, request)];
    await until(() => answers.length === 3);
    const turnedAway = await connectTo(port, request);
    expect(await turnedAway.closed).toBe('');
    expect(refused).toEqual(['connection_limit']);
    for (const answer of answers) answer();
    for (const one of working) await until(() => one.received().endsWith('late'));
  });
});

describe('bytes that are not a request', () => {
  it.each([
    ['a header of 20 KiB', `${head}x-long: ${'a'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
    ['6,000 headers', `${head}${'x-a: b\r\n'.repeat(6000)}\r\n`, 431, 'headers_too_large'],
    ['a path of 20 KiB', `POST /${'a'.repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`, 431, 'headers_too_large'],
    ['another protocol', '\u0016\u0003\u0001\u0002\u0000\u0001', 400, 'bad_request'],
    ['two lengths', `${head}content-length: 2\r\ncontent-length: 3\r\n\r\n[]`, 400, 'bad_request'],
    ['a length and chunks', `${head}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n`, 400, 'bad_request'],
    ['a line feed within a header', `POST / HTTP/1.1\r\nhost: x\r\nx-a: b\rc\r\n\r\n`, 400, 'bad_request'],
  ])('%s is refused and counted, and its connection is closed', async (_name, text, status, reason) => {
    const attacked = await serveAttacked();
    const { closed } = await connectRaw(attacked, text);
    expect(await closed).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(await attacked.metric(`connections_refused_total{reason="${reason}"}`)).toBe(1);
    expect(await attacked.goodPost()).toBe(200);
  });
});
