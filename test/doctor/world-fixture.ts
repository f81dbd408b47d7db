import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { type DoctorQuestion } from '../../src/doctor/index.ts';
import type { Route } from './routed-server.ts';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ray-otel-bridge-doctor-'));
  folders.push(folder);
  return folder;
}

interface ProcessFiles {
  readonly pid: number;
  readonly commandLine: readonly string[];
  /** Undefined for an unreadable environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Creates a folder like `/proc`. */
export function procFolder(processes: readonly ProcessFiles[] = []): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'uptime'), '1 1');
  for (const { pid, commandLine, environment } of processes) {
    mkdirSync(join(folder, String(pid)));
    writeFileSync(join(folder, String(pid), 'cmdline'), commandLine.map((part) => `${part}\0`).join(''));
    if (environment === undefined) continue;
    const entries = Object.entries(environment).map(([name, value]) => `${name}=${value}\0`);
    writeFileSync(join(folder, String(pid), 'environ'), entries.join(''));
  }
  return folder;
}

/** A question without addresses, on a machine without Ray processes. */
export function question(over: Partial<DoctorQuestion> = {}): DoctorQuestion {
  return {
    rayAddress: undefined,
    bridgeAddress: undefined,
    endpoint: undefined,
    readToken: undefined,
    env: {},
    now: Date.now,
    sleep: () => Promise.resolve(),
    stop: new AbortController().signal,
    ownAddresses: [],
    procFolder: procFolder(),
    ...over,
    limits: { timeoutMs: 2000, ...over.limits },
  };
}

export const agentLog = {
  posting: (address: string) => `x INFO -- Publishing events to external HTTP service is enabled. events_export_addr: ${address}\n`,
  failing: "x ERROR -- Failed to send events to external service. Error: ClientOSError(104, 'Connection reset by peer')\n",
};

/** Answers of a dashboard of Ray 2.60 with one node. The node's metrics are at `metricsPort` of this machine. */
export function dashboardRoutes(metricsPort: number, log = '', over: Readonly<Record<string, Route>> = {}): Record<string, Route> {
  const raylet = { nodeId: 'ab12', state: 'ALIVE', isHeadNode: true, metricsExportPort: metricsPort, nodeManagerAddress: '127.0.0.1' };
  return {
    '/api/version': { json: { ray_version: '2.60.0', session_name: 'session_1' } },
    '/nodes': { json: { data: { summary: [{ now: Date.now() / 1000, ip: '127.0.0.1', hostname: 'head', raylet, agent: { pid: 1 } }] } } },
    '/api/v0/tasks': { json: { data: { result: { total: 5 } } } },
    '/api/jobs/': { json: [] },
    '/api/v0/logs/file': { text: log },
    ...over,
  };
}

export const bridgeMetrics = (received: number, more = ''): string =>
  `ray_otel_bridge_events_received_total ${received}\nray_otel_bridge_lifecycles_finished_total{kind="attempt"} ${received}\n${more}`;

/** Answers of a bridge without tokens. */
export function bridgeRoutes(received: number, over: Readonly<Record<string, Route>> = {}): Record<string, Route> {
  return {
    '/healthz': { json: { status: 'ok' } },
    '/readyz': { json: { status: 'ready' } },
    '/metrics': { text: bridgeMetrics(received) },
    '/v1/events': { json: { accepted: 0, duplicates: 0, rejected: 0, errors: [] } },
    ...over,
  };
}
