import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FlatSpan, readOtlpJsonLines } from '../../support/otlp-spans.ts';
import { collectorBinary } from './parts.ts';
import { eventually, freePorts, RunningProgram } from './processes.ts';

export interface Collector {
  readonly program: RunningProgram;
  readonly httpEndpoint: string;
  readonly grpcEndpoint: string;
  readonly metricsUrl: string;
  /** Every span that it has written by now. */
  spans(): FlatSpan[];
}

/** A real Collector on free ports, with the processors that a production set-up has and a file at the end. */
export async function startCollector(folder: string): Promise<Collector> {
  const [http, grpc, health, prometheus] = await freePorts(4);
  const file = join(folder, 'collector.jsonl');
  const config = join(folder, 'collector.json');
  writeFileSync(
    config,
    // JSON is YAML.
    JSON.stringify({
      extensions: { health_check: { endpoint: `127.0.0.1:${health}` } },
      receivers: {
        otlp: { protocols: { http: { endpoint: `127.0.0.1:${http}` }, grpc: { endpoint: `127.0.0.1:${grpc}`, max_recv_msg_size_mib: 16 } } },
      },
      processors: { memory_limiter: { check_interval: '1s', limit_mib: 1024 }, batch: { timeout: '200ms' } },
      connectors: { spanmetrics: { metrics_flush_interval: '1s' } },
      exporters: { file: { path: file, flush_interval: '200ms' }, prometheus: { endpoint: `127.0.0.1:${prometheus}` } },
      service: {
        extensions: ['health_check'],
        telemetry: { metrics: { level: 'none' } },
        pipelines: {
          traces: { receivers: ['otlp'], processors: ['memory_limiter', 'batch'], exporters: ['file', 'spanmetrics'] },
          metrics: { receivers: ['spanmetrics'], exporters: ['prometheus'] },
        },
      },
    }),
  );
  const program = new RunningProgram(collectorBinary, ['--config', config]);
  await eventually(`the Collector to be ready; it says:\n${program.output}`, 30_000, async () => {
    const { ok } = await fetch(`http://127.0.0.1:${health}/`);
    if (!ok) throw new Error(program.output);
  });
  return {
    program,
    httpEndpoint: `http://127.0.0.1:${http}`,
    grpcEndpoint: `http://127.0.0.1:${grpc}`,
    metricsUrl: `http://127.0.0.1:${prometheus}/metrics`,
    spans: () => (existsSync(file) ? readOtlpJsonLines(wholeLines(readFileSync(file, 'utf8'))) : []),
  };
}

/** Without the line that is being written. */
function wholeLines(text: string): string {
  return text.slice(0, text.lastIndexOf('\n') + 1);
}
