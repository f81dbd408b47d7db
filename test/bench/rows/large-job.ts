import { generatedPosts, type GeneratedStreamOptions, type StreamSummary } from '../../support/generated-stream.ts';
import { startBridge } from '../parts/bridge.ts';
import { until } from '../parts/process.ts';
import { sendAll } from '../parts/senders.ts';
import type { Sink } from '../parts/sink-process.ts';
import { count, type Findings, judge, times } from '../parts/table.ts';
import type { Scale } from '../targets.ts';

/** Defaults of `--max-spans-per-trace` and `--max-bytes-per-trace`. */
const BUDGET = { spans: 10_000, bytes: 4_500_000 };
/** Below Ray's own number of posts at once, and enough for the bridge to be always busy. */
const SENDERS = 2;
const END_LIMIT_MS = 600_000;

/**
 * One job far beyond the budget of a trace: what arrives at the backend, and whether the job's span
 * counts all tasks.
 */
export async function largeJobRows(sink: Sink, scale: Scale): Promise<Findings> {
  let summary: StreamSummary | undefined;
  function* posts(options: GeneratedStreamOptions): Generator<string> {
    summary = yield* generatedPosts(options);
  }
  const bridge = await startBridge({ sinkUrl: sink.url, budget: 'on' });
  try {
    await sendAll(bridge.url, posts({ seed: 91, jobs: 1, tasksPerJob: scale.jobTasks, jobsAtOnce: 1 }), SENDERS);
    const job = await until('the span of the job', END_LIMIT_MS, async () => (await sink.counts()).jobs[0], 1000);
    await until('the queue to be empty', END_LIMIT_MS, async () => ((await bridge.metrics())('spans_queued') === 0 ? true : undefined));
    const { largestTrace } = await sink.counts();
    if (summary === undefined) throw new Error('the stream has no end');
    const number = (name: string): number => job.numbers[`ray.job.${name}`] ?? 0;
    const wrong = [
      ...(number('attempts') === summary.attempts ? [] : [`${count(number('attempts'))} attempts instead of ${count(summary.attempts)}`]),
      ...(number('actors') === summary.actors ? [] : [`${number('actors')} actors instead of ${summary.actors}`]),
      ...(number('tasks.finished') === summary.finished
        ? []
        : [`${count(number('tasks.finished'))} tasks finished instead of ${count(summary.finished)}`]),
      ...(number('tasks.unfinished') === summary.unended
        ? []
        : [`${count(number('tasks.unfinished'))} tasks unfinished instead of ${count(summary.unended)}`]),
    ];
    const ratio = Math.max(largestTrace.spans / BUDGET.spans, largestTrace.bytes / BUDGET.bytes);
    const isComplete = wrong.length === 0;
    return {
      rows: [
        {
          what: `a job of ${count(scale.jobTasks)} tasks with the trace budget on: largest trace`,
          target: `<= ${count(BUDGET.spans)} spans, ${count(BUDGET.bytes)} B, job summary complete`,
          stretch: '',
          measured: `${count(largestTrace.spans)} spans, ${count(largestTrace.bytes)} B; summary ${isComplete ? 'complete' : wrong.join(', ')}`,
          ratio: times(ratio),
          verdict: isComplete ? judge(ratio, 1) : 'missed',
        },
      ],
      counts: [
        { what: 'spans in the largest trace', value: largestTrace.spans, limit: BUDGET.spans },
        { what: 'bytes in the largest trace', value: largestTrace.bytes, limit: BUDGET.bytes },
        { what: 'wrong numbers in the summary of the job', value: wrong.length, limit: 0 },
      ],
    };
  } finally {
    await bridge.kill('goes');
  }
}
