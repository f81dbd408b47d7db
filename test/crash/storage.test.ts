import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPrograms, hasCompiler, type Programs } from './build.ts';
import { type FaultyDisk, type FaultyDiskOptions, openFaultyDisk, undisturbedSpans } from './faulty-disk.ts';
import { metricNames } from './flags.ts';
import { holdsWithin } from './machine.ts';
import { createRandom } from './random.ts';
import type { SpanRecord } from './sink.ts';
import { differencesOf } from './span-sets.ts';
import { cutTail, flipByte, type StorageRule } from './storage-faults.ts';

// The disk fails below the engine, and what was answered 200 is there afterwards: the spans are
// those of the undisturbed run.

const needsCompiler = '(needs cc and Linux)';
const canMount = process.platform === 'linux' && process.getuid?.() === 0;

let programs: Programs;
/** Not waited for until it is needed. */
let wanted: Promise<SpanRecord>;

beforeAll(async () => {
  programs = await buildPrograms();
  wanted = undisturbedSpans(programs);
  wanted.catch(() => {});
});
afterAll(async () => {
  await wanted.catch(() => {});
  await programs.remove();
});

async function differences(disk: FaultyDisk): Promise<string[]> {
  return differencesOf(await disk.compare(await wanted));
}

it.concurrent('the undisturbed run has what the others are held against', async () => {
  expect((await wanted).spans.size).toBeGreaterThan(300);
});

async function withDisk(
  name: string,
  work: (disk: FaultyDisk) => Promise<void>,
  options: Pick<FaultyDiskOptions, 'dataDir' | 'changed'> = {},
): Promise<void> {
  const disk = await openFaultyDisk({ programs, name, ...options });
  try {
    await work(disk);
  } finally {
    await disk.rig.close();
  }
}

/** Posts that were refused because of the journal. */
function refusals({ sender }: FaultyDisk): number {
  return (sender.counts.refused['journal_unavailable'] ?? 0) + (sender.counts.refused['journal_full'] ?? 0);
}

/** Lines of the log with this event. */
function eventsOf({ rig }: FaultyDisk, event: string): number {
  return rig.bridge.log().split(`"event":"${event}"`).length - 1;
}

const faultRules: readonly (readonly [what: string, rule: StorageRule])[] = [
  ['a write that fails', { operations: ['write'], action: 'fail', match: '.log', times: 1 }],
  ['a write that fails on a full disk', { operations: ['write'], action: 'fail', error: 'ENOSPC', match: '.log', times: 1 }],
  ['a write that fails halfway', { operations: ['write'], action: 'fail-halfway', error: 'ENOSPC', match: '.log', times: 1 }],
  ['a sync that fails', { operations: ['sync'], action: 'fail', match: '.log', times: 1 }],
];

