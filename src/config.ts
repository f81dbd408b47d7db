import {
  count,
  duration,
  type Environment,
  listenAddress,
  oneOf,
  type Option,
  optional,
  optionalText,
  type Parse,
  parseOptions,
  size,
  tokenList,
  traceUrlPattern,
  type ValuesOf,
} from './options/index.ts';

type Group = 'Receiving' | 'Keeping' | 'Access' | 'Spans' | 'Closing' | 'Limits' | 'Running';

interface SettingText {
  /** Flag and variable are made of it: `settle` is `--settle` and `RAY_OTEL_SETTLE`. */
  readonly name: string;
  readonly placeholder: string;
  readonly default: string;
  readonly help: string;
}

/** An option of `serve` that is also a variable, and part of the README's table. */
export interface Setting<Value> extends Option<Value> {
  readonly name: string;
  readonly env: string;
  readonly group: Group;
}

function setting<Value>(group: Group, text: SettingText, parse: Parse<Value>): Setting<Value> {
  return { ...text, group, flag: `--${text.name}`, env: `RAY_OTEL_${text.name.toUpperCase().replaceAll('-', '_')}`, parse };
}

/** A secret: its variable gives it and no flag, which everybody on the machine could see. */
function secret<Value>(group: Group, text: SettingText, parse: Parse<Value>): Setting<Value> {
  return { ...setting(group, text, parse), flag: '' };
}

