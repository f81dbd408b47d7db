import { fileURLToPath } from 'node:url';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import { createBridge } from '../bridge/index.ts';
import { defaultSettings, SETTINGS } from '../config.ts';
import { systemClock } from '../runtime/index.ts';
import { type Option, parseOptions } from '../options/index.ts';
import { recordingSizeBytes } from '../recording/index.ts';
import { createTelemetry } from '../telemetry/index.ts';
import { renderTraceTree } from '../terminal/index.ts';
import { type Command, type CommandContext, done, interrupted, type Outcome, failed, usage } from './command.ts';
import { findUnreadable } from './files.ts';
import { listen } from '../http/index.ts';
import { createProgress, wantsColor, writeText } from './output.ts';
import { createPoster } from './poster.ts';
import { Replay } from './replay-run.ts';

/** In the package, beside `src` and `dist`. */
export const BUNDLED_RECORDING = fileURLToPath(new URL('../../examples/demo/events.ndjson.gz', import.meta.url));

const OPTIONS = { nesting: SETTINGS.nesting } satisfies Record<string, Option<unknown>>;

export const demoCommand: Command = {
  name: 'demo',
  summary: 'show the traces of recorded events as trees in the terminal, without a backend',
  usage: '[FILE...] [options]',
  description: [
    'Starts a bridge on a free port of this machine, posts a recording to it, and prints the traces that come out. Without FILE the recording is one that comes with the package: a few jobs on a small Ray cluster.',
    'What is still open at the end of the recording is closed at its last known time and marked with ~.',
  ],
  options: OPTIONS,
  examples: [
    { says: 'what a trace looks like', line: 'ray-otel-bridge demo' },
    { says: 'your own jobs', line: 'ray-otel-bridge demo events.ndjson.gz' },
  ],
  run: demo,
};

const POST_TIMEOUT_MS = 30_000;
const giveUpMs = 60_000;
const POLL_MS = 10;
/** For the last events to become spans once the clock was put forward. */
const CLOSE_TIMEOUT_MS = 60_000;
/** Longer than a session is remembered. */
const CLOCK_ADVANCE_MS = 30 * 24 * 3_600_000;
const MAX_TREE_WIDTH = 160;

async function demo(context: CommandContext): Promise<Outcome> {
  const parsed = parseOptions(OPTIONS, context.argv, context.env);
  if (!parsed.ok) return usage(...parsed.problems);
  const missing = await findUnreadable(parsed.positionals);
  if (missing.length > 0) return usage(...missing);
  const files = parsed.positionals.length > 0 ? parsed.positionals : [BUNDLED_RECORDING];

  const spans: ReadableSpan[] = [];
  const settings = { ...defaultSettings(), nesting: parsed.values.nesting };
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
    const failure = await replayInto(listening.value.url, files, context);
    if (failure !== undefined) return failed(failure);
    // The clock is put past every waiting time, as if nothing more had come for hours: what is open closes.
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
    : failed(`the bridge did not get through the recording within ${CLOSE_TIMEOUT_MS / 1000} s: is this machine busy?`);
}

async function replayInto(url: string, files: readonly string[], context: CommandContext): Promise<string | undefined> {
  const progress = createProgress(context.stderr, context.now);
  const poster = createPoster({ target: new URL(url), timeoutMs: POST_TIMEOUT_MS, giveUpMs, ...context });
  const replay = new Replay({
    context,
    speed: Number.POSITIVE_INFINITY,
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
      // Nothing is held back.
    },
  };
}
