import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { diagnose, gatherFacts } from '../../src/doctor/index.ts';
import { freePort } from '../cli/scripted-server.ts';
import { type RoutedRequest, routedServer } from './routed-server.ts';
import { agentLog, bridgeMetrics, bridgeRoutes, dashboardRoutes, procFolder, question, temporaryFolder } from './world-fixture.ts';

const agentMetrics =
  'ray_aggregator_agent_events_received_total{ip="x"} 20\nray_aggregator_agent_published_events_total{consumer="http_service"} 20\n';
const codesOf = (facts: Parameters<typeof diagnose>[0]): readonly string[] => diagnose(facts).findings.map(({ code }) => code);

describe('Ray', () => {
  it('the dashboard is asked for the release and the nodes, and each node for its counters and log', async () => {
    const node = await routedServer({ '/metrics': { text: agentMetrics } });
    const dashboard = await routedServer(
      dashboardRoutes(node.port, agentLog.posting('http://bridge.invalid:8080/v1/events') + agentLog.failing),
    );
    const env = { RAY_AUTH_TOKEN: 'nobody-asked-for-it' };
    const { ray, bridge } = await gatherFacts(question({ rayAddress: new URL(dashboard.url), env }));
    expect(ray).toMatchObject({ version: '2.60.0', release: [2, 60], taskCount: 5, nodesLeftOut: 0, nodesMissing: false });
    expect(ray.nodes).toEqual([
      {
        name: '127.0.0.1 (head)',
        ip: '127.0.0.1',
        isHead: true,
        isHere: true,
        hasAgent: true,
        upMs: undefined,
        counts: { received: 20, published: 20, filtered: 0, dropped: 0, consecutiveFailures: undefined },
        log: {
          isPosting: true,
          address: 'http://bridge.invalid:8080/v1/events',
          lastFailure: 'cannot_connect',
          failures: 1,
          hasStopped: false,
        },
        isLogMissing: false,
        clock: expect.objectContaining({ minMs: expect.any(Number) }),
      },
    ]);
    expect(bridge).toMatchObject({ source: 'agent_log', address: 'http://bridge.invalid:8080/v1/events' });
    expect(dashboard.requests.every(({ method, headers }) => method === 'GET' && headers.authorization === undefined)).toBe(true);
  });

  it.each([
    ['RAY_AUTH_TOKEN', (token: string) => ({ RAY_AUTH_TOKEN: token })],
    [
      'the file of RAY_AUTH_TOKEN_PATH',
      (token: string) => {
        const path = join(temporaryFolder(), 'token');
        writeFileSync(path, `${token}\n`);
        return { RAY_AUTH_TOKEN_PATH: path, HOME: '/nowhere' };
      },
    ],
  ])('the dashboard gets the token of %s only after it required one', async (from, environmentOf) => {
    const routes = dashboardRoutes(1);
    const locked = Object.fromEntries(
      Object.entries(routes).map(([path, route]) => [
        path,
        (request: RoutedRequest, response: ServerResponse) => {
          const isRight = request.headers.authorization === 'Bearer right-token';
          response
            .writeHead(isRight ? 200 : request.headers.authorization === undefined ? 401 : 403)
            .end('json' in route ? JSON.stringify(route.json) : '');
        },
      ]),
    );
    const dashboard = await routedServer(locked);
    const right = await gatherFacts(question({ rayAddress: new URL(dashboard.url), env: environmentOf('right-token') }));
    expect(right.ray).toMatchObject({ version: '2.60.0', tokenFrom: from, taskCount: 5 });
    expect(dashboard.requests[0]?.headers.authorization).toBeUndefined();
    const wrong = await gatherFacts(question({ rayAddress: new URL(dashboard.url), env: environmentOf('wrong-token') }));
    expect(codesOf(wrong)).toContain('ray_token_invalid');
    expect(codesOf(await gatherFacts(question({ rayAddress: new URL(dashboard.url), env: { HOME: '/nowhere' } })))).toContain(
      'ray_token_missing',
    );
  });

  it('a dashboard behind a path of a proxy is asked below that path', async () => {
    const dashboard = await routedServer({ '/ray/api/version': { json: { ray_version: '2.60.0' } } });
    const { ray } = await gatherFacts(question({ rayAddress: new URL(`${dashboard.url}/ray/`) }));
    expect(ray).toMatchObject({ version: '2.60.0', nodesMissing: true, taskCount: undefined });
  });

  it('the address of the dashboard comes from the variables of Ray', async () => {
    const dashboard = await routedServer(dashboardRoutes(1));
    const { ray } = await gatherFacts(question({ env: { RAY_API_SERVER_ADDRESS: '10.0.0.1:6379', RAY_ADDRESS: dashboard.url } }));
    expect(ray).toMatchObject({ version: '2.60.0', source: 'variable' });
  });

  it('of many nodes only the first ones are asked, and the others are unknown', async () => {
    const nodes = Array.from({ length: 5 }, (_, index) => ({
      ip: '127.0.0.1',
      raylet: { nodeId: `a${index}`, state: 'ALIVE', metricsExportPort: 1 },
      agent: {},
    }));
    const dashboard = await routedServer(
      dashboardRoutes(1, '', { '/nodes': { json: { data: { summary: [...nodes, { raylet: { nodeId: '../x', state: 'ALIVE' } }] } } } }),
    );
    const facts = await gatherFacts(question({ rayAddress: new URL(dashboard.url), limits: { maxNodes: 3 } }));
    expect(facts.ray.nodes).toHaveLength(3);
    expect(facts.ray.nodesLeftOut).toBe(2);
    expect(diagnose(facts).unknown.map(({ what }) => what)).toContain('2 more nodes were not asked');
  });
});

