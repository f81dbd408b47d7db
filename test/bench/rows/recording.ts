import { startBridge } from '../parts/bridge.ts';
import { missingCollector, type RunningCollector, startCollector } from '../parts/collector.ts';
import { endedAttemptSpans, untilDelivered } from '../parts/delivered.ts';
import { readSpans } from '../parts/otlp-protobuf.ts';
import { parseAlone } from '../parts/parse.ts';
import { until } from '../parts/process.ts';
import { median, sendAll } from '../parts/senders.ts';
import type { Sink } from '../parts/sink-process.ts';
import { count, type Findings, judge, milliseconds, type Row, times } from '../parts/table.ts';
import { bodiesOf, encodedBodies, recordedWorkload } from '../parts/workload.ts';
import { startFloor } from '../floor/start.ts';
import { startNaive } from '../naive/start.ts';
import { COUNT_LIMITS, type Scale, TARGETS } from '../targets.ts';

/** The naive program's batches wait 5 s. */
const NAIVE_SILENCE_MS = 7000;
const WARM_PASSES = 3;

interface BridgeRun {
  readonly cpuMs: number;
  readonly lost: number;
  readonly spans: number;
  readonly bytesPerSpan: number;
  readonly syncsPerPost: number;
}

/** CPU of the bridge for the whole recording, beside that of the same work done otherwise. */
export async function recordingRows(sink: Sink, scale: Scale): Promise<Findings> {
  const { name, workload } = recordedWorkload();
  const bodies = encodedBodies(workload);
  const expected = endedAttemptSpans(bodiesOf(workload));
  const parsed: number[] = [];
  const runs: BridgeRun[] = [];
  const leanRuns: BridgeRun[] = [];
  let requests: readonly Buffer[] = [];
  let leanRequests: readonly Buffer[] = [];
  for (let round = 0; round < scale.rounds; round += 1) {
    parsed.push((await parseAlone(workload)).cpuMs);
    runs.push(await runBridge(sink, bodies, expected, 'auto'));
    requests = await sink.bodies();
    leanRuns.push(await runBridge(sink, bodies, expected, 'events'));
    leanRequests = await sink.bodies();
  }
  const parseMs = median(parsed);
  const megabytes = bodies.reduce((sum, body) => sum + body.length, 0) / 1e6;
  const [first] = runs;
  return {
    rows: [
      cpuRow('CPU for the whole recording, against parse', runs, parseMs),
      cpuRow('the same with `--phases events`: one span for each attempt', leanRuns, parseMs),
    ],
    counts: [
      {
        what: 'spans lost or sent twice',
        value: Math.max(...[...runs, ...leanRuns].map((run) => run.lost)),
        limit: COUNT_LIMITS.spansLost,
      },
      { what: 'bytes for each span', value: Math.round(first?.bytesPerSpan ?? 0), limit: COUNT_LIMITS.bytesPerSpan },
      { what: 'syncs for each post', value: first?.syncsPerPost ?? Number.NaN, limit: COUNT_LIMITS.syncsPerPost },
    ],
    notes: [
      ...(scale.isQuick ? [] : [await runWarm(sink, bodies, parseMs)]),
      `Workload: ${name}, ${bodies.length} posts, ${count(megabytes)} MB; ${scale.rounds} rounds, medians.`,
      await runFloor(sink, bodies, requests, parseMs),
      await runFloor(sink, bodies, leanRequests, parseMs),
      await runNaive(sink, bodies, expected.length, parseMs),
      await runCollector(sink, requests, parseMs),
      await runCollector(sink, leanRequests, parseMs),
    ],
  };
}

function cpuRow(what: string, runs: readonly BridgeRun[], parseMs: number): Row {
  const cpuMs = median(runs.map((run) => run.cpuMs));
  const { target, stretch } = TARGETS.recordingCpu;
  const { spans = 0, bytesPerSpan = 0 } = runs[0] ?? {};
  return {
    what,
    target: `<= ${target} x`,
    stretch: `<= ${stretch} x`,
    measured: `${milliseconds(cpuMs)} for ${count(spans)} spans of ${count(bytesPerSpan)} B; parse ${milliseconds(parseMs)}`,
    ratio: times(cpuMs / parseMs),
    verdict: judge(cpuMs / parseMs, target, stretch),
  };
}

async function runBridge(
  sink: Sink,
  bodies: readonly Buffer[],
  expected: readonly string[],
  phases: 'auto' | 'events',
): Promise<BridgeRun> {
  await sink.reset(true);
  const bridge = await startBridge({ sinkUrl: sink.url, budget: 'off', phases });
  try {
    const before = await bridge.program.usage();
    await sendAll(bridge.url, bodies, 1);
    const missing = await untilDelivered(sink, expected);
    const after = await bridge.program.usage();
    const metrics = await bridge.metrics();
    const { spans, distinctSpans, bytes } = await sink.counts();
    const repeated = spans - distinctSpans;
    return {
      cpuMs: after.cpuMs - before.cpuMs,
      lost: missing + repeated,
      spans,
      bytesPerSpan: bytes / spans,
      syncsPerPost: (metrics('journal_syncs_total') ?? Number.NaN) / bodies.length,
    };
  } finally {
    await bridge.stop();
  }
}

