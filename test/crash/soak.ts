import { setTimeout as sleep } from 'node:timers/promises';
import type { Programs } from './build.ts';
import { metricNames } from './flags.ts';
import { addAttemptSpans, countEvents, generatedLoad } from './load.ts';
import { folderBytes, holdsWithin, slope } from './machine.ts';
import { createRandom } from './random.ts';
import { openRig } from './rig.ts';
import { createSender } from './sender.ts';
import { conflictingSpans } from './span-sets.ts';

export interface SoakOptions {
  readonly programs: Programs;
  readonly minutes: number;
  /** Events of one cycle. Default 40,000. */
  readonly eventsPerCycle?: number;
  readonly seed: number;
  readonly onProgress?: (line: string) => void;
}

/** What happens to the bridge while it works. */
export type Incident = 'nothing' | 'SIGTERM' | 'SIGKILL' | 'backend away' | 'backend slow';

/**
 * One cycle: a cluster comes, runs its jobs and goes, and something happens meanwhile. Measured
 * when all is sent.
 */
export interface Cycle {
  readonly minute: number;
  readonly incident: Incident;
  readonly events: number;
  readonly attempts: number;
  readonly missing: number;
  readonly conflicting: number;
  readonly resent: number;
  readonly rssBytes: number;
  readonly peakRssBytes: number;
  readonly diskBytes: number;
  readonly openAttempts: number;
  readonly journalBytes: number;
  /** Closed attempts, and event ids. */
  readonly tombstones: number;
  readonly seenEventIds: number;
}

export interface SoakResult {
  readonly cycles: readonly Cycle[];
  /**
   * Bytes an hour beyond what is remembered. Of memory only over the last process, which the second
   * half of the soak does not end.
   */
  readonly rssSlope: number;
  readonly diskSlope: number;
  readonly steadyCycles: number;
  readonly problems: readonly string[];
}

/**
 * The memory for late and repeated events grows up to its bounds (1,000,000 attempts, as many event
 * ids), which takes most of a soak: so much for each is no leak. Bytes, a little more than 292
 * cycles showed.
 */
const remembered = { attemptRss: 160, eventIdRss: 64, attemptDisk: 24 };
/**
 * Growth in an hour beyond that which is still called none: RSS of a collector of garbage is never
 * quite still.
 */
const rssSlopeMax = 64 * 1024 * 1024;
const diskSlopeMax = 8 * 1024 * 1024;
/**
 * A checkpoint is due at a quarter of it: in each cycle, so that the data folder is measured at the
 * same point each time.
 */
const maxJournalBytes = 32 * 1024 * 1024;
/** Fewer points make no line. */
const cyclesForSlope = 8;

export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const { programs, minutes, eventsPerCycle = 40_000, seed, onProgress = () => {} } = options;
  const settings = { settleMs: 1000, orphanTimeoutMs: 3000, hasTraceBudget: true, drainTimeoutMs: 5000, maxJournalBytes };
  const rig = await openRig({ programs, name: `soak-${seed}`, settings, hasStorageFaults: false });
  const { bridge, sink, dataDir } = rig;
  const random = createRandom(seed);
  const startMs = performance.now();
  const minute = (): number => (performance.now() - startMs) / 60_000;
  const cycles: Cycle[] = [];
  try {
    bridge.start();
    await bridge.untilReady();
    while (minute() < minutes) {
      const restarts: readonly Incident[] = minute() < minutes / 2 ? ['SIGTERM', 'SIGKILL', 'SIGKILL'] : [];
      const incident = random.pick<Incident>(['nothing', 'backend away', 'backend slow', ...restarts]);
      const cycle = await runCycle(cycles.length, incident);
      cycles.push(cycle);
      onProgress(describeCycle(cycle));
    }
  } finally {
    await rig.close();
  }
  return judge(cycles, minutes);

  async function runCycle(index: number, incident: Incident): Promise<Cycle> {
    const sender = createSender(bridge.url);
    const wanted = new Set<string>();
    let events = 0;
    const happening = happen(incident);
    for (const body of generatedLoad(eventsPerCycle, seed * 1000 + index, `session_soak_${seed}_${index}`)) {
      addAttemptSpans(body, wanted);
      events += countEvents(body);
      await sender.post(body);
      // Not as fast as it can, so that what happens meets it at work.
      await sleep(50);
    }
    await happening;
    await untilIdle();
    const { spans, ...record } = await sink.read();
    await sink.forget();
    const found = new Set([...spans.keys()].map((key) => key.slice(32)));
    const { openAttempts, journalBytes, tombstones, seenEventIds } = metricNames;
    const metrics = await bridge.metrics([openAttempts, journalBytes, tombstones, seenEventIds]);
    const memory = bridge.memory();
    return {
      minute: minute(),
      incident,
      events,
      attempts: wanted.size,
      missing: [...wanted].filter((id) => !found.has(id)).length,
      conflicting: conflictingSpans({ ...record, spans }).length,
      resent: [...spans.values()].reduce((sum, receipts) => sum + receipts.length - 1, 0),
      rssBytes: memory?.rssBytes ?? 0,
      peakRssBytes: memory?.peakBytes ?? 0,
      diskBytes: folderBytes(dataDir),
      openAttempts: metrics[openAttempts] ?? Number.NaN,
      journalBytes: metrics[journalBytes] ?? Number.NaN,
      tombstones: metrics[tombstones] ?? Number.NaN,
      seenEventIds: metrics[seenEventIds] ?? Number.NaN,
    };
  }

  async function happen(incident: Incident): Promise<void> {
    await sleep(random.below(2000));
    switch (incident) {
      case 'nothing':
        return;
      case 'SIGTERM':
      case 'SIGKILL': {
        await (incident === 'SIGTERM' ? bridge.stop() : bridge.kill());
        await sleep(random.below(1500));
        bridge.start();
        return bridge.untilReady();
      }
      case 'backend away':
        await sink.become({ mode: 'away' });
        await sleep(3000 + random.below(5000));
        return sink.become({ mode: 'ok' });
      case 'backend slow':
        await sink.become({ beforeMs: 300 });
        await sleep(3000 + random.below(5000));
        return sink.become({ beforeMs: 0 });
    }
  }

  /** All closed and sent, also what ends with its session only. */
  async function untilIdle(): Promise<void> {
    let known = -1;
    let sinceMs = performance.now();
    await holdsWithin(
      180_000,
      async () => {
        if (sink.known() !== known) sinceMs = performance.now();
        known = sink.known();
        if (performance.now() - sinceMs < settings.orphanTimeoutMs + 1000) return false;
        const names = [metricNames.openAttempts, metricNames.openJobs, metricNames.spansQueued] as const;
        return Object.values(await bridge.metrics(names)).every((value) => value === 0);
      },
      250,
    );
  }
}

