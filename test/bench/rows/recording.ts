import { hasDurableJournal, startBridge } from '../parts/bridge.ts';
import { missingCollector, startCollector } from '../parts/collector.ts';
import { endedAttemptSpans, untilDelivered } from '../parts/delivered.ts';
import { parseAlone } from '../parts/parse.ts';
import { until } from '../parts/process.ts';
import { median, sendAll } from '../parts/senders.ts';
import type { Sink } from '../parts/sink-process.ts';
import { type Count, count, type Findings, judge, milliseconds, times } from '../parts/table.ts';
import { bodiesOf, encodedBodies, recordedWorkload } from '../parts/workload.ts';
import { startNaive } from '../naive/start.ts';
import { COUNT_LIMITS, type Scale, TARGETS } from '../targets.ts';

/** The naive program's batches wait 5 s. */
const NAIVE_SILENCE_MS = 7000;

interface BridgeRun {
  readonly cpuMs: number;
  readonly lost: number;
  readonly spans: number;
  readonly bytesPerSpan: number;
  readonly syncsPerPost: number | undefined;
}

/** CPU of the bridge for the whole recording, beside that of the same work done otherwise. */
export async function recordingRows(sink: Sink, scale: Scale): Promise<Findings> {
  const { name, workload } = recordedWorkload();
  const bodies = encodedBodies(workload);
  const expected = endedAttemptSpans(bodiesOf(workload));
  const parsed: number[] = [];
  const runs: BridgeRun[] = [];
  for (let round = 0; round < scale.rounds; round += 1) {
    parsed.push((await parseAlone(workload)).cpuMs);
    runs.push(await runBridge(sink, bodies, expected));
  }
  const requests = await sink.bodies();
  const [first] = runs;
  if (first === undefined) throw new Error('no round');
  const parseMs = median(parsed);
  const bridgeMs = median(runs.map(({ cpuMs }) => cpuMs));
  const collector = await runCollector(sink, requests, first.spans, parseMs);
  const naive = await runNaive(sink, bodies, expected.length, parseMs);
  const lost = Math.max(...runs.map((run) => run.lost));
  const ratio = bridgeMs / parseMs;
  const { target, stretch } = TARGETS.recordingCpu;
  const counts: Count[] = [
    { what: 'spans lost', value: lost, limit: COUNT_LIMITS.spansLost },
    { what: 'bytes for each span', value: Math.round(first.bytesPerSpan), limit: COUNT_LIMITS.bytesPerSpan },
  ];
  if (first.syncsPerPost !== undefined)
    counts.push({ what: 'syncs for each post', value: first.syncsPerPost, limit: COUNT_LIMITS.syncsPerPost });
  return {
    rows: [
      {
        what: 'CPU for the whole recording, against parse',
        target: `<= ${target} x`,
        stretch: `<= ${stretch} x`,
        measured: `${milliseconds(bridgeMs)} for ${count(first.spans)} spans, ${lost} lost; parse ${milliseconds(parseMs)}`,
        ratio: times(ratio),
        verdict: judge(ratio, target, stretch),
      },
    ],
    counts,
    notes: [
      `Workload: ${name}, ${bodies.length} posts, ${count(bodies.reduce((sum, body) => sum + body.length, 0) / 1e6)} MB; ${scale.rounds} rounds, medians.`,
      `${count(first.bytesPerSpan)} bytes for each span in OTLP protobuf${first.syncsPerPost === undefined ? '' : `, ${first.syncsPerPost.toFixed(2)} syncs for each post`}.`,
      naive,
      collector,
    ],
  };
}

async function runBridge(sink: Sink, bodies: readonly Buffer[], expected: readonly string[]): Promise<BridgeRun> {
  await sink.reset(true);
  const bridge = await startBridge({ sinkUrl: sink.url, budget: 'off' });
  try {
    const before = await bridge.program.usage();
    await sendAll(bridge.url, bodies, 1);
    await untilDelivered(bridge, expected.length);
    const after = await bridge.program.usage();
    const metrics = await bridge.metrics();
    const { spans, distinctSpans, bytes } = await sink.counts();
    const repeated = spans - distinctSpans;
    return {
      cpuMs: after.cpuMs - before.cpuMs,
      lost: (await sink.missing(expected)) + repeated,
      spans,
      bytesPerSpan: bytes / spans,
      syncsPerPost: hasDurableJournal(metrics) ? (metrics('journal_syncs_total') ?? 0) / bodies.length : undefined,
    };
  } finally {
    await bridge.stop();
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

async function runCollector(sink: Sink, requests: readonly Buffer[], spans: number, parseMs: number): Promise<string> {
  const missing = missingCollector();
  if (missing !== undefined) return `Collector: not measured, ${missing}.`;
  await sink.reset();
  const collector = await startCollector(sink.url);
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
