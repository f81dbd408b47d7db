import { bridgeCommand } from './parts.ts';
import { eventually, freePorts, RunningProgram } from './processes.ts';

export interface ServingBridge {
  readonly program: RunningProgram;
  readonly url: string;
  /** The variables that `serve` says to set for Ray, by name. */
  readonly rayVariables: Readonly<Record<string, string>>;
}

/** The built `ray-otel-bridge serve`, ready, on a free port or on `wantedPort`. */
export async function startBridge(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  wantedPort?: number,
): Promise<ServingBridge> {
  const port = wantedPort ?? (await freePorts(1))[0];
  const url = `http://127.0.0.1:${port}`;
  const program = new RunningProgram(process.execPath, [bridgeCommand, 'serve', '--listen', `127.0.0.1:${port}`, ...args], { env });
  await eventually('serve to be ready', 30_000, async () => {
    const { ok } = await fetch(`${url}/readyz`).catch(() => ({ ok: false }));
    if (!ok) throw new Error(program.output);
  });
  await program.waitForOutput(/RAY_enable_core_worker_ray_event_to_aggregator/);
  return { program, url, rayVariables: parseVariables(program.output) };
}

/** Lines such as `export RAY_enable_ray_event=1`, as a user would paste them into a shell. */
function parseVariables(output: string): Record<string, string> {
  const lines = output.matchAll(/^\s*(?:export\s+)?(RAY_\w+)=(?:'([^']*)'|"([^"]*)"|(\S*))\s*$/gm);
  return Object.fromEntries([...lines].map(([, name, single, double, bare]) => [name ?? '', single ?? double ?? bare ?? '']));
}

/** The sum of a metric's values over all of its labels; undefined when the page does not have it. */
export function metricSum(page: string, name: string): number | undefined {
  const values = [...page.matchAll(new RegExp(`^ray_otel_bridge_${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].map(([, value]) => Number(value));
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}
