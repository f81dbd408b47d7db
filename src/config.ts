import {
  count,
  duration,
  type Environment,
  httpTargets,
  listenAddress,
  oneOf,
  type Option,
  optional,
  optionalText,
  type Parse,
  parseOptions,
  size,
  switchValue,
  tokenList,
  traceUrlPattern,
  type ValuesOf,
} from './options/index.ts';

type Group = 'Receiving' | 'Keeping' | 'Access' | 'Spans' | 'Closing' | 'Limits' | 'Running';

interface SettingText {
  /** Name of the flag and the variable: `settle` gives `--settle` and `RAY_OTEL_SETTLE`. */
  readonly name: string;
  readonly placeholder: string;
  readonly default: string;
  readonly help: string;
  /** A flag without a value. */
  readonly isSwitch?: true;
  /** A list separated by commas. */
  readonly isList?: true;
}

/** An option of `serve`: a flag, an environment variable and a row of docs/reference/settings.md. */
export interface Setting<Value> extends Option<Value> {
  readonly name: string;
  readonly env: string;
  readonly group: Group;
}

function setting<Value>(group: Group, text: SettingText, parse: Parse<Value>): Setting<Value> {
  return { ...text, group, flag: `--${text.name}`, env: `RAY_OTEL_${text.name.toUpperCase().replaceAll('-', '_')}`, parse };
}

/** A secret: it has a variable but no flag, because every user of the machine can list flags. */
function secret<Value>(group: Group, text: SettingText, parse: Parse<Value>): Setting<Value> {
  return { ...setting(group, text, parse), flag: '' };
}

