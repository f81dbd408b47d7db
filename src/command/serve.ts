import { join, resolve } from 'node:path';
import { createBridge, type StopOutcome } from '../bridge/index.ts';
import {
  reloadableCertificate,
  type ListenerSecurity,
  listenerSecurityWarnings,
  openListenerSecurity,
  hostInUrl,
  listen,
  type ListeningServer,
  isLoopback,
} from '../http/index.ts';
import { watchFiles, printable } from '../runtime/index.ts';
import { parseSettings, type Settings, SETTINGS } from '../config.ts';
import { describeSuspect, suspectVariables } from '../known-variables.ts';
import { createExporters, readBatchVariables } from '../export/index.ts';
import { readSpanEnvironment } from '../span/index.ts';
import { type Journal, openDiskJournal } from '../journal/index.ts';
import { createTelemetry, type Telemetry } from '../telemetry/index.ts';
import { formatCount } from '../terminal/index.ts';
import { aborted, type Command, type CommandContext, done, type Outcome, failed, usage } from './command.ts';
import { missingBackendLine } from './default-backend.ts';
import { readableLogLines } from './log-lines.ts';
import { wantsColor } from './output.ts';
import { LARGE_CLUSTER_LINE, rayLines, rayVariables, thisMachine } from './ray-variables.ts';

export const serveCommand: Command = {
  name: 'serve',
  summary: "receive Ray's events and send traces to an OTLP backend",
  usage: '[options]',
  description: [
    'Receives the posts of Ray, turns them into traces, and exports these as the OTEL_* variables specify: OTEL_EXPORTER_OTLP_ENDPOINT (default http://localhost:4318), OTEL_EXPORTER_OTLP_PROTOCOL (http/protobuf, http/json or grpc), OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_EXPORTER (otlp, console, file, none), OTEL_SERVICE_NAME and others of the OpenTelemetry specification.',
    'On start it prints the variables that Ray needs, ready to paste. The live page is at /, its API at /api/v1. /healthz, /readyz and /metrics (Prometheus) report its health. Logs are on standard error: readable on a terminal, JSON lines otherwise.',
    'On SIGTERM or SIGINT it stops accepting events, delivers finished spans within --drain-timeout, and exits with 0. A second signal ends it immediately.',
  ],
  options: SETTINGS,
  essentials: ['listen', 'dataDir', 'ingestTokenFile', 'readTokenFile', 'view', 'traceUrl', 'settleMs', 'logLevel'],
  examples: [
    { purpose: 'send to a Collector or backend on this machine (port 4318)', line: 'ray-otel-bridge serve' },
    {
      purpose: 'send to a remote backend with a header, and accept all nodes of a cluster',
      line: 'OTEL_EXPORTER_OTLP_ENDPOINT=https://otlp.example.com OTEL_EXPORTER_OTLP_HEADERS=x-api-key=KEY ray-otel-bridge serve --listen 0.0.0.0:8080 --ingest-token-file tokens',
    },
    { purpose: 'create a sender token', line: 'openssl rand -hex 24 > tokens && ray-otel-bridge serve --ingest-token-file tokens' },
    { purpose: 'write the traces to a file', line: 'OTEL_TRACES_EXPORTER=file ray-otel-bridge serve' },
  ],
  run: serve,
};

/** Time to finish open answers after a signal. Ray waits 3 s for an answer. */
const ANSWER_GRACE_MS = 3000;

