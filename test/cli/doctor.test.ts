import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { doctorCommand } from '../../src/command/doctor.ts';
import { EXIT_CODES, runProgram } from '../../src/command/index.ts';
import { agentLog, bridgeRoutes, dashboardRoutes } from '../doctor/world-fixture.ts';
import { routedServer } from '../doctor/routed-server.ts';
import { invocation, Screen } from './invocation.ts';
import { freePort } from './scripted-server.ts';

const agentMetrics =
  'ray_aggregator_agent_events_received_total 20\nray_aggregator_agent_published_events_total{consumer="http_service"} 20\nray_aggregator_agent_consecutive_failures_since_last_success 0\n';

/** A working cluster, bridge and backend, and the flags that name them. */
async function wellWorld(): Promise<readonly string[]> {
  const node = await routedServer({ '/metrics': { text: agentMetrics } });
  const bridge = await routedServer(bridgeRoutes(20));
  const backend = await routedServer({ '/v1/traces': { text: '' } });
  const address = `${bridge.url.replace('//', '//ray:secret-token-0123@')}/v1/events`;
  const dashboard = await routedServer(dashboardRoutes(node.port, agentLog.posting(address)));
  return ['--ray-address', dashboard.url, '--bridge', address, '--endpoint', backend.url];
}

describe('doctor', () => {
  test('doctor finds no fault in a working setup and exits with 0', async () => {
    const run = invocation(['doctor', ...(await wellWorld())]);
    expect(await runProgram(run)).toBe(EXIT_CODES.done);
    expect(run.stdout.text).toMatch(/^no fault found/m);
    expect(run.stdout.text).not.toContain('secret-token');
    expect(run.stderr.text).toBe('');
  });

  test('doctor exits with 0 when it can check only a backend', async () => {
    const backend = await routedServer({ '/v1/traces': { text: '' } });
    const run = invocation(['doctor', '--endpoint', backend.url]);
    expect(await runProgram(run)).toBe(EXIT_CODES.done);
    expect(run.stdout.text).toContain('accepts OTLP');
    expect(run.stderr.text).toBe('');
  });

  test('doctor reports a fault with its code and its fix, and exits with 1', async () => {
    const [rayFlag = '', rayAddress = ''] = await wellWorld();
    const closed = `http://127.0.0.1:${await freePort()}`;
    const run = invocation(['doctor', rayFlag, rayAddress, '--bridge', closed]);
    expect(await runProgram(run)).toBe(EXIT_CODES.failed);
    expect(run.stdout.text).toMatch(
      /^✗ bridge_unreachable: cannot reach http:\/\/127\.0\.0\.1:\d+\/: nothing listens there\n {2}fix: start the bridge/m,
    );
  });

  test('doctor --json prints one document with the same codes', async () => {
    const closed = `http://127.0.0.1:${await freePort()}`;
    const run = invocation(['doctor', '--ray-address', closed, '--bridge', closed, '--json'], { env: { OTEL_TRACES_EXPORTER: 'none' } });
    expect(await runProgram(run)).toBe(EXIT_CODES.failed);
    const document = JSON.parse(run.stdout.text) as { findings: { code: string; severity: string }[]; unknown: unknown[] };
    expect(document.findings.map(({ code, severity }) => [code, severity])).toEqual([
      ['ray_unreachable', 'fault'],
      ['bridge_unreachable', 'fault'],
    ]);
    expect(document.unknown.length).toBeGreaterThan(3);
  });

  test('doctor uses colours only on terminals that want them', async () => {
    const closed = `http://127.0.0.1:${await freePort()}`;
    const argv = ['--ray-address', closed, '--bridge', closed];
    const textOn = async (isTTY: boolean, env: Record<string, string>): Promise<string> => {
      const run = { ...invocation(argv, { env }), stdout: new Screen(isTTY) };
      await doctorCommand.run(run);
      return run.stdout.text;
    };
    expect(await textOn(true, {})).toContain('\u001b[31m');
    expect(await textOn(true, { NO_COLOR: '1' })).not.toContain('\u001b');
    expect(await textOn(false, {})).not.toContain('\u001b');
  });

  test('doctor sends the first token of --read-token-file to the metrics', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'doctor-')), 'tokens');
    await writeFile(file, '# readers\nread-token-0123456789\n');
    const bridge = await routedServer(bridgeRoutes(20));
    await doctorCommand.run(invocation(['--bridge', `${bridge.url}/v1/events`, '--read-token-file', file]));
    expect(bridge.requests.find(({ url }) => url === '/metrics')?.headers.authorization).toBe('Bearer read-token-0123456789');
  });

  test.each([
    ['--ray-address', 'head:6379', 'is not a URL; write it like http://head:8265'],
    ['--bridge', 'ray:SECRET@bridge', 'must begin with http:// or https://'],
    ['--endpoint', 'x', 'is not a URL'],
    ['--read-token-file', '/nowhere/tokens', '/nowhere/tokens: no such file'],
    ['--timeout', 'soon', 'is not a duration'],
    ['head', '', 'unexpected argument'],
  ])('doctor %s %s is a usage error', async (flag, value, problem) => {
    const run = invocation(['doctor', flag, ...(value === '' ? [] : [value])]);
    expect(await runProgram(run)).toBe(EXIT_CODES.usage);
    expect(run.stderr.text).toContain(problem);
    expect(run.stderr.text).not.toContain('SECRET');
  });

  test('doctor ends when it is interrupted', async () => {
    const silent = await routedServer({ '*': () => run.interrupt() });
    const run = invocation(['--ray-address', silent.url]);
    expect(await doctorCommand.run(run)).toEqual({ kind: 'interrupted' });
  });
});
