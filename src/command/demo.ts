import { fileURLToPath } from 'node:url';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import { createBridge } from '../bridge/index.ts';
import { defaultSettings, SETTINGS, type Settings } from '../config.ts';
import { systemClock } from '../runtime/index.ts';
import { type ListenAddress, listenAddress, type Option, parseOptions, switchValue } from '../options/index.ts';
import { readRecording, recordingSizeBytes } from '../recording/index.ts';
import { createTelemetry } from '../telemetry/index.ts';
import { renderTraceTree } from '../terminal/index.ts';
import { aborted, type Command, type CommandContext, done, interrupted, type Outcome, failed, usage } from './command.ts';
import { findUnreadable } from './files.ts';
import { listen } from '../http/index.ts';
import { createProgress, wantsColor, writeText } from './output.ts';
import { createPoster } from './poster.ts';
import { Replay } from './replay-run.ts';

/** The recording that comes with the package. */
export const BUNDLED_RECORDING = fileURLToPath(new URL('../../examples/demo/events.ndjson.gz', import.meta.url));

const OPTIONS = {
  serve: {
    flag: '--serve',
    placeholder: '',
    default: '',
    isSwitch: true,
    parse: switchValue,
    group: 'Live page',
    help: 'Play the recording at its own pace on the live page, and keep the page open until Ctrl-C.',
  },
  listen: {
    flag: '--listen',
    placeholder: '<host:port>',
    default: '127.0.0.1:0',
    parse: listenAddress,
    group: 'Live page',
    help: 'With --serve: address of the live page. Port 0 picks a free port.',
  },
  nesting: SETTINGS.nesting,
} satisfies Record<string, Option<unknown>>;

export const demoCommand: Command = {
  name: 'demo',
  summary: 'show recorded jobs as trees in the terminal or on the live page, without Ray and without a backend',
  usage: '[FILE...] [options]',
  description: [
    'Starts a bridge on a free port of this machine, posts a recording to it, and prints the resulting traces. Without FILE it uses a recording that comes with the package: a few jobs on a small Ray cluster.',
    'Work that is still open at the end of the recording ends at its last known time and is marked with ~.',
    'With --serve it shows the recording on the live page instead, as it looked when the jobs ran.',
  ],
  options: OPTIONS,
  examples: [
    { purpose: 'see what a trace looks like', line: 'ray-otel-bridge demo' },
    { purpose: 'see what the live page looks like', line: 'ray-otel-bridge demo --serve' },
    { purpose: 'see your own jobs', line: 'ray-otel-bridge demo events.ndjson.gz' },
  ],
  run: demo,
};

const POST_TIMEOUT_MS = 30_000;
const GIVE_UP_MS = 60_000;
const POLL_MS = 10;
/** Maximum wait for the last events to become spans, once the clock was advanced. */
const CLOSE_TIMEOUT_MS = 60_000;
/** Longer than the bridge remembers a session. */
const CLOCK_ADVANCE_MS = 30 * 24 * 3_600_000;
const MAX_TREE_WIDTH = 160;

async function demo(context: CommandContext): Promise<Outcome> {
  const parsed = parseOptions(OPTIONS, context.argv, context.env);
  if (!parsed.ok) return usage(...parsed.problems);
  const missing = await findUnreadable(parsed.positionals);
  if (missing.length > 0) return usage(...missing);
  const files = parsed.positionals.length > 0 ? parsed.positionals : [BUNDLED_RECORDING];

  const { serve, listen: address } = parsed.values;
  return serve ? await showPage(files, address, context) : await printTrees(files, parsed.values.nesting, context);
}

