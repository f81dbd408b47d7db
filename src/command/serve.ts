import { createBridge } from '../bridge.ts';
import { reloadableCertificate, watch } from '../access/index.ts';
import { parseSettings, settingsTable, unknownVariables } from '../config.ts';
import { createExporters } from '../export/index.ts';
import { readSpanEnvironment } from '../span-environment.ts';
import { createTelemetry } from '../telemetry.ts';
import { formatCount } from '../terminal/index.ts';
import { type Command, type CommandContext, done, type Outcome, trouble, usage } from './command.ts';
import { type Door, doorWarnings, openDoor, rayLines } from './door.ts';
import { listen, type ListeningServer } from './http-server.ts';
import { thisMachine } from './machine.ts';
import { aborted } from './signals.ts';

export const serveCommand: Command = {
  name: 'serve',
  summary: "take Ray's events and send traces to an OTLP backend",
  usage: '[options]',
  description: [
    'Listens for the posts of Ray, turns them into traces, and sends these where the OTEL_* variables say: OTEL_EXPORTER_OTLP_ENDPOINT (default http://localhost:4318), OTEL_EXPORTER_OTLP_PROTOCOL (http/protobuf, http/json or grpc), OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_EXPORTER (otlp, console, file, none), OTEL_SERVICE_NAME and the others of the OpenTelemetry specification.',
    'On start it prints the variables that Ray needs, ready to paste. GET /healthz, /readyz and /metrics (Prometheus) tell how it is. Logs are JSON lines on standard error.',
    'SIGTERM or SIGINT ends it: no more events are taken, what is finished is delivered within --drain-timeout, and the exit code is 0. A second signal ends it at once.',
  ],
  options: settingsTable,
  examples: [
    { says: 'to a Collector or backend on this machine (port 4318)', line: 'ray-otel-bridge serve' },
    {
      says: 'to another one, with a header, for all nodes of a cluster',
      line: 'OTEL_EXPORTER_OTLP_ENDPOINT=https://otlp.example.com OTEL_EXPORTER_OTLP_HEADERS=x-api-key=KEY ray-otel-bridge serve --listen 0.0.0.0:8080 --ingest-token-file tokens',
    },
    { says: 'a token for --ingest-token-file', line: 'openssl rand -hex 24 > tokens && ray-otel-bridge serve --ingest-token-file tokens' },
    { says: 'into a file', line: 'OTEL_TRACES_EXPORTER=file ray-otel-bridge serve' },
  ],
  run: serve,
};

/** For answers that are under way when a signal comes; Ray itself waits 3 s for one. */
const answerGraceMs = 3000;

async function serve(context: CommandContext): Promise<Outcome> {
  const { argv, env, stderr, stdout, stop } = context;
  const parsed = parseSettings(argv, env);
  const created = createExporters(env);
  const spanEnvironment = readSpanEnvironment(env);
  if (!parsed.ok || !created.ok || !spanEnvironment.ok)
    return usage(...[parsed, created, spanEnvironment].flatMap((read) => (read.ok ? [] : read.problems)));
  const { settings } = parsed;
  const opened = openDoor(settings);
  if (!opened.ok) return usage(...opened.problems);
  const { door } = opened;
  for (const warning of doorWarnings(door, settings.listen.host, context.now())) stderr.write(`ray-otel-bridge serve: ${warning}\n`);
  for (const name of unknownVariables(env))
    stderr.write(`ray-otel-bridge serve: ${name} is set, but is no variable of this release: is it a typing error?\n`);
  if (settings.dataDir !== undefined)
    stderr.write('ray-otel-bridge serve: --data-dir holds the quarantine only: accepted events are kept in memory by this release\n');

  const telemetry = createTelemetry({ logLevel: settings.logLevel });
  const bridge = createBridge({ exporters: created.exporters, settings, env, telemetry, access: door.access });
  const { certificate, certificateFiles } = door;
  const listening = await listen(bridge.app.fetch, settings.listen, { certificate, onConnectionRefused: telemetry.connectionRefused });
  if (!listening.ok) {
    await bridge.stop({ timeoutMs: 0 });
    return trouble(listening.problem);
  }
  const { server } = listening;
  await bridge.start();
  stdout.write(`${startLines(server, door, settings.listen.host, created.describe).join('\n')}\n`);

  if (certificate !== undefined && certificateFiles !== undefined) {
    const files = [reloadableCertificate(certificateFiles, certificate, server.useCertificate)];
    await watch(files, { sleep: context.sleep, signal: stop, onReload: telemetry.fileReloaded });
  }
  await aborted(stop);
  stdout.write(`stopping: delivering what is finished, ${settings.drainTimeoutMs / 1000} s at most\n`);
  const [, { undelivered, unreadEvents }] = await Promise.all([
    server.close(answerGraceMs),
    bridge.stop({ timeoutMs: settings.drainTimeoutMs }),
  ]);
  if (unreadEvents > 0)
    stdout.write(
      `stopped: ${formatCount(unreadEvents, 'accepted event')} could not be worked through in time and ${unreadEvents === 1 ? 'is' : 'are'} lost\n`,
    );
  if (undelivered > 0)
    stdout.write(
      `stopped: ${formatCount(undelivered, 'span')} could not be delivered in time and ${undelivered === 1 ? 'is' : 'are'} lost\n`,
    );
  const { openAttempts } = bridge.stats().correlator;
  if (openAttempts > 0)
    stdout.write(
      `stopped: ${formatCount(openAttempts, 'attempt')} had not ended in Ray and get no span: what was known of them was in memory\n`,
    );
  if (unreadEvents === 0 && undelivered === 0) stdout.write('stopped: everything that was finished is delivered\n');
  return done;
}

function startLines(server: ListeningServer, door: Door, listenHost: string, exporters: readonly string[]): readonly string[] {
  return [
    `listening on ${server.url}`,
    ...exporters.map((line) => `sending traces by ${line}`),
    '',
    ...rayLines(door, listenHost, server.port, thisMachine()),
    '',
  ];
}