async function serve(context: CommandContext): Promise<Outcome> {
  const { argv, env, stderr, stdout, stop } = context;
  const parsed = parseSettings(argv, env);
  const created = createExporters(env);
  const spanEnvironment = readSpanEnvironment(env);
  const batching = readBatchVariables(env);
  if (!parsed.ok || !created.ok || !spanEnvironment.ok || !batching.ok)
    return usage(...[parsed, created, spanEnvironment, batching].flatMap((read) => (read.ok ? [] : read.problems)));
  const { settings } = parsed;
  const opened = openListenerSecurity(settings);
  if (!opened.ok) return usage(...opened.problem);
  const { value: security } = opened;
  for (const warning of listenerSecurityWarnings(security, settings.listen.host, context.now()))
    stderr.write(`ray-otel-bridge serve: ${warning}\n`);
  if (settings.view === 'on' && !isLoopback(settings.listen.host) && !security.access.read.isRequired())
    stderr.write(
      `ray-otel-bridge serve: anyone who reaches ${hostInUrl(settings.listen.host)} can read the live page, with the names and error messages of tasks: require a token with --read-token-file, or disable the page with --view off\n`,
    );
  for (const variable of suspectVariables(env)) stderr.write(`ray-otel-bridge serve: ${describeSuspect(variable)}\n`);
  const telemetry = createTelemetry({
    logLevel: settings.logLevel,
    ...(stderr.isTTY === true ? { destination: readableLogLines(stderr, wantsColor(stderr, env)) } : {}),
  });
  context.onWarning?.(telemetry.processWarning);
  const journal = await openJournal(context, settings, telemetry);
  if ('problem' in journal) return failed(journal.problem);
  const bridge = createBridge({
    exporters: created.exporters,
    settings,
    env,
    telemetry,
    access: security.access,
    setupLines: rayVariables('{url}'),
    ...journal,
  });
  const { certificate, certificateFiles } = security;
  const listening = await listen(bridge.app.fetch, settings.listen, {
    certificate,
    onConnectionRefused: telemetry.connectionRefused,
    answerDirectly: bridge.answerDirectly,
  });
  if (!listening.ok) {
    await bridge.stop({ timeoutMs: 0 });
    return failed(listening.problem);
  }
  const { value: server } = listening;
  await bridge.start();
  const missingBackend = await missingBackendLine(env, created.exporters);
  const exporterLines = [
    ...created.describe.map((line) => `sending traces with ${line}`),
    ...(missingBackend === undefined ? [] : [missingBackend]),
  ];
  stdout.write(`${startLines(server, security, settings, exporterLines).join('\n')}\n`);

  if (certificate !== undefined && certificateFiles !== undefined) {
    const files = [reloadableCertificate(certificateFiles, certificate, server.useCertificate)];
    await watchFiles(files, { sleep: context.sleep, signal: stop, onReload: telemetry.fileReloaded });
  }
  await aborted(stop);
  stdout.write(`stopping: delivering finished spans, ${settings.drainTimeoutMs / 1000} s at most\n`);
  const [, stopped] = await Promise.all([server.close(ANSWER_GRACE_MS), bridge.stop({ timeoutMs: settings.drainTimeoutMs })]);
  stdout.write(`${stopLines(stopped, bridge.stats().correlator.openAttempts).join('\n')}\n`);
  return done;
}

/** Opens the disk journal. Returns no journal for --journal memory: the bridge then creates one in memory. */
async function openJournal(
  { now, sleep }: CommandContext,
  settings: Settings,
  telemetry: Telemetry,
): Promise<{ readonly journal?: Journal } | { readonly problem: string }> {
  const { dataDir, journal: kind, sync, syncIntervalMs, maxJournalBytes, maxOutboxBytes } = settings;
  if (kind === 'memory' || dataDir === undefined) return {};
  const opened = await openDiskJournal({
    folder: join(dataDir, 'journal'),
    sync,
    syncIntervalMs,
    limits: {
      ...(maxJournalBytes === undefined ? {} : { limitBytes: maxJournalBytes }),
      ...(maxOutboxBytes === undefined ? {} : { maxOutboxBytes }),
    },
    now: () => performance.now(),
    epochMs: now,
    sleep,
    onEvent: telemetry.journalEvent,
  });
  return opened.ok ? { journal: opened.journal } : { problem: `${opened.message} (--data-dir, or --journal memory for a trial)` };
}

function stopLines({ undelivered, unreadEvents, isKept }: StopOutcome, openAttempts: number): readonly string[] {
  const left = [
    [unreadEvents, 'accepted event', 'not processed'],
    [undelivered, 'span', 'not delivered'],
    [openAttempts, 'attempt', 'still open in Ray'],
  ] as const;
  const lines = left.flatMap(([count, what, how]) => {
    if (count === 0) return [];
    const fate = isKept ? 'kept in the journal for the next start' : 'lost, because they were in memory';
    return [`stopped: ${formatCount(count, what)} ${how}, ${fate}`];
  });
  return unreadEvents === 0 && undelivered === 0 ? [...lines, 'stopped: all finished spans are delivered'] : lines;
}

function startLines(
  server: ListeningServer,
  security: ListenerSecurity,
  settings: Settings,
  exporterLines: readonly string[],
): readonly string[] {
  const { listen: address, journal, dataDir } = settings;
  const keeps =
    journal === 'disk' && dataDir !== undefined
      ? `in ${printable(resolve(dataDir))}`
      : 'in memory only: they are lost when this process ends';
  return [
    `listening on ${server.url}`,
    ...(settings.view === 'on' ? [`live page at ${server.url}/`] : []),
    ...exporterLines,
    `keeping accepted events ${keeps}`,
    '',
    ...rayLines(security, address.host, server.port, thisMachine()),
    LARGE_CLUSTER_LINE,
    '',
  ];
}