describe.concurrent('a fault of the disk', () => {
  it.runIf(hasCompiler).each(faultRules)(`%s: the post is refused, and the next ones are kept ${needsCompiler}`, async (what, rule) => {
    await withDisk(what.replaceAll(' ', '-'), async (disk) => {
      await disk.post(20);
      disk.faults.set(rule);
      await disk.post(20);
      expect(disk.faults.struck()).toBe(1);
      expect(refusals(disk)).toBeGreaterThan(0);
      // Neither of the two may cost what was accepted after the fault.
      await disk.restart();
      await disk.post();
      disk.faults.clear();
      await disk.restart();
      expect(await differences(disk)).toEqual([]);
      expect(eventsOf(disk, 'journal_unwritable')).toBe(1);
      expect(eventsOf(disk, 'journal_writable')).toBe(1);
    });
  });

  it.runIf(hasCompiler)(
    `while all writes fail, posts are answered 503 with one line in the log, and no restart is needed ${needsCompiler}`,
    async () => {
      await withDisk('no-writes', async (disk) => {
        await disk.post(20);
        disk.faults.set({ operations: ['create', 'write', 'sync'], action: 'fail', match: 'journal' });
        const posting = disk.post(20);
        await holdsWithin(5000, () => refusals(disk) > 4);
        expect(await disk.rig.bridge.status('/healthz')).toBe(200);
        expect(await disk.rig.bridge.metric(metricNames.journalWritable)).toBe(0);
        disk.faults.clear();
        await posting;
        expect(disk.rig.bridge.starts).toBe(1);
        expect(await disk.rig.bridge.metric(metricNames.journalWritable)).toBe(1);
        expect(eventsOf(disk, 'journal_unwritable')).toBe(1);
        await disk.post();
        await disk.restart();
        expect(await differences(disk)).toEqual([]);
      });
    },
  );

  it.runIf(hasCompiler)(
    `power fails at any time: everything that was not synced is gone, and was not answered ${needsCompiler}`,
    async () => {
      await withDisk('power', async (disk) => {
        const random = createRandom(7);
        const { bridge } = disk.rig;
        for (let failure = 0; failure < 6; failure += 1) {
          const posting = disk.post(10);
          await sleep(random.below(60));
          await bridge.kill();
          disk.faults.losePower(random);
          bridge.start();
          await posting;
        }
        await disk.post();
        await bridge.kill();
        disk.faults.losePower(random);
        bridge.start();
        await bridge.untilReady();
        expect(await differences(disk)).toEqual([]);
      });
    },
  );

  it.runIf(hasCompiler)(`a power failure with --sync interval loses nothing older than the interval ${needsCompiler}`, async () => {
    await withDisk(
      'power-interval',
      async (disk) => {
        const random = createRandom(3);
        const { bridge } = disk.rig;
        await disk.post(40);
        await holdsWithin(10_000, () =>
          disk.faults.files().every(({ name, writtenBytes, syncedBytes }) => !name.endsWith('.log') || writtenBytes === syncedBytes),
        );
        const syncs = await bridge.metric(metricNames.journalSyncs);
        await disk.post(5);
        await bridge.kill();
        disk.faults.losePower(random);
        bridge.start();
        await bridge.untilReady();
        // One for all of them, not one a post.
        expect(syncs).toBeLessThan(40);
        // Those five may be gone; nothing before them is.
        await disk.postAgain(5);
        await disk.post();
        expect(await differences(disk)).toEqual([]);
      },
      { changed: { sync: 'interval', syncIntervalMs: 500 } },
    );
  });

  it('after a torn last write, everything before it is read', async () => {
    await withDisk('torn', async (disk) => {
      for (const cutBytes of [1, 100, 700]) {
        await disk.post(15);
        await disk.rig.bridge.kill();
        const [log] = disk.journalFiles('.log');
        if (log !== undefined) cutTail(log.path, cutBytes, log.bytes);
        disk.rig.bridge.start();
        // The last of them were cut off as if they had never been answered.
        await disk.postAgain(4);
      }
      await disk.post();
      expect(await differences(disk)).toEqual([]);
    });
  });

  it.each([
    ['log', '.log'],
    ['table', '.ldb'],
  ])('a flipped byte in a %s file is counted, the rest is read, and the bridge continues', async (kind, match) => {
    await withDisk(`flipped-${kind}`, async (disk) => {
      const { bridge } = disk.rig;
      await disk.post(40);
      // Recovery makes a table of the log.
      if (kind === 'table') await disk.restart();
      await bridge.kill();
      const [file] = disk.journalFiles(match);
      if (file === undefined) throw new Error(`no ${match} file`);
      flipByte(file.path, Math.floor(file.bytes / 2));
      bridge.start();
      await bridge.untilReady();
      expect(await bridge.metric(metricNames.journalDamages)).toBeGreaterThan(0);
      expect(eventsOf(disk, 'journal_damaged')).toBeGreaterThan(0);
      // A sender that says everything again makes it whole.
      await disk.postAgain();
      await disk.post();
      expect(await differences(disk)).toEqual([]);
    });
  });

  it.runIf(canMount)('a full disk causes 503, and free space ends that without a restart (needs root, to mount a small disk)', async () => {
    const mount = join(programs.folder, 'full-disk');
    mkdirSync(mount);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=160m', 'tmpfs', mount]);
    try {
      await withDisk(
        'full',
        async (disk) => {
          await disk.post(20);
          fillUp(join(mount, 'ballast'));
          const posting = disk.post(20);
          await holdsWithin(5000, () => refusals(disk) > 4);
          expect(refusals(disk)).toBeGreaterThan(0);
          rmSync(join(mount, 'ballast'));
          await posting;
          expect(disk.rig.bridge.starts).toBe(1);
          await disk.post();
          await disk.restart();
          expect(await differences(disk)).toEqual([]);
        },
        { dataDir: join(mount, 'data') },
      );
    } finally {
      execFileSync('umount', [mount]);
    }
  });
});

describe.concurrent('a sender that repeats everything', () => {
  it('after everything ended, with a checkpoint and a restart, causes no span', async () => {
    await withDisk('again', async (disk) => {
      const { sink } = disk.rig;
      await disk.post();
      expect(await differences(disk)).toEqual([]);
      const sent = sink.spans();
      // When nothing comes, a checkpoint follows.
      expect(await holdsWithin(60_000, () => eventsOf(disk, 'journal_checkpoint') > 0)).toBe(true);
      for (let time = 0; time < 2; time += 1) {
        await disk.restart();
        await disk.postAgain();
        expect(await differences(disk)).toEqual([]);
      }
      expect(sink.spans()).toBe(sent);
    });
  });

  it('in the middle of the stream, with checkpoints and restarts, changes no span', async () => {
    await withDisk(
      'again-in-the-middle',
      async (disk) => {
        for (let time = 0; time < 3; time += 1) {
          await disk.post(24);
          await disk.restart();
          await disk.postAgain();
        }
        await disk.post();
        expect(eventsOf(disk, 'journal_checkpoint')).toBeGreaterThan(0);
        expect(await differences(disk)).toEqual([]);
      },
      // A quarter of it is worked through, and a checkpoint is due.
      { changed: { maxJournalBytes: 512 * 1024 } },
    );
  });
});

function fillUp(path: string): void {
  for (let bytes = 1024 * 1024; bytes >= 1; bytes = Math.floor(bytes / 2)) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(bytes), { flag: 'a' });
    } catch {
      // No room for so many more.
    }
  }
  expect(statSync(path).size).toBeGreaterThan(1024);
}
