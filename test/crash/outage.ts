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
  /** Kills the bridge in the middle of the outage and at its end. */
  readonly killed: boolean;
  /** Default: as fast as the bridge answers. */
  readonly eventsPerSecond?: number;
  /** Default: that of `serve`. */
  readonly maxQueuedSpans?: number;
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
  /** Of the data folder, the most that finished spans took. */
  readonly mostOutboxBytes: number;
  /** The longest that an accepted event waited to be on the live page, while events came. */
  readonly pageLagMs: number;
  /** `ready`: the slowest restart; `readyCpu`: its CPU, because a busy machine takes longer. */
  readonly seconds: { readonly posting: number; readonly ready: number; readonly readyCpu: number; readonly sending: number };
}

/** Ray's events of a long time come while the backend is away; then it is back. */
export async function runOutage(options: OutageOptions): Promise<OutageResult> {
  const { programs, events, seed, killed, eventsPerSecond = Number.POSITIVE_INFINITY, maxQueuedSpans, heapMebibytes } = options;
  const { onProgress = () => {} } = options;
  const settings = {
    settleMs: 5000,
    orphanTimeoutMs: 60_000,
    hasTraceBudget: false,
    ...(maxQueuedSpans === undefined ? {} : { maxQueuedSpans }),
  };
  const nodeArguments = heapMebibytes === undefined ? [] : [`--max-old-space-size=${heapMebibytes}`];
  const rig = await openRig({ programs, name: `outage-${events}-${seed}`, settings, hasStorageFaults: false, nodeArguments });
  const { bridge, sink, dataDir } = rig;
  const wanted = new Set<string>();
  let posted = 0;
  let peakRssBytes = 0;
  let mostDiskBytes = 0;
  let mostOutboxBytes = 0;
  let pageLagMs = 0;
  const posting = new AbortController();
  const sample = (): void => {
    peakRssBytes = Math.max(peakRssBytes, bridge.memory()?.peakBytes ?? 0);
    mostDiskBytes = Math.max(mostDiskBytes, folderBytes(dataDir));
  };
  const sampling = setInterval(sample, 200);
  const watchPage = async (): Promise<void> => {
    while (!posting.signal.aborted) {
      await sleep(250);
      const { backlogAgeMs, outboxBytes } = (await statusOf(bridge.url)) ?? { backlogAgeMs: 0, outboxBytes: 0 };
      pageLagMs = Math.max(pageLagMs, backlogAgeMs);
      mostOutboxBytes = Math.max(mostOutboxBytes, outboxBytes);
    }
  };
  const restart = async (): Promise<void> => {
    sample();
    await bridge.kill();
    bridge.start();
    const startMs = performance.now();
    await bridge.untilReady(600_000);
    seconds.ready = Math.max(seconds.ready, (performance.now() - startMs) / 1000);
    seconds.readyCpu = Math.max(seconds.readyCpu, bridge.cpuSeconds());
    onProgress(`ready again: ${progress()}`);
  };
  const seconds = { posting: 0, ready: 0, readyCpu: 0, sending: 0 };
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
    const watching = watchPage();
    let isHalf = false;
    await timed('posting', async () => {
      let pausedMs = 0;
      const startMs = performance.now();
      for (const body of generatedLoad(events, seed, `session_outage_${seed}`)) {
        addAttemptSpans(body, wanted);
        posted += countEvents(body);
        await sender.post(body);
        if (killed && !isHalf && posted >= events / 2) {
          isHalf = true;
          const killedMs = performance.now();
          await restart();
          pausedMs = performance.now() - killedMs;
        }
        await sleep(Math.max(0, (posted / eventsPerSecond) * 1000 - (performance.now() - startMs - pausedMs)));
      }
    });
    posting.abort();
    await watching;
    onProgress(`all posted: ${progress()}`);
    if (killed) await restart();
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
      mostOutboxBytes,
      pageLagMs,
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

interface Status {
  readonly backlogAgeMs: number;
  readonly outboxBytes: number;
  readonly reason?: string;
}

/** Undefined while the bridge is down, or restores its state. */
async function statusOf(url: string): Promise<Status | undefined> {
  const answer = await fetch(`${url}/api/v1/status`).catch(() => undefined);
  if (answer?.ok !== true) return undefined;
  const { health } = (await answer.json()) as { readonly health: Status };
  return health.reason?.startsWith('restoring the state') === true ? undefined : health;
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