/**
 * The recording repeatedly, each time as another session, in one process: the cost of a bridge that
 * has warmed up.
 */
async function runWarm(sink: Sink, bodies: readonly Buffer[], parseMs: number): Promise<string> {
  const texts = bodies.map((body) => body.toString('utf8'));
  const [session] = /session_[-_0-9]+/.exec(texts[0] ?? '') ?? [];
  if (session === undefined) throw new Error('the workload names no session');
  const bridge = await startBridge({ sinkUrl: sink.url, budget: 'off' });
  try {
    const cpuMs: number[] = [];
    for (let pass = 0; pass <= WARM_PASSES; pass += 1) {
      const other = `${session.slice(0, -1)}${pass}`;
      const posts = texts.map((text) => text.replaceAll(session, other));
      const expected = endedAttemptSpans(posts);
      const encoded = posts.map((post) => Buffer.from(post));
      await sink.reset();
      const before = await bridge.program.usage();
      await sendAll(bridge.url, encoded, 1);
      const missing = await untilDelivered(sink, expected);
      if (missing > 0) return `Warm: not measured, ${missing} spans did not arrive.`;
      cpuMs.push((await bridge.program.usage()).cpuMs - before.cpuMs);
    }
    const warmMs = median(cpuMs.slice(1));
    return `Warm: ${milliseconds(warmMs)}, ${times(warmMs / parseMs)} parse, for the same recording in a process that took it before; median of ${WARM_PASSES}.`;
  } finally {
    await bridge.stop();
  }
}

async function runFloor(sink: Sink, bodies: readonly Buffer[], requests: readonly Buffer[], parseMs: number): Promise<string> {
  await sink.reset();
  const floor = await startFloor(sink.url, requests);
  try {
    const before = await floor.program.usage();
    await sendAll(floor.url, bodies, 1);
    const passedOn = Math.min(requests.length, bodies.length);
    await until('the floor to pass all requests on', 60_000, async () => ((await sink.counts()).requests >= passedOn ? true : undefined));
    const cpuMs = (await floor.program.usage()).cpuMs - before.cpuMs;
    const { spans } = await sink.counts();
    return `Floor: ${milliseconds(cpuMs)}, ${times(cpuMs / parseMs)} parse, to receive, parse, write and sync the bodies and to pass the same ${count(spans)} spans on, made before.`;
  } finally {
    await floor.stop();
  }
}

async function runNaive(sink: Sink, bodies: readonly Buffer[], attempts: number, parseMs: number): Promise<string> {
  await sink.reset();
  const { program, url } = await startNaive(sink.url);
  try {
    const before = await program.usage();
    await sendAll(url, bodies, 1);
    let [spans, changedMs] = [0, performance.now()];
    await until('the naive program to fall silent', 60_000, async () => {
      const now = await sink.counts();
      if (now.spans !== spans) [spans, changedMs] = [now.spans, performance.now()];
      return performance.now() - changedMs > NAIVE_SILENCE_MS ? true : undefined;
    });
    const cpuMs = (await program.usage()).cpuMs - before.cpuMs;
    const lost = Math.round((1 - spans / attempts) * 100);
    return `Naive: ${milliseconds(cpuMs)}, ${times(cpuMs / parseMs)} parse, ${count(spans)} of ${count(attempts)} spans arrived, ${lost} % lost.`;
  } finally {
    await program.end();
  }
}

async function runCollector(sink: Sink, requests: readonly Buffer[], parseMs: number): Promise<string> {
  const missing = missingCollector();
  if (missing !== undefined) return `Collector: not measured, ${missing}.`;
  let spans = 0;
  for (const request of requests) readSpans(request, () => (spans += 1));
  await sink.reset();
  let collector: RunningCollector;
  try {
    collector = await startCollector(sink.url);
  } catch (error) {
    // One of another build, which has no queue on disk: the bridge's own figures are no worse for
    // it.
    return `Collector: not measured, ${error instanceof Error ? error.message : String(error)}.`;
  }
  try {
    const beforeMs = collector.cpuMs();
    await sendAll(collector.url, requests, 1, 'application/x-protobuf');
    await until('the Collector to pass all spans on', 60_000, async () => ((await sink.counts()).spans >= spans ? true : undefined));
    const cpuMs = collector.cpuMs() - beforeMs;
    return `Collector: ${milliseconds(cpuMs)}, ${times(cpuMs / parseMs)} parse, to pass the same ${count(spans)} spans on through a synced queue.`;
  } finally {
    await collector.stop();
  }
}
