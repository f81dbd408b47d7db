import { setTimeout as sleep } from 'node:timers/promises';
import type { BridgeProcess } from './bridge-process.ts';
import type { Programs } from './build.ts';
import { metricNames, type ServeSettings } from './flags.ts';
import { createKiller, type Kill, type Moment } from './kill-schedule.ts';
import { folderBytes, holdsWithin } from './machine.ts';
import { createRandom, type Random } from './random.ts';
import { createSender, type SenderCounts } from './sender.ts';
import { openRig } from './rig.ts';
import type { Sink, SpanRecord } from './sink.ts';
import { compareSpans, type Comparison, type Resent, resentSpans } from './span-sets.ts';
import type { Stream } from './streams.ts';

export interface MatrixOptions {
  readonly programs: Programs;
  readonly streams: readonly Stream[];
  /** Kills while the streams are posted, and after that, while everything closes. */
  readonly kills: number;
  readonly killsAfter: number;
  readonly seed: number;
  readonly settings: Omit<ServeSettings, 'dataDir'>;
  /**
   * Also lets the disk fail and the power go. Then what was delivered may be forgotten, and is sent
   * again.
   */
  readonly withDisk?: boolean;
  /** Streams that are posted side by side, each as one node does. Default 2. */
  readonly senders?: number;
  readonly onProgress?: (line: string) => void;
}

export interface MatrixResult {
  readonly comparison: Comparison;
  readonly resent: Resent;
  readonly kills: readonly Kill[];
  readonly starts: number;
  /** When each process was gone. */
  readonly endsMs: readonly number[];
  readonly counts: SenderCounts;
  /**
   * The longest time, with the bridge up, between the first post of a stream and its last answer.
   */
  readonly longestStreamMs: number;
  /** Exit code of SIGTERM at the end. */
  readonly exitCode: number | string;
  /** Spans that came after a last start on the same folder: nothing is left to send. */
  readonly sentAtLastStart: number;
  /** Bytes of the data folder after that. */
  readonly diskBytes: number;
  /** Checkpoints of all the starts. */
  readonly checkpoints: number;
  /** The bridge's own bugs that it survived, by its log. */
  readonly bugs: readonly string[];
  readonly wanted: SpanRecord;
  readonly found: SpanRecord;
}

/** Attempts of a job are closed this long after its end: Ray's rule, and no setting. */
const jobEndDelayMs = 15_000;
/** Nothing new for so long is taken for the end. */
const quietMs = 3000;
/**
 * Posts that may begin at full speed while a kill waits for its moment, and the pause between posts
 * after them.
 */
const postsAhead = 8;
const slowPostMs = 700;
const momentsOfPosting: readonly Moment[] = [
  'start-up',
  'append',
  'append',
  'storage',
  'storage',
  'storage',
  'checkpoint',
  'export',
  'any',
  'outage',
  'outage',
];
const momentsOfClosing: readonly Moment[] = ['start-up', 'storage', 'checkpoint', 'export', 'export', 'export', 'any', 'outage', 'outage'];
const momentsWithDisk: readonly Moment[] = ['disk', 'disk', 'disk', 'power', 'power', 'storage', 'checkpoint', 'outage'];

/**
 * Posts the streams to an undisturbed bridge and to one that is killed again and again, and
 * compares what came out.
 */
export async function runMatrix(options: MatrixOptions): Promise<MatrixResult> {
  const wanted = run({ ...options, kills: 0, killsAfter: 0, onProgress: () => {} }, 'undisturbed');
  // The other run, which waits for it, reports its failure.
  wanted.catch(() => {});
  const { record: found, ...killed } = await run(options, 'killed', async () => (await wanted).record.spans.size);
  const { record } = await wanted;
  return {
    ...killed,
    comparison: compareSpans(record, found),
    resent: resentSpans(found, killed.endsMs),
    wanted: record,
    found,
  };
}

type RunResult = Omit<MatrixResult, 'comparison' | 'resent' | 'wanted' | 'found'> & { readonly record: SpanRecord };

async function run(options: MatrixOptions, name: string, wantedSpans?: () => Promise<number>): Promise<RunResult> {
  const { programs, settings, seed, onProgress = () => {} } = options;
  const random = createRandom(seed);
  const rig = await openRig({ programs, name: `${name}-${seed}`, settings, keeps: 'bytes' });
  const { bridge, sink, faults, dataDir } = rig;
  try {
    await sink.become({ afterMs: 8 });
    bridge.start();
    await bridge.untilReady();
    const killer = createKiller({ bridge, sink, faults, random });
    const kills: Kill[] = [];
    const killOnce = async (moment: Moment): Promise<void> => {
      // A start that must still read a long journal is not what the other moments are about.
      if (moment !== 'start-up') await bridge.untilReady();
      const kill = await killer.kill(moment);
      kills.push(kill);
      onProgress(`kill ${kills.length} of ${options.kills + options.killsAfter}: ${kill.moment}, ${kill.detail}; ${sink.known()} spans`);
    };
    const posted = await postAll(options, bridge, random, killOnce);
    const postedUpMs = bridge.upMs();
    const closedMs = Math.max(settings.orphanTimeoutMs, jobEndDelayMs) + 1000;
    await killAfter(options, random, killOnce, () => closedMs - (bridge.upMs() - postedUpMs));
    const wanted = await wantedSpans?.();
    await untilAllSent(bridge, sink, () => bridge.upMs() - postedUpMs > closedMs, wanted, settings);
    return {
      ...posted,
      kills,
      ...(await lastStart(bridge, sink)),
      starts: bridge.starts,
      endsMs: bridge.endsMs,
      diskBytes: folderBytes(dataDir),
      checkpoints: linesOf(bridge, 'journal_checkpoint').length,
      bugs: [...linesOf(bridge, 'internal_error'), ...linesOf(bridge, 'journal_damaged')],
      record: await sink.read(),
    };
  } finally {
    await rig.close();
  }
}