it('a node whose agent does not report is a finding once the node has been up for a minute', async () => {
  const codes = async (upMs: number): Promise<readonly string[]> => {
    const startTimeMs = String(Date.now() - upMs);
    const nodes = [{ raylet: { nodeId: 'ab12', state: 'ALIVE', metricsExportPort: 1, nodeManagerAddress: '127.0.0.1', startTimeMs } }];
    const dashboard = await routedServer(dashboardRoutes(1, '', { '/nodes': { json: { data: { summary: nodes } } } }));
    return codesOf(await gatherFacts(question({ rayAddress: new URL(dashboard.url) })));
  };
  expect(await codes(20_000)).not.toContain('agent_absent');
  expect(await codes(90_000)).toContain('agent_absent');
});

describe('the log of an agent', () => {
  const noLog = { '/api/v0/logs/file': { status: 500, text: 'A file is not found at: /x' } };

  it.each([
    ['a log that the dashboard does not list is absent', { json: { data: { result: { agent: ['dashboard_agent.out'] } } } }, true],
    ['a log that the dashboard lists exists', { json: { data: { result: { agent: ['dashboard_agent.log'] } } } }, false],
    ['a log may exist when the dashboard lists nothing', { status: 500 }, false],
    ['a log may exist when the answer has another shape', { json: { data: { result: null } } }, false],
  ])('%s', async (_what, route, isLogMissing) => {
    const dashboard = await routedServer(dashboardRoutes(1, '', { ...noLog, '/api/v0/logs': route }));
    const facts = await gatherFacts(question({ rayAddress: new URL(dashboard.url) }));
    expect(facts.ray.nodes).toMatchObject([{ log: undefined, isLogMissing }]);
    expect(codesOf(facts).includes('agent_log_missing')).toBe(isLogMissing);
  });
});

