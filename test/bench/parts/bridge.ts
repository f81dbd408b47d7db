import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, ProbedProgram, until } from './process.ts';

const CLI = new URL('../../../../../dist/cli.js', import.meta.url).pathname;

/** Of a start on a machine that has other things to do; the targets are far below. */
const START_LIMIT_MS = 300_000;
const SHORT_START_MS = 2_000;

export interface BridgeOptions {
  /** OTLP/HTTP endpoint of the sink. */
  readonly sinkUrl: string;
  /** Folder of an earlier one; without it a new one is made. */
  readonly dataDir?: string;
  /** `off`: no trace is folded. */
  readonly budget?: 'on' | 'off';
  readonly maxOpenAttempts?: number;
  readonly phases?: 'auto' | 'events';
  /** The memory can be measured after a garbage collection. */
  readonly isCollectable?: boolean;
  /** Flags of Node. */
  readonly execArgv?: readonly string[];
}

export interface RunningBridge {
  readonly program: ProbedProgram;
  readonly url: string;
  readonly dataDir: string;
  /** From the start of the process until `/readyz` answered 200. */
  readonly readyMs: number;
  /** CPU time until then. */
  readonly readyCpuMs: number;
  metrics(): Promise<Metrics>;
  /** SIGTERM and the end, and the folder is removed. */
  stop(): Promise<void>;
  /** SIGKILL. Keeps the folder by default. */
  kill(folder?: 'stays' | 'goes'): Promise<void>;
}

/** Sum of a metric's values over its labels, or of one label's. */
export type Metrics = (name: string, label?: string) => number | undefined;

/** The one place that knows how `serve` is started. */
function argumentsOf(port: number, dataDir: string, options: BridgeOptions): string[] {
  const budget = options.budget === 'on' ? [] : ['--max-spans-per-trace', '0', '--max-bytes-per-trace', '0'];
  const open = options.maxOpenAttempts === undefined ? [] : ['--max-open-attempts', String(options.maxOpenAttempts)];
  return [
    'serve',
    '--listen',
    `127.0.0.1:${port}`,
    '--data-dir',
    dataDir,
    '--log-level',
    'warn',
    ...budget,
    ...open,
    '--phases',
    options.phases ?? 'auto',
  ];
}

/** The built `serve` with its defaults, as users run it. */
export async function startBridge(options: BridgeOptions): Promise<RunningBridge> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'ray-otel-bridge-bench-'));
  const env = { PATH: process.env['PATH'], OTEL_EXPORTER_OTLP_ENDPOINT: options.sinkUrl };
  const { isCollectable = false, execArgv = [] } = options;
  const startedMs = performance.now();
  const program = new ProbedProgram(CLI, argumentsOf(port, dataDir, options), { env, isCollectable, execArgv });
  try {
    await untilReady(program, url);
  } catch (error) {
    await program.end('SIGKILL');
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
    throw error;
  }
  const readyMs = performance.now() - startedMs;
  const { cpuMs: readyCpuMs } = await program.usage();
  return {
    program,
    url,
    dataDir,
    readyMs,
    readyCpuMs,
    metrics: async () => readMetrics((await get(`${url}/metrics`)).text),
    async stop() {
      await program.end();
      rmSync(dataDir, { recursive: true, force: true });
    },
    async kill(folder = 'stays') {
      await program.end('SIGKILL');
      if (folder === 'goes') rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/**
 * Each question costs the bridge a connection: while it restores a large state they would be a
 * tenth of its work.
 */
async function untilReady(program: ProbedProgram, url: string): Promise<void> {
  const startedMs = performance.now();
  await until(
    'the bridge to be ready',
    START_LIMIT_MS,
    async () => {
      if (program.hasEnded) throw new Error(`serve ended:\n${program.output}`);
      return (await get(`${url}/readyz`)).status === 200 ? true : undefined;
    },
    () => (performance.now() - startedMs < SHORT_START_MS ? 2 : 100),
  );
}

/** Status 0 while nobody listens. */
function get(url: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve) => {
    const fail = (): void => resolve({ status: 0, text: '' });
    request(url, { agent: false }, (response) => {
      let text = '';
      response
        .setEncoding('utf8')
        .on('data', (chunk: string) => {
          text += chunk;
        })
        .on('error', fail)
        .on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    })
      .on('error', fail)
      .end();
  });
}

function readMetrics(page: string): Metrics {
  return (name, label) => {
    const labels = label === undefined ? String.raw`(?:\{[^}]*\})?` : String.raw`\{[^}]*${label}[^}]*\}`;
    const values = [...page.matchAll(new RegExp(`^ray_otel_bridge_${name}${labels} (\\S+)$`, 'gm'))].map(([, value]) => Number(value));
    return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
  };
}