/** Posts everything, with the kills spread over the posts. */
async function postAll(
  { streams, kills, withDisk = false, senders = 2 }: MatrixOptions,
  bridge: BridgeProcess,
  random: Random,
  killOnce: (moment: Moment) => Promise<void>,
): Promise<Pick<RunResult, 'counts' | 'longestStreamMs'>> {
  const posts = streams.reduce((sum, { bodies }) => sum + bodies.length, 0);
  const killAt = Array.from({ length: kills }, () => random.below(posts)).sort((a, b) => a - b);
  let begun = 0;
  let killed = 0;
  const changes = new Changes();
  const queue = [...streams];
  const sender = createSender(bridge.url);
  let longestStreamMs = 0;

  async function postStream({ bodies }: Stream): Promise<void> {
    const beganMs = bridge.upMs();
    for (const body of bodies) {
      // Slower while a kill waits for its moment, so that posts are left for the others.
      const isFree = changes.until(() => begun <= (killAt[killed] ?? Number.POSITIVE_INFINITY) + postsAhead);
      await Promise.race([isFree, sleep(slowPostMs)]);
      begun += 1;
      changes.happened();
      await sender.post(body);
    }
    longestStreamMs = Math.max(longestStreamMs, bridge.upMs() - beganMs);
  }

  async function killAll(): Promise<void> {
    for (const index of killAt) {
      await changes.until(() => begun > index);
      await killOnce(random.pick(withDisk ? momentsWithDisk : momentsOfPosting));
      killed += 1;
      changes.happened();
    }
  }

  const posting = Array.from({ length: senders }, async () => {
    for (let stream = queue.shift(); stream !== undefined; stream = queue.shift()) await postStream(stream);
  });
  await Promise.all([...posting, killAll()]);
  return { counts: sender.counts, longestStreamMs };
}

/** The kills while everything closes: spread over the time that this takes. */
async function killAfter(
  { killsAfter, withDisk = false }: MatrixOptions,
  random: Random,
  killOnce: (moment: Moment) => Promise<void>,
  leftMs: () => number,
): Promise<void> {
  for (let index = 0; index < killsAfter; index += 1) {
    await sleep(Math.max(0, (leftMs() / (killsAfter - index)) * random.next()));
    await killOnce(random.pick(withDisk ? momentsWithDisk : momentsOfClosing));
  }
}

function linesOf(bridge: BridgeProcess, event: string): string[] {
  return bridge
    .log()
    .split('\n')
    .filter((line) => line.includes(`"event":"${event}"`));
}

async function untilAllSent(
  bridge: BridgeProcess,
  sink: Sink,
  isPastTimers: () => boolean,
  wanted: number | undefined,
  settings: MatrixOptions['settings'],
): Promise<void> {
  let known = -1;
  let sinceMs = performance.now();
  const waitMs = 60_000 + settings.settleMs + settings.orphanTimeoutMs + jobEndDelayMs;
  await bridge.untilReady();
  await holdsWithin(
    waitMs,
    async () => {
      if (sink.known() !== known) sinceMs = performance.now();
      known = sink.known();
      if (!isPastTimers() || performance.now() - sinceMs < quietMs) return false;
      const names = [metricNames.openAttempts, metricNames.openJobs, metricNames.spansQueued] as const;
      const values = Object.values(await bridge.metrics(names));
      if (values.some((value) => value !== 0)) return false;
      return wanted === undefined || known >= wanted || performance.now() - sinceMs > settings.settleMs + quietMs;
    },
    200,
  );
}

async function lastStart(bridge: BridgeProcess, sink: Sink): Promise<Pick<RunResult, 'exitCode' | 'sentAtLastStart'>> {
  const exitCode = await bridge.stop();
  const spans = sink.spans();
  bridge.start();
  await bridge.untilReady();
  await sleep(1500);
  await bridge.stop();
  return { exitCode, sentAtLastStart: sink.spans() - spans };
}

/** Wakes those who wait for a condition whenever something happened. */
class Changes {
  #waiting: (() => void)[] = [];

  happened(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
