import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { ProbeQuestion, Stall, Usage } from './process.ts';

// Loaded into a measured process by `--import`: says what it takes, and does nothing until it is
// asked.

const RESOLUTION_MS = 1;
let histogram: IntervalHistogram | undefined;

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  const { heapUsed, external, rss } = process.memoryUsage();
  return {
    cpuMs: (user + system) / 1000,
    heapBytes: heapUsed + external,
    rssBytes: rss,
    maxRssBytes: process.resourceUsage().maxRSS * 1024,
  };
}

function stall(): Stall {
  const milliseconds = (ns: number): number => Math.max(0, ns / 1e6 - RESOLUTION_MS);
  return { maxMs: milliseconds(histogram?.max ?? 0), p99Ms: milliseconds(histogram?.percentile(99) ?? 0) };
}

function answer(question: ProbeQuestion): object {
  if (question.ask === 'usage') {
    if (question.collect) globalThis.gc?.();
    return usage();
  }
  if (question.ask === 'watch') {
    histogram?.disable();
    histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    histogram.enable();
    return {};
  }
  const seen = stall();
  histogram?.disable();
  return seen;
}

process.on('message', (question: ProbeQuestion) => process.send?.(answer(question)));
// The process ends as if nobody asked, and does not outlive the benchmark.
process.channel?.unref();
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
