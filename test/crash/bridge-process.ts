import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { serveFlags, type ServeSettings } from './flags.ts';
import { cpuSecondsOf, holdsWithin, memoryOf } from './machine.ts';

export interface BridgeProcessOptions {
  /** The compiled cli.js. */
  readonly cli: string;
  readonly port: number;
  readonly sinkUrl: string;
  readonly settings: ServeSettings;
  /** Appended to by each start: what the bridge prints and logs. */
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeArguments?: readonly string[];
}

/** `serve` as a process that can be ended and started again, on one port and one data folder. */
export class BridgeProcess {
  readonly url: string;
  starts = 0;
  /** When each of its processes was gone, in milliseconds since the epoch. */
  readonly endsMs: number[] = [];
  /**
   * Milliseconds in which it was up, by its process: on this the bridge's own clock runs at most.
   */
  #upMs = 0;
  #startedMs = 0;
  #child: ChildProcess | undefined;
  readonly #options: BridgeProcessOptions;

  constructor(options: BridgeProcessOptions) {
    this.#options = options;
    this.url = `http://127.0.0.1:${options.port}`;
  }

  /** Does not wait until it is ready. */
  start(changed: Partial<ServeSettings> = {}, env: Readonly<Record<string, string>> = {}): void {
    if (this.isUp()) throw new Error('the bridge is up');
    const { cli, port, sinkUrl, settings, logFile, nodeArguments = [] } = this.#options;
    const log = openSync(logFile, 'a');
    this.#child = spawn(process.execPath, [...nodeArguments, cli, 'serve', ...serveFlags({ ...settings, ...changed }, port)], {
      env: {
        PATH: process.env['PATH'] ?? '',
        OTEL_EXPORTER_OTLP_ENDPOINT: sinkUrl,
        OTEL_BSP_SCHEDULE_DELAY: '100',
        ...this.#options.env,
        ...env,
      },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.starts += 1;
    this.#startedMs = performance.now();
    this.#child.once('exit', () => {
      this.endsMs.push(Date.now());
      this.#upMs += performance.now() - this.#startedMs;
    });
  }

  isUp(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  upMs(): number {
    return this.#upMs + (this.isUp() ? performance.now() - this.#startedMs : 0);
  }

  pid(): number {
    return this.#child?.pid ?? 0;
  }

  async isReady(): Promise<boolean> {
    return (await this.status('/readyz')) === 200;
  }

  /** Status of the answer, 0 without one. */
  async status(path: string): Promise<number> {
    try {
      const response = await fetch(this.url + path, { signal: AbortSignal.timeout(1000) });
      await response.arrayBuffer();
      return response.status;
    } catch {
      return 0;
    }
  }

  async untilReady(timeoutMs = 60_000): Promise<void> {
    const isReady = await holdsWithin(timeoutMs, async () => !this.isUp() || (await this.isReady()));
    if (!isReady || !this.isUp()) throw new Error(`the bridge is not ready; the end of its log:\n${this.log().slice(-3000)}`);
  }

  /** The end of the process, however it comes. */
  async ended(): Promise<number | NodeJS.Signals> {
    const child = this.#child;
    if (child === undefined) throw new Error('the bridge was not started');
    if (this.isUp()) await once(child, 'exit');
    return child.exitCode ?? child.signalCode ?? 0;
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.ended();
  }

  /** SIGTERM; the exit code. */
  async stop(): Promise<number | NodeJS.Signals> {
    this.#child?.kill('SIGTERM');
    return this.ended();
  }

  /**
   * Sum of a metric over its labels; undefined when the page does not have it, or nobody answers.
   */
  async metric(name: string): Promise<number | undefined> {
    return (await this.metrics([name]))[name];
  }

  async metrics<Name extends string>(names: readonly Name[]): Promise<Record<Name, number | undefined>> {
    let page = '';
    try {
      page = await (await fetch(`${this.url}/metrics`, { signal: AbortSignal.timeout(3000) })).text();
    } catch {
      // It is down, or was killed while it answered.
    }
    return Object.fromEntries(names.map((name) => [name, metricSum(page, name)])) as Record<Name, number | undefined>;
  }

  cpuSeconds(): number {
    return cpuSecondsOf(this.pid());
  }

  memory(): ReturnType<typeof memoryOf> {
    return this.isUp() ? memoryOf(this.pid()) : undefined;
  }

  /** All that its starts have printed and logged. */
  log(): string {
    return readFileSync(this.#options.logFile, 'utf8');
  }
}

function metricSum(page: string, name: string): number | undefined {
  const values = [...page.matchAll(new RegExp(`^ray_otel_bridge_${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].map(([, value]) => Number(value));
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}
