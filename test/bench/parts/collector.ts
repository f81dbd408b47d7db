import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collectorBinary } from '../../e2e/support/parts.ts';
import { freePort, until } from './process.ts';

export interface RunningCollector {
  readonly url: string;
  cpuMs(): number;
  stop(): Promise<void>;
}

/** Linux counts CPU time in hundredths of a second. */
const TICK_MS = 10;

/** Why it is missing, by name. */
export function missingCollector(): string | undefined {
  if (!existsSync(collectorBinary)) return 'the Collector is absent: test/e2e/parts/install.sh collector';
  return existsSync('/proc/self/stat') ? undefined : 'the CPU time of the Collector is read from /proc, which is absent';
}

/** A Collector that passes OTLP on, through a queue on disk that is synced. */
export async function startCollector(sinkUrl: string): Promise<RunningCollector> {
  const folder = mkdtempSync(join(tmpdir(), 'ray-otel-bridge-bench-'));
  const queue = join(folder, 'queue');
  mkdirSync(queue);
  const port = await freePort();
  const config = join(folder, 'config.json');
  writeFileSync(
    config,
    // JSON is YAML.
    JSON.stringify({
      extensions: { file_storage: { directory: queue, fsync: true } },
      receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
      exporters: { otlp_http: { endpoint: sinkUrl, compression: 'none', sending_queue: { storage: 'file_storage' } } },
      service: {
        extensions: ['file_storage'],
        telemetry: { metrics: { level: 'none' }, logs: { level: 'error' } },
        pipelines: { traces: { receivers: ['otlp'], exporters: ['otlp_http'] } },
      },
    }),
  );
  const child = spawn(collectorBinary, ['--config', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8');
  });
  const url = `http://127.0.0.1:${port}/v1/traces`;
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until('the Collector to be ready', 30_000, async () => {
      if (child.exitCode !== null) throw new Error(`the Collector ended: ${output.trim().split('\n').at(-1)}`);
      const answer = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/x-protobuf' } }).catch(() => undefined);
      return answer?.ok === true ? true : undefined;
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, cpuMs: () => cpuMsOf(child), stop };
}

/** The fields after the name in brackets: user and system time are the 12th and 13th. */
function cpuMsOf(child: ChildProcess): number {
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
