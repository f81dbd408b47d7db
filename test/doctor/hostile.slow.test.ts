import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { diagnose, gatherFacts, renderDiagnosis } from '../../src/doctor/index.ts';
import { routedServer } from './routed-server.ts';
import { agentLog, bridgeRoutes, dashboardRoutes, question } from './world-fixture.ts';

// Servers are untrusted: each request has a limit of time and bytes, and no text of theirs controls a terminal.

const steering = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;
const escape = '\u001b]0;owned\u0007\u001b[2J\u202e';
const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A server with custom code for each connection. */
async function rawServer(serve: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

async function everywhere(url: string, limits: Parameters<typeof question>[0] = {}) {
  return await gatherFacts(
    question({ rayAddress: new URL(url), bridgeAddress: new URL(url), endpoint: url, limits: { timeoutMs: 150 }, ...limits }),
  );
}

describe('a hostile server', () => {
  it('a server that never answers is waited for until the timeout', async () => {
    const facts = await everywhere(await rawServer((socket) => void socket.resume()));
    expect(facts.ray.answer).toEqual({ kind: 'failed', failure: 'timeout' });
    expect(facts.bridge.post).toEqual({ kind: 'failed', failure: 'timeout' });
    expect(facts.backend).toMatchObject({ outcome: { kind: 'timeout' } });
  });

  it('a server that sends its body slowly is cut off at the timeout', async () => {
    const url = await rawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n');
      const drip = setInterval(() => socket.write(' '), 5);
      socket.on('close', () => clearInterval(drip));
    });
    expect((await everywhere(url)).ray.answer).toEqual({ kind: 'failed', failure: 'timeout' });
  });

  it('an endless body is read up to the limit', async () => {
    const piece = 'x'.repeat(64 * 1024);
    const server = await routedServer({
      '*': (_request, response) => {
        response.writeHead(200);
        const pour = (): void => {
          while (!response.destroyed && response.write(piece));
          if (!response.destroyed) response.once('drain', pour);
        };
        pour();
      },
    });
    const facts = await everywhere(server.url, {
      env: { OTEL_TRACES_EXPORTER: 'none' },
      limits: { timeoutMs: 5000, maxAnswerBytes: 1000, maxMetricsBytes: 2000 },
    });
    expect(facts.ray.answer).toMatchObject({ kind: 'answered', isCut: true });
    for (const [answer, bytes] of [
      [facts.bridge.post, 1000],
      [facts.bridge.metrics, 2000],
    ] as const)
      expect(answer.kind === 'answered' && answer.text.length).toBe(bytes);
    expect(diagnose(facts).well.filter(({ check }) => check !== 'misspelt')).toEqual([
      { check: 'bridge_reach', what: expect.stringContaining('something answers') },
    ]);
  });

  it('a server with endless headers or another protocol counts as not HTTP', async () => {
    const endless = await rawServer((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(100_000)}`);
    });
    const other = await rawServer((socket) => void socket.end('\u0000\u0000\u0012\u0004 not HTTP'));
    for (const url of [endless, other]) {
      const facts = await everywhere(url, { limits: { timeoutMs: 5000 } });
      expect(facts.bridge.post).toEqual({ kind: 'failed', failure: 'not_http' });
      expect(diagnose(facts).findings.map(({ code }) => code)).toEqual(expect.arrayContaining(['ray_not_dashboard', 'bridge_not_http']));
    }
  });

  it('the run ends at its total time limit, and unasked checks are unknown', async () => {
    const server = await routedServer(dashboardRoutes(1, '', { '/api/v0/logs/file': () => undefined }));
    const facts = await gatherFacts(
      question({ rayAddress: new URL(server.url), bridgeAddress: new URL(server.url), limits: { timeoutMs: 60_000, totalMs: 300 } }),
    );
    expect(facts.bridge.post).toEqual({ kind: 'failed', failure: 'not_asked' });
    expect(facts.ray.nodes[0]?.log).toBeUndefined();
    const { well } = diagnose(facts);
    expect(well.map(({ check }) => check).filter((check) => check.startsWith('bridge') || check.startsWith('node'))).toEqual([]);
  });

  it('the run ends immediately when the user stops it', async () => {
    const stop = new AbortController();
    const url = await rawServer((socket) => {
      socket.resume();
      stop.abort();
    });
    const facts = await everywhere(url, { stop: stop.signal, limits: { timeoutMs: 60_000 } });
    expect(facts.bridge.post).toEqual({ kind: 'failed', failure: 'not_asked' });
  });

  it('deep, wrong and huge JSON is read as absent', async () => {
    for (const text of [
      '['.repeat(1_000_000),
      '{"data": {"summary": [null, 1, [], {"raylet": []}]}, "ray_version": {"a": 1}}',
      '"x"',
      'null',
    ]) {
      const server = await routedServer({ '*': { text } });
      expect((await everywhere(server.url)).ray).toMatchObject({ version: undefined, nodes: [] });
    }
  });

  it('a hostile server cannot control the terminal', async () => {
    const node = { nodeId: 'ab12', state: 'ALIVE', metricsExportPort: 1, isHeadNode: true };
    const summary = [{ now: 1e300, ip: `10.0.0.1${escape}`, hostname: escape, raylet: node, agent: {} }];
    const log = agentLog.posting(`http://u:p@bridge${escape}/`) + agentLog.failing;
    const dashboard = await routedServer(
      dashboardRoutes(1, log, {
        '/api/version': { json: { ray_version: `2.60${escape}` } },
        '/nodes': { json: { data: { summary } } },
        '/api/jobs/': {
          json: [{ type: 'DRIVER', status: 'RUNNING', job_id: escape, driver_info: { node_ip_address: '127.0.0.1', pid: '1' } }],
        },
      }),
    );
    const bridge = await routedServer(
      bridgeRoutes(1, {
        '/readyz': { status: 503, json: { status: 'not ready', reason: escape } },
        '/v1/events': { status: 400, json: { error: { code: escape } } },
        '/metrics': { text: `ray_otel_bridge_events_received_total 1\nray_otel_bridge_events_rejected_total{code="${escape}"} 1` },
      }),
    );
    const backend = await routedServer({ '*': { status: 500, text: escape } });
    const facts = await gatherFacts(
      question({ rayAddress: new URL(dashboard.url), bridgeAddress: new URL(`${bridge.url}/v1/events`), endpoint: backend.url }),
    );
    const diagnosis = diagnose(facts);
    expect(diagnosis.findings.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['bridge_not_ready', 'bridge_refuses', 'events_rejected', 'otlp_failing']),
    );
    for (const width of [undefined, 80]) expect(renderDiagnosis(diagnosis, { width, color: false })).not.toMatch(steering);
  });
});