describe('a cluster without a dashboard', () => {
  const id = 'ab12';

  function clusterHere(more: readonly string[] = []): { readonly folder: string; readonly session: string } {
    const session = join(temporaryFolder(), 'session_1');
    mkdirSync(join(session, 'logs'), { recursive: true });
    const flags = [`--node_id=${id}`, '--node_ip_address=127.0.0.1', `--session_dir=${session}`, '--head', ...more];
    const dashboard = ['python', '/venv/ray/dashboard/dashboard.py', '--modules-to-load=UsageStatsHead', '--disable-frontend'];
    const folder = procFolder([
      { pid: 10, commandLine: ['/venv/ray/core/src/ray/raylet/raylet', ...flags], environment: {} },
      { pid: 11, commandLine: dashboard },
    ]);
    return { folder, session };
  }

  it('without a dashboard, the node here is read from its files', async () => {
    const node = await routedServer({ '/metrics': { text: agentMetrics } });
    const { folder, session } = clusterHere();
    writeFileSync(join(session, `metrics_export_port_${id}`), String(node.port));
    writeFileSync(
      join(session, 'logs', 'dashboard_agent.log'),
      agentLog.posting('http://bridge.invalid:8080/v1/events') + agentLog.failing,
    );
    const facts = await gatherFacts(question({ procFolder: folder }));
    expect(facts.ray.nodes).toMatchObject([
      {
        ip: '127.0.0.1',
        isHead: true,
        isHere: true,
        isLogMissing: false,
        counts: { received: 20 },
        log: { lastFailure: 'cannot_connect' },
      },
    ]);
    expect(facts.bridge.address).toBe('http://bridge.invalid:8080/v1/events');
    expect(codesOf(facts)).toEqual(expect.arrayContaining(['ray_dashboard_off']));
  });

  it('without a dashboard, an absent log of the agent is reported', async () => {
    expect(codesOf(await gatherFacts(question({ procFolder: clusterHere().folder })))).toContain('agent_log_missing');
  });

  it('a log or port file that is not a plain file is not read', async () => {
    const { folder, session } = clusterHere();
    symlinkSync('/dev/zero', join(session, 'logs', 'dashboard_agent.log'));
    writeFileSync(join(session, `metrics_export_port_${id}`), '70000');
    const facts = await gatherFacts(question({ procFolder: folder }));
    expect(facts.ray.nodes).toMatchObject([{ counts: undefined, log: undefined, isLogMissing: false }]);
  });

  it('only the beginning and the end of a log are read', async () => {
    const { folder, session } = clusterHere();
    const log = `${agentLog.posting('http://bridge.invalid/')}${'x'.repeat(500)}\n${agentLog.failing.repeat(20)}`;
    writeFileSync(join(session, 'logs', 'dashboard_agent.log'), log);
    const limits = { maxLogHeadBytes: 200, maxLogTailBytes: 1000, logTailLines: 7 };
    const { ray } = await gatherFacts(question({ procFolder: folder, limits }));
    expect(ray.nodes[0]?.log).toMatchObject({ isPosting: true, failures: 6 });
  });
});

describe('the limits of what is read of Ray', () => {
  const manyNodes = (count: number): unknown =>
    Array.from({ length: count }, (_, index) => ({
      ip: '127.0.0.1',
      raylet: { nodeId: `a${index}`, state: 'ALIVE', metricsExportPort: 1 },
      agent: {},
    }));

  it('a list of nodes above the limit is unknown', async () => {
    const dashboard = await routedServer(dashboardRoutes(1, '', { '/nodes': { json: { data: { summary: manyNodes(50) } } } }));
    const facts = await gatherFacts(question({ rayAddress: new URL(dashboard.url), limits: { maxNodeListBytes: 2000 } }));
    expect(facts.ray).toMatchObject({ nodes: [], nodesMissing: true });
    expect(diagnose(facts).unknown.map(({ what }) => what)).toContain('the dashboard does not return its list of nodes');
  });

  it('only the beginning and the end of a log are read', async () => {
    const log = `${agentLog.posting('http://bridge.invalid/')}${'x'.repeat(500)}\n${agentLog.failing.repeat(20)}`;
    const dashboard = await routedServer(dashboardRoutes(1, log));
    const limits = { maxLogHeadBytes: 200, maxLogTailBytes: 1000, logTailLines: 7 };
    const { ray } = await gatherFacts(question({ rayAddress: new URL(dashboard.url), limits }));
    expect(ray.nodes[0]?.log).toMatchObject({ isPosting: true, failures: 4 });
    const asked = dashboard.requests.flatMap(({ url }) => /lines=(-?\d+)/.exec(url)?.[1] ?? []);
    expect(asked.toSorted()).toEqual(['-1', '7']);
  });

  it('the number of concurrently asked nodes has a limit', async () => {
    let [atOnce, most] = [0, 0];
    const dashboard = await routedServer(
      dashboardRoutes(1, '', {
        '/nodes': { json: { data: { summary: manyNodes(6) } } },
        '/api/v0/logs/file': (_request, response) => {
          atOnce += 1;
          most = Math.max(most, atOnce);
          setTimeout(() => {
            atOnce -= 1;
            response.end();
          }, 20);
        },
      }),
    );
    await gatherFacts(question({ rayAddress: new URL(dashboard.url), limits: { maxConcurrentNodes: 2 } }));
    expect(most).toBe(4);
  });

  it('a token file above the limit is ignored', async () => {
    const path = join(temporaryFolder(), 'token');
    writeFileSync(path, 'x'.repeat(5000));
    const dashboard = await routedServer({ '*': { status: 401 } });
    const facts = await gatherFacts(question({ rayAddress: new URL(dashboard.url), env: { RAY_AUTH_TOKEN_PATH: path } }));
    expect(facts.ray.tokenFrom).toBeUndefined();
  });
});

