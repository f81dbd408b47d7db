import { nearMiss } from '../options/index.ts';

/** Documented variables of Ray and its HTTP client. Doctor reads and shows no other variables of a process. */
export const RAY_VARIABLES = {
  address: 'RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR',
  eventTypes: 'RAY_DASHBOARD_AGGREGATOR_AGENT_EXPOSABLE_EVENT_TYPES',
  publishing: 'RAY_DASHBOARD_AGGREGATOR_AGENT_PUBLISH_EVENTS_TO_EXTERNAL_HTTP_SERVICE',
  rayEvent: 'RAY_enable_ray_event',
  taskEvent: 'RAY_enable_core_worker_ray_event_to_aggregator',
  taskRecorder: 'RAY_enable_ray_task_event_recorder',
  taskInterval: 'RAY_task_events_report_interval_ms',
  sendInterval: 'RAY_DASHBOARD_AGGREGATOR_AGENT_PUBLISHER_MAX_BUFFER_SEND_INTERVAL_SECONDS',
  certFile: 'SSL_CERT_FILE',
} as const;

export type RayVariable = keyof typeof RAY_VARIABLES;

/** Values of the variables that are set. Untrusted text. */
export type RayVariables = Readonly<Partial<Record<RayVariable, string>>>;

export function pickRayVariables(environment: Readonly<Record<string, string | undefined>>): RayVariables {
  const picked: Partial<Record<RayVariable, string>> = {};
  for (const [key, name] of Object.entries(RAY_VARIABLES)) {
    const value = environment[name];
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Object.entries forgets the type of its keys
    if (value !== undefined) picked[key as RayVariable] = value;
  }
  return picked;
}

/** Other variables of Ray that `doctor` and Ray's own tools read in a shell, or that the documentation names. */
const OTHER_NAMES: readonly string[] = [
  'RAY_ADDRESS',
  'RAY_API_SERVER_ADDRESS',
  'RAY_AUTH_TOKEN',
  'RAY_AUTH_TOKEN_PATH',
  'RAY_SERVE_ENABLE_TASK_EVENTS',
];
const RAY_NAMES = [...Object.values(RAY_VARIABLES).filter((name) => name.startsWith('RAY_')), ...OTHER_NAMES];

/** Maximum number of misspelt variables that are reported for one environment. */
export const MAX_MISSPELT = 20;

/** A variable whose name is close to one that Ray or the bridge reads. Doctor never reads its value. */
export interface MisspeltVariable {
  readonly name: string;
  readonly meant: string;
}

/** Finds misspelt names. Ray's names are case-sensitive. */
export function misspeltRayVariables(names: Iterable<string>): readonly MisspeltVariable[] {
  const found: MisspeltVariable[] = [];
  for (const name of names) {
    if (found.length === MAX_MISSPELT) break;
    if (RAY_NAMES.includes(name) || !/(?:^|_)RAY|AGGREGATOR/i.test(name)) continue;
    const meant = RAY_NAMES.find((each) => each === `RAY_${name}`) ?? nearMiss(name, RAY_NAMES);
    if (meant !== undefined) found.push({ name, meant });
  }
  return found;
}

/** Names of the variables in a process environment of `/proc`. */
export function namesOfEnviron(text: string): readonly string[] {
  return text.split('\0').map((entry) => entry.slice(0, Math.max(0, entry.indexOf('='))));
}

/** Documented variables in a process environment of `/proc`, which has `NAME=value` entries separated by NUL. */
export function rayVariablesOfEnviron(text: string): RayVariables {
  const entries = text.split('\0').map((entry): [string, string] => {
    const equals = Math.max(0, entry.indexOf('='));
    return [entry.slice(0, equals), entry.slice(equals + 1)];
  });
  return pickRayVariables(Object.fromEntries(entries));
}
