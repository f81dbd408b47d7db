import { setTimeout as sleep } from 'node:timers/promises';
import type { Programs } from './build.ts';
import { metricNames } from './flags.ts';
import { addAttemptSpans, countEvents, generatedLoad } from './load.ts';
import { folderBytes, holdsWithin } from './machine.ts';
import { openRig } from './rig.ts';
import { createSender, type SenderCounts } from './sender.ts';
import { conflictingSpans } from './span-sets.ts';

export interface OutageOptions {
  readonly programs: Programs;
  /** Events that come while the backend is away, about. */
  readonly events: number;
  readonly seed: number;
  /**
   * Kills the bridge at the end of the outage, so that it comes back with everything in the
   * journal.
   */
  readonly killed: boolean;
  /** Limit of Node's heap, where there shall be one. */
  readonly heapMebibytes?: number;
  readonly onProgress?: (line: string) => void;
}

export interface OutageResult {
  readonly events: number;
  readonly attempts: number;
  /** Attempts without a span at the end. */
  readonly missing: number;
  /** Spans with two contents. */
  readonly conflicting: number;
  readonly spans: number;
  /** Spans that came more than once. */
  readonly resent: number;
  readonly counts: SenderCounts;
  readonly peakRssBytes: number;
  readonly mostDiskBytes: number;
  readonly leftDiskBytes: number;
  readonly seconds: { readonly posting: number; readonly ready: number; readonly sending: number };
}

/** Ray's events of a long time come while the backend is away; then it is back. */
export async function runOutage(options: OutageOptions): Promise<OutageResult> {
  const { programs, events, seed, killed, heapMebibytes, onProgress = () => {} } = options;
  const settings = { settleMs: 5000, orphanTimeoutMs: 60_000, hasTraceBudget: false };
  const nodeArguments = heapMebibytes === undefined ? [] : [`--max-old-space-size=${heapMebibytes}`];
  const rig = await openRig({ programs, name: `outage-${events}-${seed}`, settings, hasStorageFaults: false, nodeArguments });
  const { bridge, sink, dataDir } = rig;
  const wanted = new Set<string>();
  let posted = 0;
  let peakRssBytes = 0;
  let mostDiskBytes = 0;
  const sample = (): void => {
    peakRssBytes = Math.max(peakRssBytes, bridge.memory()?.peakBytes ?? 0);
    mostDiskBytes = Math.max(mostDiskBytes, folderBytes(dataDir));
  };
  const sampling = setInterval(sample, 200);
  const seconds = { posting: 0, ready: 0, sending: 0 };
  const timed = async (what: keyof typeof seconds, work: () => Promise<unknown>): Promise<void> => {
    const startMs = performance.now();
    await work();
    seconds[what] = (performance.now() - startMs) / 1000;
  };
  const progress = (): string =>
    `${posted} events posted, ${sink.known()} spans, peak RSS ${mebibytes(peakRssBytes)}, disk ${mebibytes(folderBytes(dataDir))}`;
  const reporting = setInterval(() => onProgress(progress()), 10_000);
  try {
    await sink.become({ mode: 'away' });
    bridge.start();
    await bridge.untilReady();
    const sender = createSender(bridge.url);
    await timed('posting', async () => {
      for (const body of generatedLoad(events, seed, `session_outage_${seed}`)) {
        addAttemptSpans(body, wanted);
        posted += countEvents(body);
        await sender.post(body);
      }
    });
    onProgress(`all posted: ${progress()}`);
    if (killed) {
      sample();
      await bridge.kill();
      bridge.start();
      await timed('ready', () => bridge.untilReady(600_000));
      onProgress(`ready again: ${progress()}`);
    }
    await sink.become({ mode: 'ok' });
    await timed('sending', () => untilIdle(events));
    onProgress(`all sent: ${progress()}`);
    const leftDiskBytes = await restingDisk(dataDir);
    sample();
    const record = await sink.read();
    const found = new Set([...record.spans.keys()].map((key) => key.slice(32)));
    return {
      events: posted,
      attempts: wanted.size,
      missing: [...wanted].filter((id) => !found.has(id)).length,
      conflicting: conflictingSpans(record).length,
      spans: record.spans.size,
      resent: [...record.spans.values()].reduce((sum, receipts) => sum + receipts.length - 1, 0),
      counts: sender.counts,
      peakRssBytes,
      mostDiskBytes,
      leftDiskBytes,
      seconds,
    };
  } finally {
    clearInterval(sampling);
    clearInterval(reporting);
    await rig.close();
  }

  /** Every attempt closed and sent, and the session over. */
  async function untilIdle(size: number): Promise<void> {
    let known = -1;
    await holdsWithin(
      120_000 + size,
      async () => {
        const isSending = sink.known() !== known;
        known = sink.known();
        if (isSending) return false;
        const names = [metricNames.openAttempts, metricNames.openJobs, metricNames.spansQueued] as const;
        return Object.values(await bridge.metrics(names)).every((value) => value === 0);
      },
      1000,
    );
  }
}

/** Disk space is freed some seconds after the last span was sent. */
async function restingDisk(dataDir: string): Promise<number> {
  let least = folderBytes(dataDir);
  for (let seconds = 0; seconds < 20 && least > 1024 * 1024; seconds += 1) {
    await sleep(1000);
    least = Math.min(least, folderBytes(dataDir));
  }
  return least;
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