describe('this machine', () => {
  const raylet = {
    commandLine: [
      '/venv/ray/core/src/ray/raylet/raylet',
      '--raylet_socket_name=/tmp/ray/session_1/sockets/raylet',
      '--dashboard_agent_command=python agent.py --minimal',
    ],
  };
  const config = Buffer.from(JSON.stringify({ enable_ray_event: true, secret: 'x' })).toString('base64');

  it('the variables of Ray processes and of the listed drivers are read', async () => {
    const folder = procFolder([
      { pid: 10, ...raylet, environment: { RAY_enable_ray_event: '1', RAY_ENABLE_RAY_EVENT: 'SECRET', AWS_SECRET_ACCESS_KEY: 'SECRET' } },
      { pid: 11, commandLine: ['/venv/ray/core/src/ray/gcs/gcs_server', `--config_list=${config}`, '--session-name=session_1'] },
      { pid: 13, commandLine: ['/ray/raylet/raylet', '--raylet_socket_name=/tmp/ray/session_2/sockets/raylet'], environment: {} },
      {
        pid: 12,
        commandLine: ['python', 'driver.py'],
        environment: { RAY_enable_core_worker_ray_event_to_aggregator: '1', RAY_enable_ray_evnt: 'SECRET' },
      },
    ]);
    const drivers = ['10.0.0.1', '10.9.9.9'].map((ip) => ({
      type: 'DRIVER',
      status: 'RUNNING',
      job_id: '01',
      driver_info: { node_ip_address: ip, pid: '12' },
    }));
    const dashboard = await routedServer(dashboardRoutes(1, '', { '/api/jobs/': { json: drivers } }));
    const env = { RAY_OTEL_SETLE: 'SECRET', RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDRESS: 'SECRET', PATH: 'SECRET' };
    const { local } = await gatherFacts(
      question({ env, procFolder: folder, ownAddresses: ['10.0.0.1'], rayAddress: new URL(dashboard.url) }),
    );
    expect(local.misspelt).toEqual([
      { name: 'RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDRESS', meant: 'RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR' },
      { name: 'RAY_OTEL_SETLE', meant: 'RAY_OTEL_SETTLE' },
    ]);
    const misspelt = [{ name: 'RAY_ENABLE_RAY_EVENT', meant: 'RAY_enable_ray_event' }];
    expect(local.processes).toEqual([
      { kind: 'raylet', pid: 10, session: 'session_1', variables: { rayEvent: '1' }, misspelt, systemFlags: {}, isMinimal: true },
      {
        kind: 'gcs_server',
        pid: 11,
        session: 'session_1',
        variables: undefined,
        misspelt: [],
        systemFlags: { rayEvent: 'true' },
        isMinimal: false,
      },
    ]);
    expect(local.drivers).toEqual([
      { pid: 12, jobId: '01', variables: { taskEvent: '1' }, misspelt: [{ name: 'RAY_enable_ray_evnt', meant: 'RAY_enable_ray_event' }] },
    ]);
    expect(JSON.stringify(local)).not.toContain('SECRET');
  });

  it('the number of processes and the size of their files have limits', async () => {
    const many = Array.from({ length: 5 }, (_, index) => ({
      pid: 20 + index,
      ...raylet,
      environment: { RAY_enable_ray_event: 'x'.repeat(5000) },
    }));
    const { local } = await gatherFacts(question({ procFolder: procFolder(many), limits: { maxProcesses: 2, maxProcFileBytes: 100 } }));
    expect(local.processes).toHaveLength(2);
    expect(local.processes[0]?.variables?.rayEvent?.length).toBeLessThan(100);
  });

  it('a system without /proc is reported', async () => {
    expect((await gatherFacts(question({ procFolder: '/nowhere' }))).local.hasProcFolder).toBe(false);
  });
});