/** Every setting of the bridge, with its default and its rule. Nothing else defines them. */
export const SETTINGS = {
  listen: setting(
    'Receiving',
    {
      name: 'listen',
      placeholder: '<host:port>',
      default: '127.0.0.1:8080',
      help: "Address to accept Ray's posts on. 0.0.0.0:8080 or :8080 accepts them from other machines; port 0 picks a free port.",
    },
    listenAddress,
  ),
  forwardTo: setting(
    'Receiving',
    {
      name: 'forward-to',
      isList: true,
      placeholder: '<url,...>',
      default: '',
      help: 'Other consumers of the feed, separated by commas; the flag can be repeated. Each accepted post is also sent to them, as it came. By default they never delay an answer: a post that a consumer does not take in time is dropped for it and counted.',
    },
    httpTargets,
  ),
  forwardRequired: setting(
    'Receiving',
    {
      name: 'forward-required',
      isSwitch: true,
      placeholder: '',
      default: '',
      help: 'Answer 200 only when every consumer has taken the post too, and 503 otherwise. Ray then repeats the post, and the others see it twice.',
    },
    switchValue,
  ),
  forwardRetryForMs: setting(
    'Receiving',
    {
      name: 'forward-retry-for',
      placeholder: '<duration>',
      default: '60s',
      help: 'How long a post is retried for a consumer that does not take it.',
    },
    duration('1s'),
  ),
  maxForwardBytes: setting(
    'Limits',
    {
      name: 'max-forward-bytes',
      placeholder: '<size>',
      default: '64MiB',
      help: 'Maximum memory for posts that wait for one consumer of --forward-to. Above it, posts are dropped for that consumer and counted.',
    },
    size(1),
  ),
  dataDir: setting(
    'Keeping',
    {
      name: 'data-dir',
      placeholder: '<folder>',
      default: 'ray-otel-bridge-data',
      help: 'Folder for data on disk: the journal of accepted events, and the quarantine of rejected events and refused spans. Only one process may use it.',
    },
    optionalText,
  ),
  journal: setting(
    'Keeping',
    {
      name: 'journal',
      placeholder: 'disk|memory',
      default: 'disk',
      help: 'disk: events answered with 200 survive a restart. memory: they do not; for trials only.',
    },
    oneOf('disk', 'memory'),
  ),
  sync: setting(
    'Keeping',
    {
      name: 'sync',
      placeholder: 'always|interval',
      default: 'always',
      help: 'always: sync to disk before answering 200. interval: sync every --sync-interval; a power failure loses the events since the last sync.',
    },
    oneOf('always', 'interval'),
  ),
  syncIntervalMs: setting(
    'Keeping',
    { name: 'sync-interval', placeholder: '<duration>', default: '1s', help: 'Time between two syncs with --sync interval.' },
    duration('10ms'),
  ),
  ingestTokenFile: setting(
    'Access',
    {
      name: 'ingest-token-file',
      placeholder: '<file>',
      default: '',
      help: 'File of accepted sender tokens, one per line. A sender passes its token as the password in the URL that Ray posts to, as a Bearer token, or after /t/ in the path. Reloaded when it changes.',
    },
    optionalText,
  ),
  ingestTokens: secret(
    'Access',
    { name: 'ingest-token', placeholder: '<token,...>', default: '', help: 'More sender tokens, separated by commas.' },
    tokenList,
  ),
  readTokenFile: setting(
    'Access',
    {
      name: 'read-token-file',
      placeholder: '<file>',
      default: '',
      help: 'File of accepted reader tokens, one per line, for /metrics, the live page and its API. A reader passes its token as Basic user or password, or as a Bearer token. /healthz and /readyz stay open. Reloaded when it changes.',
    },
    optionalText,
  ),
  readTokens: secret(
    'Access',
    { name: 'read-token', placeholder: '<token,...>', default: '', help: 'More reader tokens, separated by commas.' },
    tokenList,
  ),
  tlsCertFile: setting(
    'Access',
    {
      name: 'tls-cert-file',
      placeholder: '<file>',
      default: '',
      help: 'Certificate to serve HTTPS with (PEM, followed by its chain). Reloaded when it changes.',
    },
    optionalText,
  ),
  tlsKeyFile: setting(
    'Access',
    { name: 'tls-key-file', placeholder: '<file>', default: '', help: 'Private key of the certificate (PEM, without a passphrase).' },
    optionalText,
  ),
  nesting: setting(
    'Spans',
    {
      name: 'nesting',
      placeholder: 'tree|flat',
      default: 'tree',
      help: 'tree: a task is a child of the task that called it. flat: every task is a child of its job.',
    },
    oneOf('tree', 'flat'),
  ),
  phases: setting(
    'Spans',
    {
      name: 'phases',
      placeholder: 'auto|spans|events|none',
      default: 'auto',
      help: 'How to export the states of an attempt (waiting for a node, running...). auto: as child spans if the attempt waited, otherwise as span events.',
    },
    oneOf('auto', 'spans', 'events', 'none'),
  ),
  phaseMinWaitMs: setting(
    'Spans',
    {
      name: 'phase-min-wait',
      placeholder: '<duration>',
      default: '20ms',
      help: 'With --phases auto: an attempt that waited at least this long before it ran gets child spans.',
    },
    duration(),
  ),
  slowMs: setting(
    'Spans',
    {
      name: 'slow',
      placeholder: '<duration>',
      default: '1s',
      help: 'Minimum duration of a slow attempt, for jobs whose metadata has `ray_otel.detail` = slow.',
    },
    duration(),
  ),
  inFlight: setting(
    'Spans',
    {
      name: 'in-flight',
      placeholder: 'off|jobs|running',
      default: 'jobs',
      help: 'Export an in-flight span for long-running work, so that backends show it before it ends. jobs: one for each trace of a job, a detached actor or a cluster. running: also one for each running attempt.',
    },
    oneOf('off', 'jobs', 'running'),
  ),
  inFlightAfterMs: setting(
    'Spans',
    {
      name: 'in-flight-after',
      placeholder: '<duration>',
      default: '10s',
      help: 'With --in-flight: how long work is open before its in-flight span is exported. Work that ends sooner gets none.',
    },
    duration(),
  ),
  runtimeEnv: setting(
    'Spans',
    {
      name: 'runtime-env',
      placeholder: 'none|names',
      default: 'none',
      help: 'names: add the names of pip and conda packages and of the working directory. Environment variables and their values are never exported.',
    },
    oneOf('none', 'names'),
  ),
  traceUrl: setting(
    'Spans',
    {
      name: 'trace-url',
      placeholder: '<url>',
      default: '',
      help: 'Link to a trace in your backend. {traceId} is replaced by the trace id, and {spanId}, if present, by the id of a span: http://localhost:16686/trace/{traceId}?uiFind={spanId}.',
    },
    traceUrlPattern,
  ),
  settleMs: setting(
    'Closing',
    {
      name: 'settle',
      placeholder: '<duration>',
      default: '5s',
      help: 'How long to wait for late events after an attempt ends.',
    },
    duration(),
  ),
  orphanTimeoutMs: setting(
    'Closing',
    {
      name: 'orphan-timeout',
      placeholder: '<duration>',
      default: '1h',
      help: 'A Ray session without events for this long counts as ended: everything open in it closes at its last known time.',
    },
    duration('1s'),
  ),
  maxSpansPerTrace: setting(
    'Limits',
    {
      name: 'max-spans-per-trace',
      placeholder: '<count>',
      default: '10000',
      help: 'Maximum number of spans in a trace. Above it, tasks with the same name and parent are rolled up into a summary span. 0 means no limit.',
    },
    count(),
  ),
  maxBytesPerTrace: setting(
    'Limits',
    {
      name: 'max-bytes-per-trace',
      placeholder: '<size>',
      default: '4500000',
      help: 'Maximum size of a trace in OTLP protobuf, with the same effect. 0 means no limit.',
    },
    size(),
  ),
  slowestPerFunction: setting(
    'Limits',
    {
      name: 'slowest-per-function',
      placeholder: '<count>',
      default: '10',
      help: 'In a trace beyond its limit: how many of the slowest attempts of each function keep a span. They are exported when the job ends.',
    },
    count(),
  ),
  maxOpenAttempts: setting(
    'Limits',
    {
      name: 'max-open-attempts',
      placeholder: '<count>',
      default: '1000000',
      help: 'Maximum number of open attempts. Above it, the bridge answers 503 and Ray keeps its events.',
    },
    count(1),
  ),
  maxOpenBytes: setting(
    'Limits',
    {
      name: 'max-open-bytes',
      placeholder: '<size>',
      default: '',
      help: 'Maximum memory for names, labels, errors, states and other details of open work. Above it, the bridge answers 503 and Ray keeps its events. Default: 256MiB or a quarter of the heap limit of Node.js, whichever is smaller.',
    },
    optional(size(1)),
  ),
  maxBodyBytes: setting(
    'Limits',
    {
      name: 'max-body-bytes',
      placeholder: '<size>',
      default: '64MiB',
      help: 'Maximum size of a request body after decompression. A larger one is refused with 413.',
    },
    size(1),
  ),
  maxJournalBytes: setting(
    'Limits',
    {
      name: 'max-journal-bytes',
      placeholder: '<size>',
      default: '',
      help: 'Maximum size of the journal. Above it, the bridge answers 503 and Ray keeps its events. Default: 10GiB or 80 % of the free space, whichever is smaller; 256MiB in memory.',
    },
    optional(size(1)),
  ),
  maxOutboxBytes: setting(
    'Limits',
    {
      name: 'max-outbox-bytes',
      placeholder: '<size>',
      default: '',
      help: 'Maximum size of the outbox: finished spans on disk that wait for the backend. Above it, events wait in the journal. Default: 2GiB or 20 % of the free space, whichever is smaller.',
    },
    optional(size()),
  ),
  maxQueuedSpans: setting(
    'Limits',
    {
      name: 'max-queued-spans',
      placeholder: '<count>',
      default: '20000',
      help: 'Maximum number of spans that wait in memory for a backend. Further ones wait on disk, in the outbox; with `--journal memory`, the bridge pauses reading its journal.',
    },
    count(1),
  ),
  exportDelayMs: setting(
    'Limits',
    {
      name: 'export-delay',
      placeholder: '<duration>',
      default: '',
      help: 'How long a finished span waits for others, so that requests to the backend are few and large. 0s sends each at once. Default: `OTEL_BSP_SCHEDULE_DELAY`, or 1s.',
    },
    optional(duration()),
  ),
  exportBatchSize: setting(
    'Limits',
    {
      name: 'export-batch-size',
      placeholder: '<count>',
      default: '',
      help: 'Maximum number of spans in a request to the backend. A full batch is sent at once. Default: `OTEL_BSP_MAX_EXPORT_BATCH_SIZE`, or 512.',
    },
    optional(count(1)),
  ),
  view: setting(
    'Running',
    {
      name: 'view',
      placeholder: 'on|off',
      default: 'on',
      help: 'Serve the live page at / and its API at /api/v1, which show pending and running work. Both require a token from --read-token-file, if set.',
    },
    oneOf('on', 'off'),
  ),
  drainTimeoutMs: setting(
    'Running',
    {
      name: 'drain-timeout',
      placeholder: '<duration>',
      default: '10s',
      help: 'How long to keep delivering finished spans after SIGTERM or SIGINT.',
    },
    duration(),
  ),
  logLevel: setting(
    'Running',
    {
      name: 'log-level',
      placeholder: '<level>',
      default: 'info',
      help: 'trace, debug, info, warn, error, fatal or silent. Logs are JSON lines on standard error.',
    },
    oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
  ),
} as const satisfies Record<string, Setting<unknown>>;

/** Values of all settings. Durations are in milliseconds, sizes in bytes. */
export type Settings = ValuesOf<typeof SETTINGS>;

export type ParsedSettings =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Parses arguments and environment into settings, or into all problems found. Pure. */
export function parseSettings(argv: readonly string[], env: Environment): ParsedSettings {
  const parsed = parseOptions(SETTINGS, argv, env);
  if (!parsed.ok) return parsed;
  if (parsed.positionals.length > 0)
    return { ok: false, problems: parsed.positionals.map((word) => `unexpected argument ${JSON.stringify(word)}`) };
  const { tlsCertFile, tlsKeyFile } = parsed.values;
  if ((tlsCertFile === undefined) !== (tlsKeyFile === undefined))
    return { ok: false, problems: ['--tls-cert-file and --tls-key-file need each other: give both, or neither'] };
  return { ok: true, settings: parsed.values };
}

/** The settings when no flag and no variable is set. */
export function defaultSettings(): Settings {
  const parsed = parseSettings([], {});
  if (!parsed.ok) throw new Error(`a default in the settings table breaks its own rule: ${parsed.problems.join('; ')}`);
  return parsed.settings;
}
