import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FlatSpan, readOtlpJsonLines } from '../../support/otlp-spans.ts';
import { collectorBinary } from './parts.ts';
import { eventually, freePorts, RunningProgram } from './processes.ts';

export interface Collector {
  readonly program: RunningProgram;
  readonly httpEndpoint: string;
  readonly grpcEndpoint: string;
  /** Every span that it has written by now. */
  spans(): FlatSpan[];
  /** The span metrics, as Prometheus would read them. */
  metrics(): Promise<string>;
  /** What the Collector counts of itself. */
  ownMetrics(): Promise<string>;
}

export interface CollectorOptions {
  /** Laid over the project's own, in this order. */
  readonly configurations?: readonly string[];
  /** Where each pipeline of traces ends; `file` is what `spans` reads. */
  readonly exporters?: Readonly<Record<string, readonly string[]>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** What users start with; here with a file in the place of the backend, and in a hurry. */
const USERS_CONFIG = join(import.meta.dirname, '../../../otel-collector.yaml');

/** A real Collector on free ports with the project's own configuration, that writes every span to a file. */
export async function startCollector(folder: string, options: CollectorOptions = {}): Promise<Collector> {
  const { configurations = [], exporters = { traces: ['file', 'span_metrics'] }, env = {} } = options;
  const [http, grpc, health, prometheus, own] = await freePorts(5);
  const file = join(folder, 'collector.jsonl');
  const override = join(folder, 'collector.json');
  const changes = {
    connectors: { span_metrics: { metrics_flush_interval: '1s' } },
    exporters: { file: { path: file, flush_interval: '200ms' } },
    service: {
      telemetry: {
        metrics: { level: 'normal', readers: [{ pull: { exporter: { prometheus: { host: '127.0.0.1', port: own } } } }] },
      },
      pipelines: Object.fromEntries(Object.entries(exporters).map(([pipeline, names]) => [pipeline, { exporters: names }])),
    },
  };
  // JSON is YAML.
  writeFileSync(override, JSON.stringify(changes));
  const files = [USERS_CONFIG, ...configurations, override].flatMap((path) => ['--config', path]);
  const program = new RunningProgram(collectorBinary, files, {
    env: {
      ...env,
      OTLP_HTTP_LISTEN: `127.0.0.1:${http}`,
      OTLP_GRPC_LISTEN: `127.0.0.1:${grpc}`,
      HEALTH_LISTEN: `127.0.0.1:${health}`,
      PROMETHEUS_LISTEN: `127.0.0.1:${prometheus}`,
    },
  });
  await eventually('the Collector to be ready', 30_000, async () => {
    const { ok } = await fetch(`http://127.0.0.1:${health}/`);
    if (!ok) throw new Error(program.output);
  });
  return {
    program,
    httpEndpoint: `http://127.0.0.1:${http}`,
    grpcEndpoint: `http://127.0.0.1:${grpc}`,
    metrics: async () => (await fetch(`http://127.0.0.1:${prometheus}/metrics`)).text(),
    ownMetrics: async () => (await fetch(`http://127.0.0.1:${own}/metrics`)).text(),
    spans: () => (existsSync(file) ? readOtlpJsonLines(wholeLines(readFileSync(file, 'utf8'))) : []),
  };
}

/** Without the line that is being written. */
function wholeLines(text: string): string {
  return text.slice(0, text.lastIndexOf('\n') + 1);
}

/** How many spans the span metrics counted. */
export function countedSpans(metrics: string): number {
  const calls = metrics.matchAll(/^ray_calls_total\{.*\} (\d+)/gm);
  return [...calls].reduce((sum, [, count]) => sum + Number(count), 0);
}