describe('the bridge', () => {
  it('the bridge gets an empty post as from Ray, and other requests without the credentials of a sender', async () => {
    const server = await routedServer(bridgeRoutes(7, { '/t/tok/v1/events': { json: { accepted: 0 } } }));
    const address = new URL(`${server.url.replace('//', '//ray:p%40ss@')}/t/tok/v1/events`);
    const { bridge } = await gatherFacts(question({ bridgeAddress: address, readToken: 'read-token' }));
    expect(bridge.counts).toMatchObject({ received: 7, attempts: 7 });
    const post = server.requests.find(({ method }) => method === 'POST');
    expect(post).toMatchObject({ url: '/t/tok/v1/events', body: '[]' });
    expect(post?.headers).toMatchObject({
      authorization: `Basic ${Buffer.from('ray:p@ss').toString('base64')}`,
      'content-type': 'application/json',
    });
    const reads = server.requests.filter(({ method }) => method === 'GET').map(({ url, headers }) => [url, headers.authorization]);
    expect(new Map(reads as [string, string | undefined][])).toEqual(
      new Map([
        ['/healthz', undefined],
        ['/readyz', undefined],
        ['/metrics', 'Bearer read-token'],
      ]),
    );
  });

  it('a bridge below a path of a host application is asked below that path', async () => {
    const routes = Object.fromEntries(Object.entries(bridgeRoutes(1)).map(([path, route]) => [`/ray${path}`, route]));
    const server = await routedServer(routes);
    const { bridge } = await gatherFacts(question({ bridgeAddress: new URL(`${server.url}/ray/v1/events`) }));
    expect(bridge.ready).toMatchObject({ status: 200 });
    expect(bridge.counts?.received).toBe(1);
  });

  it('the counters of the bridge are read twice when they may still increase', async () => {
    const refused = (count: number): string => bridgeMetrics(1, `ray_otel_bridge_requests_refused_total{code="token_missing"} ${count}`);
    let looks = 0;
    const server = await routedServer(bridgeRoutes(1, { '/metrics': (_request, response) => response.end(refused((looks += 1))) }));
    const slept: number[] = [];
    const facts = await gatherFacts(
      question({
        bridgeAddress: new URL(`${server.url}/v1/events`),
        sleep: (ms) => {
          slept.push(ms);
          return Promise.resolve();
        },
      }),
    );
    expect(slept).toEqual([6000]);
    expect(codesOf(facts)).toContain('senders_refused');
  });

  it.each([301, 307])('a redirect with %i in front of the bridge is not followed', async (status) => {
    const elsewhere = await routedServer(bridgeRoutes(1));
    const server = await routedServer({ '*': { status, headers: { location: `${elsewhere.url}/v1/events` } } });
    const facts = await gatherFacts(question({ bridgeAddress: new URL(`${server.url}/v1/events`) }));
    expect(codesOf(facts)).toContain('bridge_redirect');
    expect(elsewhere.requests).toEqual([]);
  });

  it('a bridge whose address comes from a log gets no token', async () => {
    const bridge = await routedServer(bridgeRoutes(1, { '/metrics': { status: 401 } }));
    const dashboard = await routedServer(dashboardRoutes(1, agentLog.posting(`${bridge.url}/v1/events`)));
    const facts = await gatherFacts(question({ rayAddress: new URL(dashboard.url), readToken: 'read-token' }));
    expect(facts.bridge.source).toBe('agent_log');
    expect(bridge.requests.length).toBeGreaterThan(2);
    expect(bridge.requests.map(({ headers }) => headers.authorization)).toEqual(bridge.requests.map(() => undefined));
    expect(diagnose(facts).unknown.map(({ fix }) => fix)).toContainEqual(expect.stringContaining('the address with --bridge'));
  });

  it('the address of the bridge comes from the shell, or from Ray on this machine', async () => {
    const commandLine = ['/ray/raylet/raylet'];
    const environment = { RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR: 'http://127.0.0.1:1/of-raylet' };
    const folder = procFolder([{ pid: 5, commandLine, environment }]);
    const env = { RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR: 'bridge:8080' };
    expect((await gatherFacts(question({ procFolder: folder }))).bridge).toMatchObject({
      source: 'process',
      address: 'http://127.0.0.1:1/of-raylet',
    });
    const facts = await gatherFacts(question({ procFolder: folder, env }));
    expect(facts.bridge).toMatchObject({ source: 'variable', url: undefined });
    expect(codesOf(facts)).toContain('address_invalid');
  });
});

