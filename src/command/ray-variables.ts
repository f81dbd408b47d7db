import { hostname, networkInterfaces } from 'node:os';
import { RAY_EVENT_TYPES } from '../event/index.ts';
import { hostInUrl, isLoopback, type ListenerSecurity, type Certificate } from '../http/index.ts';

/** Shell lines that make Ray post its events to `url`. Lines without `export` are comments. */
export function rayVariables(url: string): readonly string[] {
  return [
    '# On every Ray node before `ray start`, and in the shell of a driver that calls ray.init() (Ray 2.49 or later, ray[default]):',
    `export RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR=${url}`,
    '# From Ray 2.54, ALL has the same meaning as this list:',
    `export RAY_DASHBOARD_AGGREGATOR_AGENT_EXPOSABLE_EVENT_TYPES=${RAY_EVENT_TYPES.join(',')}`,
    'export RAY_enable_ray_event=1',
    'export RAY_enable_core_worker_ray_event_to_aggregator=1',
  ];
}

/** A shell comment, because the variable is for some clusters only. */
export const LARGE_CLUSTER_LINE =
  '# More than 50 nodes: also export RAY_DASHBOARD_AGGREGATOR_AGENT_PUBLISHER_MAX_BUFFER_SEND_INTERVAL_SECONDS=1 (a quarter of the posts, the same events)';

export interface EventsUrlParts {
  readonly host: string;
  readonly port: number;
  readonly isSecure: boolean;
  /** Puts the word TOKEN into the URL, never a token. It is the password, because Ray 2.49 sends no user without a password. */
  readonly needsToken: boolean;
}

/** URL that Ray should post to. */
export function eventsUrl({ host, port, isSecure, needsToken }: EventsUrlParts): string {
  return `${isSecure ? 'https' : 'http'}://${needsToken ? 'ray:TOKEN@' : ''}${hostInUrl(host)}:${port}/v1/events`;
}

export interface Machine {
  readonly hostname: string;
  /** Addresses that other machines may be able to reach, IPv4 first. */
  readonly addresses: readonly string[];
}

const ALL_ADDRESSES = new Set(['0.0.0.0', '::', '0:0:0:0:0:0:0:0']);

/** How Ray's nodes reach a server. */
export interface Reach {
  /** Host for Ray's variable. */
  readonly host: string;
  /** Shell comments for the user about which machines reach it. */
  readonly notes: readonly string[];
}

/** Finds the host by which Ray's nodes reach a server that listens on `listenHost`. */
export function reachOf(listenHost: string, port: number, { hostname: name, addresses }: Machine): Reach {
  if (isLoopback(listenHost)) {
    return {
      host: listenHost,
      notes: [
        `# Only Ray nodes on this machine reach ${listenHost}. For others: --listen 0.0.0.0:${port}. Add --ingest-token-file, or anyone who reaches the port can post.`,
      ],
    };
  }
  if (!ALL_ADDRESSES.has(listenHost)) return { host: listenHost, notes: [] };
  const host = addresses[0] ?? name;
  const others = [...addresses.slice(1), name].filter((other) => other !== host);
  return {
    host,
    notes: [
      `# Ray nodes must reach this machine at the address below.${others.length === 0 ? '' : ` Other names and addresses: ${others.join(', ')}.`}`,
    ],
  };
}

/** Shell lines that make Ray post to this server, with comments for the user. Ready to paste, except for the token. */
export function rayLines({ access, certificate }: ListenerSecurity, listenHost: string, port: number, machine: Machine): readonly string[] {
  const reach = reachOf(listenHost, port, machine);
  const needsToken = access.ingest.isRequired();
  return [
    ...reach.notes,
    ...(needsToken ? ["# Replace TOKEN with one of the sender tokens. Ray's agent logs this address when it starts."] : []),
    ...(certificate === undefined ? [] : certificateNotes(certificate, reach.host)),
    ...rayVariables(eventsUrl({ host: reach.host, port, isSecure: certificate !== undefined, needsToken })),
  ];
}

function certificateNotes(certificate: Certificate, host: string): readonly string[] {
  return [
    ...(certificate.isFor(host)
      ? []
      : [`# The certificate is not valid for ${host}: use one of its names or addresses instead (${certificate.names}).`]),
    '# If a private authority signed the certificate, Ray also needs the PEM file of that authority: export SSL_CERT_FILE=... (Ray 2.49: REQUESTS_CA_BUNDLE)',
  ];
}

/** Names and addresses of this machine, without link-local addresses. */
export function thisMachine(): Machine {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const reachable = all.filter(({ internal, address }) => !internal && !address.startsWith('fe80:') && !address.startsWith('169.254.'));
  const addresses = [...reachable.filter(({ family }) => family === 'IPv4'), ...reachable.filter(({ family }) => family !== 'IPv4')];
  return { hostname: hostname(), addresses: addresses.map(({ address }) => address) };
}
