import { join } from 'node:path';
import type { Programs } from './build.ts';
import { journalFolder, metricNames, type ServeSettings } from './flags.ts';
import { filesBelow, holdsWithin } from './machine.ts';
import { openRig, type Rig } from './rig.ts';
import { createSender, type Sender } from './sender.ts';
import type { SpanRecord } from './sink.ts';
import { type Comparison, compareSpans, differencesOf } from './span-sets.ts';
import type { StorageFaults } from './storage-faults.ts';
import { recordedStreams } from './streams.ts';

/**
 * Everything closes by the silence of its session, which is longer than all posts with all faults
 * take, also on a busy machine.
 */
const settings = { settleMs: 3_600_000, orphanTimeoutMs: 25_000, hasTraceBudget: false } as const;
/** But for jobs that have ended: Ray's rule. */
const jobEndDelayMs = 15_000;

export interface FaultyDiskOptions {
  readonly programs: Programs;
  readonly name: string;
  readonly dataDir?: string;
  readonly changed?: Partial<ServeSettings>;
}

/** A bridge that runs, with posts for it that are not posted yet. */
export interface FaultyDisk {
  readonly rig: Rig;
  readonly sender: Sender;
  /** Throws where it could not be built: those tests are skipped by name. */
  readonly faults: StorageFaults;
  readonly posts: readonly string[];
  /** Posts the next ones, default all that are left, each until it is answered 200. */
  post(count?: number): Promise<void>;
  /** Posts again what was posted last, or everything; a sender may. */
  postAgain(count?: number): Promise<void>;
  restart(): Promise<void>;
  /** Files of the journal by a part of their name, largest first. */
  journalFiles(match: string): { readonly path: string; readonly bytes: number }[];
  /** Waits until everything is closed and sent; against the undisturbed run. */
  compare(wanted: SpanRecord): Promise<Comparison>;
}

export async function openFaultyDisk(options: FaultyDiskOptions): Promise<FaultyDisk> {
  const { programs, name, changed = {} } = options;
  const posts = recordedStreams(programs.recordings, 1, ['features-ray-2.60', 'mix-ray-2.53', 'mix-ray-2.58']).flatMap(
    ({ bodies }) => bodies,
  );
  const rig = await openRig({
    programs,
    name,
    settings: { ...settings, ...changed },
    ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
  });
  const { bridge, sink } = rig;
  bridge.start();
  await bridge.untilReady();
  const sender = createSender(bridge.url);
  let next = 0;
  let firstUpMs: number | undefined;
  let lastUpMs = 0;
  const send = async (body: string): Promise<void> => {
    firstUpMs ??= bridge.upMs();
    await sender.post(body);
    lastUpMs = bridge.upMs();
  };
  return {
    rig,
    sender,
    posts,
    get faults() {
      if (rig.faults === undefined) throw new Error('needs a C compiler');
      return rig.faults;
    },
    async post(count = posts.length) {
      for (const body of posts.slice(next, next + count)) {
        await send(body);
        next += 1;
      }
    },
    async postAgain(count = posts.length) {
      for (const body of posts.slice(Math.max(0, next - count), next)) await send(body);
    },
    async restart() {
      await bridge.kill();
      bridge.start();
      await bridge.untilReady();
    },
    journalFiles: (match) =>
      filesBelow(join(rig.dataDir, journalFolder))
        .filter(({ name: file }) => file.includes(match))
        .sort((a, b) => b.bytes - a.bytes)
        .map(({ name: file, bytes }) => ({ path: join(rig.dataDir, journalFolder, file), bytes })),
    async compare(wanted) {
      await closeAll(rig, wanted.spans.size);
      const comparison = compareSpans(wanted, await sink.read());
      const tookMs = lastUpMs - (firstUpMs ?? 0);
      if (differencesOf(comparison).length > 0 && tookMs > jobEndDelayMs)
        throw new Error(`posting took ${Math.round(tookMs)} ms, longer than ended jobs stay open: the machine is too busy for a verdict`);
      return comparison;
    },
  };
}

/** The spans of the same posts where nothing is wrong. */
export async function undisturbedSpans(programs: Programs): Promise<SpanRecord> {
  const disk = await openFaultyDisk({ programs, name: 'undisturbed' });
  try {
    await disk.post();
    await closeAll(disk.rig, 1);
    return await disk.rig.sink.read();
  } finally {
    await disk.rig.close();
  }
}

/** Until so many spans are there, or nothing has come for longer than any of the timers. */
async function closeAll({ bridge, sink }: Rig, wanted: number): Promise<void> {
  let known = -1;
  let sinceMs = performance.now();
  await holdsWithin(
    120_000,
    async () => {
      if (sink.known() !== known) sinceMs = performance.now();
      known = sink.known();
      if (performance.now() - sinceMs < (known >= wanted ? 1000 : settings.orphanTimeoutMs + 3000)) return false;
      const { openAttempts, openJobs, spansQueued } = metricNames;
      return Object.values(await bridge.metrics([openAttempts, openJobs, spansQueued])).every((value) => value === 0);
    },
    100,
  );
}