/** Every setting of the bridge: the only place that names them, their defaults and their rules. */
export const settingsTable = {
  listen: setting(
    'Receiving',
    {
      name: 'listen',
      placeholder: '<host:port>',
      default: '127.0.0.1:8080',
      help: "Address for Ray's posts. 0.0.0.0:8080 or :8080 takes them from every machine that reaches this one; port 0 takes a free one.",
    },
    listenAddress,
  ),
  dataDir: setting(
    'Keeping',
    {
      name: 'data-dir',
      placeholder: '<folder>',
      default: 'ray-otel-bridge-data',
      help: 'Folder for what is kept on disk: the journal of accepted events, and the quarantine of rejected ones and of refused spans. Of one process at a time.',
    },
    optionalText,
  ),
  journal: setting(
    'Keeping',
    {
      name: 'journal',
      placeholder: 'disk|memory',
      default: 'disk',
      help: 'disk: what was answered 200 outlives the process. memory: it does not; for trials.',
    },
    oneOf('disk', 'memory'),
  ),
  sync: setting(
    'Keeping',
    {
      name: 'sync',
      placeholder: 'always|interval',
      default: 'always',
      help: 'always: synced to the disk before the 200. interval: every --sync-interval; a power failure takes what was answered since.',
    },
    oneOf('always', 'interval'),
  ),
  syncIntervalMs: setting(
    'Keeping',
    { name: 'sync-interval', placeholder: '<duration>', default: '1s', help: 'With --sync interval: time between two syncs.' },
    duration('10ms'),
  ),
  ingestTokenFile: setting(
    'Access',
    {
      name: 'ingest-token-file',
      placeholder: '<file>',
      default: '',
      help: 'Tokens of which senders must show one, one a line: as password in the URL that Ray posts to, as Bearer, or after /t/ in the path. Read again when it changes.',
    },
    optionalText,
  ),
  ingestTokens: secret(
    'Access',
    { name: 'ingest-token', placeholder: '<token,...>', default: '', help: 'More such tokens, separated by commas.' },
    tokenList,
  ),
  readTokenFile: setting(
    'Access',
    {
      name: 'read-token-file',
      placeholder: '<file>',
      default: '',
      help: 'Tokens of which readers of /metrics, of the live page and of its data must show one, as Basic user or password or as Bearer. /healthz and /readyz stay open.',
    },
    optionalText,
  ),
  readTokens: secret(
    'Access',
    { name: 'read-token', placeholder: '<token,...>', default: '', help: 'More such tokens, separated by commas.' },
    tokenList,
  ),
  tlsCertFile: setting(
    'Access',
    {
      name: 'tls-cert-file',
      placeholder: '<file>',
      default: '',
      help: 'Serves HTTPS with this certificate (PEM, followed by its chain). Read again when it changes.',
    },
    optionalText,
  ),
  tlsKeyFile: setting(
    'Access',
    { name: 'tls-key-file', placeholder: '<file>', default: '', help: 'Its private key (PEM, without a passphrase).' },
    optionalText,
  ),
  nesting: setting(
    'Spans',
    {
      name: 'nesting',
      placeholder: 'tree|flat',
      default: 'tree',
      help: 'tree: a task stands under the task that called it. flat: every task stands under its job.',
    },
    oneOf('tree', 'flat'),
  ),
  phases: setting(
    'Spans',
    {
      name: 'phases',
      placeholder: 'auto|spans|events|none',
      default: 'auto',
      help: 'How the states of an attempt (waiting for a node, running...) are shown. auto: as child spans where the attempt waited, else as span events.',
    },
    oneOf('auto', 'spans', 'events', 'none'),
  ),
  phaseMinWaitMs: setting(
    'Spans',
    {
      name: 'phase-min-wait',
      placeholder: '<duration>',
      default: '20ms',
      help: 'With --phases auto: an attempt that waited this long before it ran gets child spans.',
    },
    duration(),
  ),
  slowMs: setting(
    'Spans',
    {
      name: 'slow',
      placeholder: '<duration>',
      default: '1s',
      help: 'An attempt of this length is a slow one, for jobs whose metadata asks for `ray_otel.detail` = slow.',
    },
    duration(),
  ),
  inFlight: setting(
    'Spans',
    {
      name: 'in-flight',
      placeholder: 'off|jobs|running',
      default: 'jobs',
      help: 'What is told early, by a mark under the span that is to come, so that a backend shows it before it ends. jobs: each trace: of a job, a detached actor, a cluster. running: each attempt that runs too.',
    },
    oneOf('off', 'jobs', 'running'),
  ),
  inFlightAfterMs: setting(
    'Spans',
    {
      name: 'in-flight-after',
      placeholder: '<duration>',
      default: '10s',
      help: 'With --in-flight: how long something is open before it gets its mark. What ends before has none.',
    },
    duration(),
  ),
  runtimeEnv: setting(
    'Spans',
    {
      name: 'runtime-env',
      placeholder: 'none|names',
      default: 'none',
      help: 'names: add the names of pip and conda packages and of the working folder. Variables and their values are never exported.',
    },
    oneOf('none', 'names'),
  ),
  traceUrl: setting(
    'Spans',
    {
      name: 'trace-url',
      placeholder: '<url>',
      default: '',
      help: 'Where a trace can be looked at, {traceId} standing for its id and, where it is wanted, {spanId} for the id of a span in it: http://localhost:16686/trace/{traceId}?uiFind={spanId}.',
    },
    traceUrlPattern,
  ),
  settleMs: setting(
    'Closing',
    {
      name: 'settle',
      placeholder: '<duration>',
      default: '5s',
      help: 'How long an attempt that ended waits for the parts of its story that are still missing.',
    },
    duration(),
  ),
  orphanTimeoutMs: setting(
    'Closing',
    {
      name: 'orphan-timeout',
      placeholder: '<duration>',
      default: '1h',
      help: 'A Ray session that is silent for this long is over: all that is open in it ends at its last known time.',
    },
    duration('1s'),
  ),
  maxSpansPerTrace: setting(
    'Limits',
    {
      name: 'max-spans-per-trace',
      placeholder: '<count>',
      default: '10000',
      help: 'Beyond it, tasks of one name under one parent are folded into a summary span. 0 is no limit.',
    },
    count(),
  ),
  maxBytesPerTrace: setting(
    'Limits',
    {
      name: 'max-bytes-per-trace',
      placeholder: '<size>',
      default: '4500000',
      help: 'The same for the bytes of a trace in OTLP protobuf. 0 is no limit.',
    },
    size(),
  ),
  maxOpenAttempts: setting(
    'Limits',
    {
      name: 'max-open-attempts',
      placeholder: '<count>',
      default: '1000000',
      help: 'Attempts that may be open at once; beyond it Ray is told to keep its events (503).',
    },
    count(1),
  ),
  maxOpenBytes: setting(
    'Limits',
    {
      name: 'max-open-bytes',
      placeholder: '<size>',
      default: '',
      help: 'Memory for names, labels, errors, states, profile entries... of what is open; beyond it Ray is told to keep its events (503). Default 256MiB or a quarter of the heap that Node may use, the smaller.',
    },
    optional(size(1)),
  ),
  maxBodyBytes: setting(
    'Limits',
    {
      name: 'max-body-bytes',
      placeholder: '<size>',
      default: '64MiB',
      help: 'Largest body of a post, after decompression (413 beyond it).',
    },
    size(1),
  ),
  maxJournalBytes: setting(
    'Limits',
    {
      name: 'max-journal-bytes',
      placeholder: '<size>',
      default: '',
      help: 'Events that the journal may hold; beyond it Ray is told to keep its events (503). Default 10GiB or 80 % of the free space, the smaller; in memory 256MiB.',
    },
    optional(size(1)),
  ),
  maxQueuedSpans: setting(
    'Limits',
    {
      name: 'max-queued-spans',
      placeholder: '<count>',
      default: '20000',
      help: 'Spans that may wait for the backend before reading stops.',
    },
    count(1),
  ),
  view: setting(
    'Running',
    {
      name: 'view',
      placeholder: 'on|off',
      default: 'on',
      help: 'The live page at / and its data at /api/v1: what is pending and running now. Both ask for a token of --read-token-file, if there is one.',
    },
    oneOf('on', 'off'),
  ),
  drainTimeoutMs: setting(
    'Running',
    {
      name: 'drain-timeout',
      placeholder: '<duration>',
      default: '10s',
      help: 'On SIGTERM or SIGINT: how long to go on delivering what is finished.',
    },
    duration(),
  ),
  logLevel: setting(
    'Running',
    {
      name: 'log-level',
      placeholder: '<level>',
      default: 'info',
      help: 'trace, debug, info, warn, error, fatal or silent. Logs are JSON lines on stderr.',
    },
    oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
  ),
} as const satisfies Record<string, Setting<unknown>>;

/** All settings with their types: durations in milliseconds, sizes in bytes. */
export type Settings = ValuesOf<typeof settingsTable>;

export type ParsedSettings =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Arguments and environment -> settings, or every problem found. Pure. */
export function parseSettings(argv: readonly string[], env: Environment): ParsedSettings {
  const parsed = parseOptions(settingsTable, argv, env);
  if (!parsed.ok) return parsed;
  if (parsed.positionals.length > 0)
    return { ok: false, problems: parsed.positionals.map((word) => `${JSON.stringify(word)}: no argument is expected here`) };
  const { tlsCertFile, tlsKeyFile } = parsed.values;
  if ((tlsCertFile === undefined) !== (tlsKeyFile === undefined))
    return { ok: false, problems: ['--tls-cert-file and --tls-key-file go together: give both, or neither'] };
  return { ok: true, settings: parsed.values };
}

/** What applies when nothing is set. */
export function defaultSettings(): Settings {
  const parsed = parseSettings([], {});
  if (!parsed.ok) throw new Error(`A default of the settings table breaks its own rule: ${parsed.problems.join('; ')}`);
  return parsed.settings;
}
