import { join } from 'node:path';
import type { Programs } from './build.ts';
import { journalFolder, metricNames, type ServeSettings } from './flags.ts';
import { filesBelow, holdsWithin } from './machine.ts';
import { openRig, type Rig } from './rig.ts';
import { createSender, type Sender } from './sender.ts';
import type { SpanRecord } from './sink.ts';
import { type Comparison, compareSpans } from './span-sets.ts';
import type { StorageFaults } from './storage-faults.ts';
import { recordedStreams } from './streams.ts';

/** Everything closes by the silence of its session, which is longer than any fault lasts. */
const settings = { settleMs: 60_000, orphanTimeoutMs: 5000, hasTraceBudget: false } as const;

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
        await sender.post(body);
        next += 1;
      }
    },
    async postAgain(count = posts.length) {
      for (const body of posts.slice(Math.max(0, next - count), next)) await sender.post(body);
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
      await untilQuiet(rig, wanted.spans.size, changed.orphanTimeoutMs);
      return compareSpans(wanted, await sink.read());
    },
  };
}

/** The spans of the same posts where nothing is wrong. */
export async function undisturbedSpans(programs: Programs, changed: Partial<ServeSettings> = {}): Promise<SpanRecord> {
  const disk = await openFaultyDisk({ programs, name: 'undisturbed', changed });
  try {
    await disk.post();
    await untilQuiet(disk.rig, Number.POSITIVE_INFINITY, changed.orphanTimeoutMs);
    return await disk.rig.sink.read();
  } finally {
    await disk.rig.close();
  }
}

/** Until so many spans are there, or nothing has come for longer than any of the timers. */
async function untilQuiet({ bridge, sink }: Rig, wanted: number, orphanTimeoutMs: number = settings.orphanTimeoutMs): Promise<void> {
  let known = -1;
  let sinceMs = performance.now();
  await holdsWithin(
    60_000,
    async () => {
      if (sink.known() !== known) sinceMs = performance.now();
      known = sink.known();
      const quietMs = performance.now() - sinceMs;
      if (quietMs < (known >= wanted ? 1000 : orphanTimeoutMs + 2000)) return false;
      const { openAttempts, openJobs, spansQueued } = metricNames;
      return Object.values(await bridge.metrics([openAttempts, openJobs, spansQueued])).every((value) => value === 0);
    },
    100,
  );
}