export function judge(cycles: readonly Cycle[], minutes: number): SoakResult {
  const steady = cycles.filter(({ minute, incident }) => minute > minutes / 2 && !incident.startsWith('SIG'));
  const hourly = (of: readonly Cycle[], bytes: (cycle: Cycle) => number): number =>
    slope(of.map((cycle) => ({ x: cycle.minute / 60, y: bytes(cycle) })));
  const rssSlope = hourly(
    steady,
    ({ rssBytes, tombstones, seenEventIds }) => rssBytes - tombstones * remembered.attemptRss - seenEventIds * remembered.eventIdRss,
  );
  const diskSlope = hourly(cycles, ({ diskBytes, tombstones }) => diskBytes - tombstones * remembered.attemptDisk);
  const sum = (of: (cycle: Cycle) => number): number => cycles.reduce((total, cycle) => total + of(cycle), 0);
  const problems: string[] = [];
  if (sum(({ missing }) => missing) > 0) problems.push(`${sum(({ missing }) => missing)} attempts have no span`);
  if (sum(({ conflicting }) => conflicting) > 0) problems.push(`${sum(({ conflicting }) => conflicting)} spans have two contents`);
  if (cycles.some(({ openAttempts }) => openAttempts !== 0)) problems.push('attempts stay open');
  const hasLine = steady.length >= cyclesForSlope;
  if (hasLine && rssSlope > rssSlopeMax) problems.push('memory grows');
  if (hasLine && diskSlope > diskSlopeMax) problems.push('the data folder grows');
  return { cycles, rssSlope, diskSlope, steadyCycles: steady.length, problems };
}

const columns: readonly (readonly [title: string, width: number, value: (cycle: Cycle) => string])[] = [
  ['minute', 6, ({ minute }) => minute.toFixed(1)],
  ['incident', 12, ({ incident }) => incident],
  ['events', 7, ({ events }) => String(events)],
  ['attempts', 8, ({ attempts }) => String(attempts)],
  ['missing', 7, ({ missing }) => String(missing)],
  ['again', 6, ({ resent }) => String(resent)],
  ['RSS MiB', 7, ({ rssBytes }) => (rssBytes / 2 ** 20).toFixed(0)],
  ['peak MiB', 8, ({ peakRssBytes }) => (peakRssBytes / 2 ** 20).toFixed(0)],
  ['disk MiB', 8, ({ diskBytes }) => (diskBytes / 2 ** 20).toFixed(2)],
  ['open', 5, ({ openAttempts }) => String(openAttempts)],
  ['journal MiB', 11, ({ journalBytes }) => (journalBytes / 2 ** 20).toFixed(2)],
  ['remembered', 10, ({ tombstones }) => String(tombstones)],
  ['ids', 7, ({ seenEventIds }) => String(seenEventIds)],
];

export function soakHeader(): string {
  return columns.map(([title, width]) => title.padStart(width)).join('  ');
}

export function describeCycle(cycle: Cycle): string {
  return columns.map(([, width, value]) => value(cycle).padStart(width)).join('  ');
}

export function soakVerdict({ rssSlope, diskSlope, steadyCycles, problems }: SoakResult): string {
  const mebi = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB/h`;
  const judged = steadyCycles >= cyclesForSlope ? '' : ` (over ${steadyCycles} cycles: too short to judge)`;
  return [
    `beyond what is remembered: slope of RSS ${mebi(rssSlope)}, of disk ${mebi(diskSlope)}${judged}`,
    ...problems,
    problems.length === 0 ? 'passed' : 'FAILED',
  ].join('\n');
}
