import { connect } from 'node:net';
import type { NamedExporter } from '../export/index.ts';
import type { Environment } from '../options/index.ts';

/** Maximum wait for a connection on this machine. */
const CONNECT_TIMEOUT_MS = 1000;

/**
 * A line for a user who named no backend, when none listens at the default address. Undefined otherwise. Checks only the default
 * address, because a backend that the user named may start later.
 */
export async function missingBackendLine(env: Environment, exporters: readonly NamedExporter[]): Promise<string | undefined> {
  if (env['OTEL_EXPORTER_OTLP_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']) return undefined;
  const endpoint = exporters.find(({ name }) => name === 'otlp')?.endpoint;
  if (endpoint === undefined) return undefined;
  const { hostname, port, host } = new URL(endpoint);
  if (await accepts(hostname, Number(port))) return undefined;
  return `nothing answers at ${host}: spans are kept until a backend does. Set OTEL_EXPORTER_OTLP_ENDPOINT to your backend, or OTEL_TRACES_EXPORTER=none to use only the live page`;
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_TIMEOUT_MS });
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => finish(true));
    socket.once('timeout', () => finish(false));
    socket.once('error', () => finish(false));
  });
}