/** Plays the recording on the live page at its own pace, by the clock of the recording, until the user stops it. */
async function showPage(files: readonly string[], address: ListenAddress, context: CommandContext): Promise<Outcome> {
  const { stdout, stop } = context;
  const aheadMs = context.now() - ((await firstReceivedMs(files, context)) ?? context.now());
  const bridge = createBridge({
    exporter: collectInto([]),
    settings: { ...defaultSettings(), view: 'on' },
    env: {},
    telemetry: createTelemetry({ logLevel: 'silent' }),
    clock: { ...systemClock, now: () => context.now() - aheadMs },
  });
  const listening = await listen(bridge.app.fetch, address);
  if (!listening.ok) return failed(listening.problem);
  const { url } = listening.value;
  await bridge.start();
  try {
    await writeText(stdout, `Open ${url}/ to watch a recorded job as it ran. Ctrl-C ends it.\n`);
    const failure = await replayInto(url, files, 1, context);
    if (failure !== undefined) return failed(failure);
    if (!stop.aborted) await writeText(stdout, 'The recording has ended; the page stays open.\n');
    await aborted(stop);
  } finally {
    await Promise.all([listening.value.close(0), bridge.stop({ timeoutMs: 0 })]);
  }
  return done;
}

async function firstReceivedMs(files: readonly string[], { stdin }: CommandContext): Promise<number | undefined> {
  for (const file of files) {
    // Standard input can be read only once.
    if (file === '-') return undefined;
    for await (const item of readRecording(file, { stdin })) if (item.kind === 'post') return item.receivedAtMs;
  }
  return undefined;
}

async function printTrees(files: readonly string[], nesting: Settings['nesting'], context: CommandContext): Promise<Outcome> {
  const spans: ReadableSpan[] = [];
  const settings = { ...defaultSettings(), nesting, exportDelayMs: 0 };
  let aheadMs = 0;
  const bridge = createBridge({
    exporter: collectInto(spans),
    settings,
    env: {},
    telemetry: createTelemetry({ logLevel: 'silent' }),
    clock: { ...systemClock, now: () => systemClock.now() + aheadMs },
  });
  const listening = await listen(bridge.app.fetch, { host: '127.0.0.1', port: 0 });
  if (!listening.ok) return failed(listening.problem);
  await bridge.start();
  try {
    const failure = await replayInto(listening.value.url, files, Number.POSITIVE_INFINITY, context);
    if (failure !== undefined) return failed(failure);
    // Advances the clock past every timeout, so that everything open closes.
    if (!(await waitUntil(() => bridge.stats().journal.entries === 0, context))) return stillBusy(context);
    aheadMs = CLOCK_ADVANCE_MS;
    if (!(await waitUntil(() => bridge.stats().correlator.sessions === 0, context))) return stillBusy(context);
  } finally {
    await Promise.all([listening.value.close(0), bridge.stop()]);
  }
  const width = Math.min(context.stdout.columns ?? 80, MAX_TREE_WIDTH);
  await writeText(context.stdout, renderTraceTree(spans, { width, color: wantsColor(context.stdout, context.env) }));
  return done;
}

function stillBusy({ stop }: CommandContext): Outcome {
  return stop.aborted
    ? interrupted
    : failed(`the bridge did not process the recording within ${CLOSE_TIMEOUT_MS / 1000} s: is this machine busy?`);
}

async function replayInto(url: string, files: readonly string[], speed: number, context: CommandContext): Promise<string | undefined> {
  const progress = createProgress(context.stderr, context.now);
  const poster = createPoster({ target: new URL(url), timeoutMs: POST_TIMEOUT_MS, giveUpMs: GIVE_UP_MS, ...context });
  const replay = new Replay({
    context,
    speed,
    maxProblems: 20,
    progress,
    poster,
    totalBytes: await recordingSizeBytes(files),
  });
  for (const file of files) {
    const failure = await replay.file(file);
    if (failure !== undefined) return failure;
  }
  progress.line(replay.summary());
  return undefined;
}

async function waitUntil(condition: () => boolean, { now, sleep, stop }: CommandContext): Promise<boolean> {
  const startMs = now();
  while (!condition()) {
    if (stop.aborted || now() - startMs > CLOSE_TIMEOUT_MS) return false;
    await sleep(POLL_MS, stop);
  }
  return true;
}

function collectInto(spans: ReadableSpan[]): SpanExporter {
  return {
    export(batch: ReadableSpan[], resultCallback: (result: ExportResult) => void): void {
      spans.push(...batch);
      resultCallback({ code: ExportResultCode.SUCCESS });
    },
    async shutdown(): Promise<void> {
      // It holds no spans back.
    },
  };
}
