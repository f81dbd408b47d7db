import { startBridge } from '../parts/bridge.ts';
import { median } from '../parts/senders.ts';
import type { Sink } from '../parts/sink-process.ts';
import { type Findings, judge, milliseconds, times } from '../parts/table.ts';
import { type Scale, TARGETS } from '../targets.ts';

/** From the start of an empty `serve` until it says that it is ready. */
export async function coldStartRows(sink: Sink, scale: Scale): Promise<Findings> {
  const readyMs: number[] = [];
  const cpuMs: number[] = [];
  for (let start = 0; start < scale.starts; start += 1) {
    const bridge = await startBridge({ sinkUrl: sink.url });
    readyMs.push(bridge.readyMs);
    cpuMs.push(bridge.readyCpuMs);
    await bridge.stop();
  }
  const { target, stretch } = TARGETS.coldStartMs;
  const value = median(readyMs);
  return {
    rows: [
      {
        what: 'cold start of `serve`, empty, until `/readyz`',
        target: `<= ${target} ms`,
        stretch: `<= ${stretch} ms`,
        measured: `${milliseconds(value)}, of CPU ${milliseconds(median(cpuMs))}; medians of ${readyMs.length}`,
        ratio: times(value / target),
        verdict: judge(value, target, stretch),
      },
    ],
  };
}
