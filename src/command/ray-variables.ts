import { hostInUrl, isLoopback, type ListenerSecurity, type Certificate } from '../http/index.ts';

/**
 * Every value of Ray's `RayEvent.EventType`, 2.49 to 2.60. Written out instead of `ALL`, which Ray knows from 2.54 on; names that a release does not know are ignored by it.
 * TASK_EXECUTION_EVENT is what 2.49 and 2.50 call TASK_LIFECYCLE_EVENT.
 */
export const RAY_EVENT_TYPES = [
  'TASK_DEFINITION_EVENT',
  'TASK_EXECUTION_EVENT',
  'TASK_LIFECYCLE_EVENT',
  'ACTOR_TASK_DEFINITION_EVENT',
  'TASK_PROFILE_EVENT',
  'DRIVER_JOB_DEFINITION_EVENT',
  'DRIVER_JOB_LIFECYCLE_EVENT',
  'NODE_DEFINITION_EVENT',
  'NODE_LIFECYCLE_EVENT',
  'ACTOR_DEFINITION_EVENT',
  'ACTOR_LIFECYCLE_EVENT',
  'PLACEMENT_GROUP_DEFINITION_EVENT',
  'PLACEMENT_GROUP_LIFECYCLE_EVENT',
  'SUBMISSION_JOB_DEFINITION_EVENT',
  'SUBMISSION_JOB_LIFECYCLE_EVENT',
  'PLATFORM_EVENT',
  'WORKER_DEFINITION_EVENT',
  'WORKER_LIFECYCLE_EVENT',
] as const;

/** What makes Ray post its events to `url`, as a shell takes it. Lines without `export` are comments. */
export function rayVariables(url: string): readonly string[] {
  return [
    '# On every Ray node before `ray start`, and in the shell of a driver that calls ray.init() (Ray 2.49 or later, ray[default]):',
    `export RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR=${url}`,
    '# From Ray 2.54 on, ALL does the same as this list:',
    `export RAY_DASHBOARD_AGGREGATOR_AGENT_EXPOSABLE_EVENT_TYPES=${RAY_EVENT_TYPES.join(',')}`,
    'export RAY_enable_ray_event=1',
    'export RAY_enable_core_worker_ray_event_to_aggregator=1',
  ];
}

export interface EventsUrlParts {
  readonly host: string;
  readonly port: number;
  readonly isSecure: boolean;
  /** Then TOKEN stands where it belongs: the token itself is not shown. It is the password, because Ray 2.49 sends no user without one. */
  readonly needsToken: boolean;
}

/** What Ray should post to. */
export function eventsUrl({ host, port, isSecure, needsToken }: EventsUrlParts): string {
  return `${isSecure ? 'https' : 'http'}://${needsToken ? 'ray:TOKEN@' : ''}${hostInUrl(host)}:${port}/v1/events`;
}

export interface Machine {
  readonly hostname: string;
  /** Addresses that other machines may reach, IPv4 first. */
  readonly addresses: readonly string[];
}

const ALL_ADDRESSES = new Set(['0.0.0.0', '::', '0:0:0:0:0:0:0:0']);

export interface Reach {
  /** For Ray's variable. */
  readonly host: string;
  /** What the user should know about who reaches it; comments of a shell. */
  readonly notes: readonly string[];
}

/** Under which host Ray's nodes reach a server that listens on `listenHost`. */
export function reachOf(listenHost: string, port: number, { hostname, addresses }: Machine): Reach {
  if (isLoopback(listenHost)) {
    return {
      host: listenHost,
      notes: [
        `# Only Ray nodes on this machine reach ${listenHost}. For others: --listen 0.0.0.0:${port}, with --ingest-token-file, or whoever reaches that port can post.`,
      ],
    };
  }
  if (!ALL_ADDRESSES.has(listenHost)) return { host: listenHost, notes: [] };
  const host = addresses[0] ?? hostname;
  const others = [...addresses.slice(1), hostname].filter((other) => other !== host);
  return {
    host,
    notes: [`# Ray nodes must reach this machine by the address below. It is also known as ${others.join(', ') || 'nothing else'}.`],
  };
}

/** What makes Ray post to this server, ready to paste but for the token, with what the user should know about it. */
export function rayLines({ access, certificate }: ListenerSecurity, listenHost: string, port: number, machine: Machine): readonly string[] {
  const reach = reachOf(listenHost, port, machine);
  const needsToken = access.ingest.isRequired();
  return [
    ...reach.notes,
    ...(needsToken
      ? ["# Put one of the sender tokens in place of TOKEN. Ray's agent writes this address into its log when it starts."]
      : []),
    ...(certificate === undefined ? [] : certificateNotes(certificate, reach.host)),
    ...rayVariables(eventsUrl({ host: reach.host, port, isSecure: certificate !== undefined, needsToken })),
  ];
}

function certificateNotes(certificate: Certificate, host: string): readonly string[] {
  return [
    ...(certificate.isFor(host)
      ? []
      : [`# The certificate is not for ${host}: put a name or address that it is for in its place (${certificate.names}).`]),
    '# If a private authority signed the certificate, Ray also needs its PEM file: export SSL_CERT_FILE=... (Ray 2.49: REQUESTS_CA_BUNDLE)',
  ];
}