describe('the backend', () => {
  it('the default endpoint is asked only when the bridge is on this machine', async () => {
    const server = await routedServer(bridgeRoutes(1));
    const env = { OTEL_EXPORTER_OTLP_TIMEOUT: '100' };
    expect((await gatherFacts(question({ env }))).backend).toEqual({ kind: 'not_asked' });
    expect((await gatherFacts(question({ env, bridgeAddress: new URL(server.url) }))).backend).toMatchObject({
      kind: 'asked',
      isDefault: true,
    });
  });

  it('the backend gets an empty request as the variables specify, and --endpoint takes precedence', async () => {
    const backend = await routedServer({ '/v1/traces': { text: '', headers: { 'content-type': 'application/x-protobuf' } } });
    const closed = await freePort();
    const env = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${closed}/x`, OTEL_EXPORTER_OTLP_HEADERS: 'x-api-key=k' };
    expect(codesOf(await gatherFacts(question({ env })))).toContain('otlp_unreachable');
    const facts = await gatherFacts(question({ env, endpoint: backend.url }));
    expect(facts.backend).toMatchObject({ kind: 'asked', outcome: { kind: 'accepted' } });
    expect(backend.requests[0]).toMatchObject({ method: 'POST', url: '/v1/traces', body: '' });
    expect(backend.requests[0]?.headers['x-api-key']).toBe('k');
  });

  it.each([
    [401, 'otlp_credentials'],
    [404, 'otlp_path_wrong'],
    [302, 'otlp_redirect'],
    [500, 'otlp_failing'],
  ])('a backend that answers %i gives %s, and no credentials are shown or sent elsewhere', async (status, code) => {
    const backend = await routedServer({ '*': { status, text: 'no\u001b[2J', headers: { location: 'http://127.0.0.1:1/' } } });
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: backend.url.replace('//', '//user:SECRET@'),
      OTEL_EXPORTER_OTLP_HEADERS: 'x-api-key=SECRET',
    };
    const facts = await gatherFacts(question({ env }));
    expect(codesOf(facts)).toContain(code);
    expect(JSON.stringify(diagnose(facts))).not.toContain('SECRET');
  });

  it('the backend is not asked with invalid variables or without OTLP', async () => {
    expect(codesOf(await gatherFacts(question({ env: { OTEL_EXPORTER_OTLP_PROTOCOL: 'h2' } })))).toContain('otlp_settings_invalid');
    expect((await gatherFacts(question({ env: { OTEL_TRACES_EXPORTER: 'none' } }))).backend).toMatchObject({ kind: 'no_otlp' });
  });
});
