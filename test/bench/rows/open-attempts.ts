import { generatedPosts, generatedStream, type GeneratedStreamOptions } from '../../support/generated-stream.ts';
import { type RunningBridge, startBridge } from '../parts/bridge.ts';
import { until } from '../parts/process.ts';
import { sendAll } from '../parts/senders.ts';
import type { Sink } from '../parts/sink-process.ts';
import { type Count, count, type Findings, judge, mebibytes, milliseconds, type Row, times } from '../parts/table.ts';
import { COUNT_LIMITS, type Scale, TARGETS } from '../targets.ts';

const FEW_OPEN = 1000;
/** What the targets of the whole process are for. */
const TARGET_ATTEMPTS = 1_000_000;
const WARM_UP_ATTEMPTS = 20_000;
const SENDERS = 2;
const CATCH_UP_LIMIT_MS = 600_000;
const RESTART_LIMIT_MS = 120_000;

const stream = (session: string, options: Partial<GeneratedStreamOptions>): GeneratedStreamOptions => ({
  seed: 71,
  session,
  jobs: 0,
  tasksPerJob: 0,
  lost: 0,
  ...options,
});

/**
 * A million attempts that stay open: their memory, what they cost the others, and how long a
 * restart takes with them.
 */
export async function openAttemptsRows(sink: Sink, scale: Scale): Promise<Findings> {
  const { openAttempts } = scale;
  const start = { sinkUrl: sink.url, budget: 'off', maxOpenAttempts: openAttempts * 2, isCollectable: true } as const;
  const bridge = await startBridge(start);
  try {
    const beside = (session: string, attempts = scale.besideOpenAttempts): GeneratedStreamOptions =>
      stream(session, { jobs: 4, tasksPerJob: attempts / 4 });
    for (const session of ['warm-up', 'warm-up again'])
      await besideCpu(bridge, beside(session, Math.min(scale.besideOpenAttempts, WARM_UP_ATTEMPTS)));
    await sendAll(bridge.url, generatedPosts(stream('few', { openTasks: FEW_OPEN })), SENDERS);
    await untilOpen(bridge, FEW_OPEN);
    const few = await besideCpu(bridge, beside('beside few'));
    const before = await bridge.program.usage(true);
    await sendAll(bridge.url, generatedPosts(stream('many', { openTasks: openAttempts - FEW_OPEN })), SENDERS);
    await untilOpen(bridge, openAttempts);
    const after = await bridge.program.usage(true);
    const many = await besideCpu(bridge, beside('beside many'));
    const attemptBytes = (after.heapBytes - before.heapBytes) / (openAttempts - FEW_OPEN);
    const growth = many.usPerEvent / few.usPerEvent;
    const { maxRssBytes } = await bridge.program.usage();
    await bridge.kill();
    const again = await restart(bridge, start, openAttempts);
    const { attemptBytes: bytesTarget, openRssBytes, openCpuGrowth } = TARGETS;
    const rssTarget = openRssBytes.target;
    const isLarge = openAttempts >= TARGET_ATTEMPTS;
    return {
      rows: [
        {
          what: `memory for each open attempt (definition + 3 states), ${count(openAttempts)} open at once`,
          target: `<= ${count(bytesTarget.target)} B`,
          stretch: `<= ${count(bytesTarget.stretch)} B`,
          measured: `${count(attemptBytes)} B`,
          ratio: times(attemptBytes / bytesTarget.target),
          verdict: judge(attemptBytes, bytesTarget.target, bytesTarget.stretch),
        },
        {
          what: `RSS with ${count(openAttempts)} open, at most`,
          target: isLarge ? `<= ${mebibytes(rssTarget)}` : '',
          stretch: '',
          measured: mebibytes(maxRssBytes),
          ratio: isLarge ? times(maxRssBytes / rssTarget) : '',
          verdict: isLarge ? judge(maxRssBytes, rssTarget) : 'full form only',
        },
        {
          what: `CPU for an event at ${count(openAttempts)} open attempts, against at ${count(FEW_OPEN)}`,
          target: `<= ${openCpuGrowth.target} x`,
          stretch: `<= ${openCpuGrowth.stretch} x`,
          measured: `${many.usPerEvent.toFixed(1)} us against ${few.usPerEvent.toFixed(1)} us`,
          ratio: times(growth),
          verdict: judge(growth, openCpuGrowth.target, openCpuGrowth.stretch),
        },
        again.row,
      ],
      counts: [{ what: 'bytes for each open attempt', value: Math.round(attemptBytes), limit: COUNT_LIMITS.attemptBytes }, ...again.counts],
    };
  } finally {
    await bridge.kill('goes');
  }
}

