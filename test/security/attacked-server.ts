import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { type BridgeOptions, createBridge } from '../../src/bridge/bridge.ts';
import type { OnConnectionRefused } from '../../src/http/connections.ts';
import { listen, type ListenOptions, type ListeningServer } from '../../src/http/server.ts';
import { createTelemetry } from '../../src/telemetry/telemetry.ts';

/** A bridge behind a real socket, as `serve` runs it, with everything that it says. */
export interface AttackedServer {
  readonly server: ListeningServer;
  /** Every byte of the log, at its finest. */
  log(): string;
  metrics(): Promise<string>;
  /** Value of a metric, with its labels as the page writes them. */
  metric(name: string): Promise<number>;
  /** A post of a good sender, in time. */
  goodPost(token?: string): Promise<number>;
}

const cleanUps: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

export async function serveAttacked(options: BridgeOptions = {}, listenOptions: ListenOptions = {}): Promise<AttackedServer> {
  const lines: string[] = [];
  const telemetry = createTelemetry({ logLevel: 'trace', destination: { write: (line) => lines.push(line) } });
  const bridge = createBridge({ exporters: [], env: {}, telemetry, ...options });
  const onConnectionRefused = telemetry.connectionRefused;
  const listening = await listen(
    bridge.app.fetch,
    { host: '127.0.0.1', port: 0 },
    { ...listenOptions, onConnectionRefused, answerDirectly: bridge.answerDirectly },
  );
  if (!listening.ok) throw new Error(listening.problem);
  const { value: server } = listening;
  await bridge.start();
  cleanUps.push(async () => {
    await server.close(0);
    await bridge.stop({ timeoutMs: 0 });
  });
  const metrics = async (): Promise<string> => (await telemetry.metricsPage()).text;
  return {
    server,
    log: () => lines.join(''),
    metrics,
    async metric(name) {
      const line = (await metrics()).split('\n').find((candidate) => candidate.startsWith(`ray_otel_bridge_${name} `));
      return Number(line?.split(' ')[1] ?? 0);
    },
    async goodPost(token) {
      const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const response = await fetch(server.url, {
        method: 'POST',
        body: '[]',
        headers: { 'content-type': 'application/json', ...authorization },
      });
      await response.text();
      return response.status;
    },
  };
}

/** A raw connection. */
export interface RawConnection {
  readonly socket: Socket;
  /** What came until now. */
  received(): string;
  /** Resolves with all that came, once the other side has ended it. */
  readonly closed: Promise<string>;
}

export async function connectRaw({ server }: AttackedServer, text = ''): Promise<RawConnection> {
  return connectTo(server.port, text);
}

/** Serves something else than a bridge, for what only a handler can see; gives the port. */
export async function listenFor(
  fetch: (request: Request, bindings?: unknown) => Response | Promise<Response>,
  limits: ListenOptions['limits'] & object,
  onConnectionRefused: OnConnectionRefused = () => {},
): Promise<number> {
  const listening = await listen(fetch, { host: '127.0.0.1', port: 0 }, { limits, onConnectionRefused });
  if (!listening.ok) throw new Error(listening.problem);
  cleanUps.push(() => listening.value.close(0));
  return listening.value.port;
}

export async function connectTo(port: number, text = ''): Promise<RawConnection> {
  const socket = connect(port, '127.0.0.1');
  cleanUps.push(() => void socket.destroy());
  let received = '';
  socket.setEncoding('utf8').on('data', (piece: string) => {
    received += piece;
  });
  socket.on('error', () => {});
  const closed = new Promise<string>((resolve) => {
    socket.once('close', () => resolve(received));
  });
  await new Promise((resolve) => {
    socket.once('connect', resolve);
    socket.once('close', resolve);
  });
  if (text !== '') socket.write(text);
  return { socket, received: () => received, closed };
}

/** Run by itself: a process may not have enough open files for both ends. */
const crowdProgram = `
const net = require('node:net');
const [port, count] = process.argv.slice(1).map(Number);
let open = 0, begun = 0;
function next() {
  if (begun === count) return;
  begun += 1;
  const socket = net.connect(port, '127.0.0.1');
  socket.once('connect', () => { open += 1; next(); if (open === count) process.send('complete'); });
  socket.on('error', () => {});
  socket.once('close', () => { open -= 1; });
}
for (let index = 0; index < 50; index += 1) next();
process.on('message', () => process.send(open));
`;

export interface Crowd {
  /** All of them have been open. */
  isComplete(): boolean;
  /** How many still are. */
  open(): Promise<number>;
}

/** Opens connections from another process, and holds them without a word. */
export function holdConnections(port: number, count: number): Crowd {
  const child = spawn(process.execPath, ['-e', crowdProgram, String(port), String(count)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  cleanUps.push(() => void child.kill());
  let isComplete = false;
  child.on('message', (message) => {
    if (message === 'complete') isComplete = true;
  });
  return {
    isComplete: () => isComplete,
    open: async () => {
      child.send('how many');
      return Number(await new Promise((resolve) => child.once('message', resolve)));
    },
  };
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

export interface TestCertificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly pem: string;
}

/** A self-signed certificate for localhost, in a folder that goes after the test. */
export function makeTestCertificate(): TestCertificate {
  const folder = mkdtempSync(join(tmpdir(), 'ray-otel-tls-'));
  cleanUps.push(() => rmSync(folder, { recursive: true }));
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const keys = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...keys, ...names, '-out', certFile, '-keyout', keyFile], { stdio: 'ignore' });
  return { certFile, keyFile, pem: readFileSync(certFile, 'utf8') };
}
