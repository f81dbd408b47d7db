import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jaegerBinary } from './parts.ts';
import { eventually, freePorts, RunningProgram } from './processes.ts';

/** A span as Jaeger's API reports it. */
export interface JaegerSpan {
  readonly spanID: string;
  readonly operationName: string;
  readonly references: readonly { readonly refType: string; readonly traceID: string; readonly spanID: string }[];
  readonly duration: number;
  readonly tags: readonly { readonly key: string; readonly value: unknown }[];
  readonly warnings: readonly string[] | null;
}

export interface Jaeger {
  readonly program: RunningProgram;
  /** Where it takes OTLP over HTTP. */
  readonly endpoint: string;
  services(): Promise<readonly string[]>;
  /** The spans of each trace of a service, by trace id. */
  traces(service: string): Promise<ReadonlyMap<string, readonly JaegerSpan[]>>;
}

/** A real Jaeger on free ports, with its traces in memory as in `examples/jaeger`. */
export async function startJaeger(folder: string): Promise<Jaeger> {
  const [otlp, http, grpc] = await freePorts(3);
  const file = join(folder, 'jaeger.json');
  // JSON is YAML.
  const configuration = {
    service: {
      extensions: ['jaeger_storage', 'jaeger_query'],
      pipelines: { traces: { receivers: ['otlp'], exporters: ['jaeger_storage_exporter'] } },
      telemetry: { metrics: { level: 'none' } },
    },
    extensions: {
      jaeger_storage: { backends: { memory: { memory: { max_traces: 1_000 } } } },
      jaeger_query: {
        storage: { traces: 'memory' },
        http: { endpoint: `127.0.0.1:${http}` },
        grpc: { endpoint: `127.0.0.1:${grpc}` },
      },
    },
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${otlp}` } } } },
    exporters: { jaeger_storage_exporter: { trace_storage: 'memory' } },
  };
  writeFileSync(file, JSON.stringify(configuration));
  const program = new RunningProgram(jaegerBinary, ['--config', file]);
  const ask = async (path: string): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${http}${path}`);
    if (!answer.ok) throw new Error(`Jaeger answers ${answer.status} to ${path}`);
    return ((await answer.json()) as { readonly data: unknown }).data;
  };
  const jaeger: Jaeger = {
    program,
    endpoint: `http://127.0.0.1:${otlp}`,
    services: async () => ((await ask('/api/services')) ?? []) as readonly string[],
    traces: async (service) => {
      const traces = (await ask(`/api/traces?service=${service}&limit=100`)) as readonly { traceID: string; spans: JaegerSpan[] }[];
      return new Map(traces.map(({ traceID, spans }) => [traceID, spans]));
    },
  };
  try {
    await eventually('Jaeger to be ready', 30_000, () => jaeger.services());
  } catch (error) {
    await program.destroy();
    throw new Error(program.output, { cause: error });
  }
  return jaeger;
}