async function untilOpen(bridge: RunningBridge, attempts: number, limitMs = CATCH_UP_LIMIT_MS): Promise<void> {
  await until(`${attempts} attempts to be open`, limitMs, async () =>
    (await bridge.metrics())('open_attempts') === attempts ? true : undefined,
  );
}

/** CPU for an event of a stream whose attempts all end. */
async function besideCpu(bridge: RunningBridge, options: GeneratedStreamOptions): Promise<{ readonly usPerEvent: number }> {
  const { posts, summary } = generatedStream(options);
  const finishedAttempts = async (): Promise<number> => (await bridge.metrics())('lifecycles_finished_total', 'kind="attempt"') ?? 0;
  const finished = (await finishedAttempts()) + summary.attempts;
  const before = await bridge.program.usage();
  await sendAll(bridge.url, posts, SENDERS);
  // Seldom: the page of metrics takes CPU too.
  await until(
    'the stream beside the open attempts',
    CATCH_UP_LIMIT_MS,
    async () => ((await finishedAttempts()) >= finished ? true : undefined),
    500,
  );
  await until('its spans', CATCH_UP_LIMIT_MS, async () => ((await bridge.metrics())('spans_queued') === 0 ? true : undefined), 500);
  const { cpuMs } = await bridge.program.usage();
  return { usPerEvent: ((cpuMs - before.cpuMs) * 1000) / summary.events };
}

interface Restart {
  readonly row: Row;
  readonly counts: readonly Count[];
}

/** A start on what the killed bridge left. Where it is never ready, that is the finding. */
async function restart(killed: RunningBridge, start: Parameters<typeof startBridge>[0], openAttempts: number): Promise<Restart> {
  const { target, stretch } = TARGETS.restartMs;
  const row = {
    what: `start-up with ${count(openAttempts)} open attempts in the journal, until ready`,
    target: `<= ${target / 1000} s`,
    stretch: `<= ${stretch / 1000} s`,
  };
  let bridge: RunningBridge;
  try {
    bridge = await startBridge({ ...start, dataDir: killed.dataDir });
  } catch (error) {
    return { row: { ...row, measured: error instanceof Error ? error.message : String(error), ratio: '', verdict: 'missed' }, counts: [] };
  }
  try {
    // What came after the last checkpoint is worked through after the bridge is ready; nothing but
    // the open attempts may stay.
    await untilOpen(bridge, openAttempts, RESTART_LIMIT_MS).catch(() => undefined);
    const open = (await bridge.metrics())('open_attempts') ?? 0;
    const { readyMs, readyCpuMs } = bridge;
    return {
      row: {
        ...row,
        measured: `${milliseconds(readyMs)} after SIGKILL, of CPU ${milliseconds(readyCpuMs)}; ${count(open)} open`,
        ratio: times(readyMs / target),
        verdict: openAttempts >= TARGET_ATTEMPTS ? judge(readyMs, target, stretch) : 'full form only',
      },
      counts: [{ what: 'open attempts lost or made by a restart', value: Math.abs(openAttempts - open), limit: 0 }],
    };
  } finally {
    await bridge.kill();
  }
}
