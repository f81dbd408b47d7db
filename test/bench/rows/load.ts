import type { GeneratedStreamOptions } from '../../support/generated-stream.ts';
import { startFloor } from '../floor/start.ts';
import { startBridge } from '../parts/bridge.ts';
import { parseAlone } from '../parts/parse.ts';
import { median, percentile, sendAll, sendOne } from '../parts/senders.ts';
import type { Sink } from '../parts/sink-process.ts';
import { type Findings, judge, milliseconds, times } from '../parts/table.ts';
import { encodedBodies, type Workload } from '../parts/workload.ts';
import { COUNT_LIMITS, type Scale, TARGETS } from '../targets.ts';

const SENDERS = 4;
const LARGE_POSTS = 3;
/** As long as real ones are: the 10,000 events come to 8 MB. */
const RUNTIME_ENV = JSON.stringify({ working_dir: 'gcs://_ray_pkg_0123456789abcdef.zip', env_vars: { REGION: 'eu-central-1'.repeat(30) } });

const eventsOf = (options: Partial<GeneratedStreamOptions>): Workload => ({
  kind: 'generated',
  options: { seed: 41, jobs: 1, tasksPerJob: 1, ...options },
});

/**
 * Four senders at full speed: how long they wait for answers, and how long the event loop stands
 * still.
 */
export async function loadRows(sink: Sink, scale: Scale): Promise<Findings> {
  const warmUp = encodedBodies(eventsOf({ session: 'warm-up', tasksPerJob: 4000 }));
  const workload = eventsOf({ session: 'load', jobs: 4, tasksPerJob: Math.round((scale.loadPosts * 1000) / 4.5 / 4) });
  const bodies = encodedBodies(workload);
  const besideLarge = encodedBodies(eventsOf({ session: 'beside', jobs: 4, tasksPerJob: 5000 }));
  const large = encodedBodies(
    eventsOf({ session: 'large', tasksPerJob: (LARGE_POSTS + 1) * 2400, release: '2.54', runtimeEnv: RUNTIME_ENV, actors: 0.2 }),
  ).slice(0, LARGE_POSTS);
  const { syncedMs } = await parseAlone(workload, true);
  const baseMs = median(syncedMs);
  const floorMs = await floorAnswersMs(sink, warmUp, bodies);

  const bridge = await startBridge({ sinkUrl: sink.url, budget: 'off' });
  try {
    await sendAll(bridge.url, warmUp, SENDERS);
    const syncsBefore = (await bridge.metrics())('journal_syncs_total') ?? 0;
    await bridge.program.watch();
    const sent = await sendAll(bridge.url, bodies, SENDERS);
    const stall = await bridge.program.stall();
    const metrics = await bridge.metrics();
    const p99Ms = percentile(sent.answersMs, 0.99);
    const ratio = p99Ms / baseMs;
    // The compilers are busy until then.
    const lastThird = sent.answersMs.slice(-Math.ceil(sent.answersMs.length / 3));

    const largeMs: number[] = [];
    const loading = sendAll(bridge.url, besideLarge, SENDERS);
    for (const body of large) largeMs.push(await sendOne(bridge.url, body));
    await loading;
    const slowest = Math.max(...largeMs);
    const syncs = (metrics('journal_syncs_total') ?? Number.NaN) - syncsBefore;
    const { answerP99, stallMs, largePostMs } = TARGETS;
    return {
      rows: [
        {
          what: `99th percentile of the answer to a 1,000-event post, ${SENDERS} senders, against parse + one synced write`,
          target: `<= ${answerP99.target} x`,
          stretch: `<= ${answerP99.stretch} x`,
          measured: `${milliseconds(p99Ms)} (median ${milliseconds(median(sent.answersMs))}); alone ${milliseconds(baseMs)}`,
          ratio: times(ratio),
          verdict: judge(ratio, answerP99.target, answerP99.stretch),
        },
        {
          what: 'longest stall of the event loop under that load',
          target: `<= ${stallMs.target} ms`,
          stretch: `<= ${stallMs.stretch} ms`,
          measured: `${milliseconds(stall.maxMs)} (99th percentile ${milliseconds(stall.p99Ms)})`,
          ratio: times(stall.maxMs / stallMs.target),
          verdict: judge(stall.maxMs, stallMs.target, stallMs.stretch),
        },
        {
          what: 'answer to one 10,000-event, 8 MB post while loaded',
          target: `<= ${largePostMs.target} ms`,
          stretch: `<= ${largePostMs.stretch} ms`,
          measured: `${milliseconds(slowest)}, the slowest of ${largeMs.length}`,
          ratio: times(slowest / largePostMs.target),
          verdict: judge(slowest, largePostMs.target, largePostMs.stretch),
        },
      ],
      counts: [{ what: `syncs for each post of ${SENDERS} senders`, value: syncs / bodies.length, limit: COUNT_LIMITS.syncsPerPost }],
      notes: [
        `Floor: 99th percentile ${milliseconds(percentile(floorMs, 0.99))} (median ${milliseconds(median(floorMs))}), ${times(percentile(floorMs, 0.99) / baseMs)}, where the bodies are received, parsed, written and synced, and nothing else.`,
        `Load: of the last third of the answers the 99th percentile is ${milliseconds(percentile(lastThird, 0.99))} (median ${milliseconds(median(lastThird))}), ${times(percentile(lastThird, 0.99) / baseMs)}.`,
        `Load: ${bodies.length} posts; parse + synced write alone: median ${milliseconds(baseMs)}, 99th percentile ${milliseconds(percentile(syncedMs, 0.99))}; ${sent.refused} answers with 503; the large posts have ${((large[0]?.length ?? 0) / 1e6).toFixed(1)} MB.`,
      ],
    };
  } finally {
    await bridge.stop();
  }
}

/** The same posts to the program that does the least. */
async function floorAnswersMs(sink: Sink, warmUp: readonly Buffer[], bodies: readonly Buffer[]): Promise<readonly number[]> {
  const floor = await startFloor(sink.url);
  try {
    await sendAll(floor.url, warmUp, SENDERS);
    return (await sendAll(floor.url, bodies, SENDERS)).answersMs;
  } finally {
    await floor.stop();
  }
}
