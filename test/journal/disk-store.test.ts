import { copyFile, mkdir, readdir, readFile, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { ClassicLevel } from 'classic-level';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type DiskJournalOptions, type Journal, type JournalEvent, openDiskJournal } from '../../src/journal/index.ts';
import { Space } from '../../src/journal/space.ts';
import { newFolder, type OpenJournal, openJournal, recordsOf, removeFolder, sleepUntilAborted } from './disk-journal-fixture.ts';
import { event } from './journal-contract.ts';

// What only a journal on disk has to answer for: who may open it, what a restart finds, and what
// becomes of what is damaged.

let folder: string;
const open = new Set<Journal>();

beforeEach(async () => {
  folder = await newFolder();
});

afterEach(async () => {
  for (const journal of open) await journal.close();
  open.clear();
  await removeFolder(folder);
});

async function opened(over: Parameters<typeof openJournal>[1] = {}): Promise<OpenJournal> {
  const found = await openJournal(folder, over);
  open.add(found.journal);
  return found;
}

async function reopened({ journal }: OpenJournal, over: Parameters<typeof openJournal>[1] = {}): Promise<OpenJournal> {
  await journal.close();
  open.delete(journal);
  return await opened(over);
}

async function tryToOpen(): ReturnType<typeof openDiskJournal> {
  const options: DiskJournalOptions = {
    folder,
    sync: 'always',
    syncIntervalMs: 1000,
    now: () => performance.now(),
    epochMs: Date.now,
    sleep: sleepUntilAborted,
  };
  return await openDiskJournal(options);
}

async function idsFrom(journal: Journal, cursor: number): Promise<readonly string[]> {
  const found: string[] = [];
  let next = cursor;
  while (next < journal.stats().endCursor) {
    const { from, entries } = await journal.read(next, 1000);
    found.push(...entries.map((entry) => entry.event.eventId));
    next = from + entries.length;
  }
  return found;
}

function ids(...numbers: readonly number[]): readonly string[] {
  return numbers.map((number) => event(number).eventId);
}

const nothing = { position: { spans: 0, outputs: 0 }, options: undefined, records: [], pause: async () => {} };

describe('opening a journal on disk', () => {
  it('fails for a second process, and the message says what to do', async () => {
    await opened();
    expect(await tryToOpen()).toMatchObject({
      ok: false,
      code: 'journal_locked',
      message: expect.stringContaining('another process uses'),
    });
  });

  it('fails for a journal of a newer format and leaves it unchanged', async () => {
    await (await opened()).journal.close();
    const level = new ClassicLevel<string, Buffer>(folder, { valueEncoding: 'buffer' });
    const format = await level.get('m/format');
    await level.put('m/format', Buffer.concat([crcOf(Buffer.from([4])), Buffer.from([4])]));
    await level.close();
    expect(await tryToOpen()).toMatchObject({ ok: false, code: 'journal_newer_format', message: expect.stringContaining('format 4') });
    const again = new ClassicLevel<string, Buffer>(folder, { valueEncoding: 'buffer' });
    await again.put('m/format', format ?? Buffer.alloc(0));
    await again.close();
    expect((await opened()).journal.stats().entries).toBe(0);
  });

  it('upgrades a journal of the previous format, which an older release then refuses', async () => {
    await (await opened()).journal.close();
    const level = new ClassicLevel<string, Buffer>(folder, { valueEncoding: 'buffer' });
    const format = await level.get('m/format');
    await level.put('m/format', Buffer.concat([crcOf(Buffer.from([1])), Buffer.from([1])]));
    await level.close();
    await (await opened()).journal.close();
    const again = new ClassicLevel<string, Buffer>(folder, { valueEncoding: 'buffer' });
    expect(await again.get('m/format')).toEqual(format);
    await again.close();
  });

  it("fails for another program's database, and for a file instead of a folder", async () => {
    const level = new ClassicLevel(folder);
    await level.put('another', 'program');
    await level.close();
    expect(await tryToOpen()).toMatchObject({ ok: false, code: 'journal_not_ours' });
    await removeFolder(folder);
    await writeFile(folder, '');
    expect(await tryToOpen()).toMatchObject({ ok: false, code: 'journal_unusable' });
  });

  it('creates files that only their owner can read', async () => {
    const inner = join(folder, 'journal');
    const found = await openJournal(inner);
    await found.journal.close();
    expect((await stat(inner)).mode & 0o077).toBe(0);
  });
});

describe('a restart', () => {
  it('restores the checkpoint, its options and the entries after it; earlier entries are removed', async () => {
    const first = await opened();
    for (let number = 0; number < 6; number += 1) await first.journal.append([event(number)], 1);
    first.journal.release(4);
    const records = [
      ['job', 1n],
      ['task', { name: 'x' }],
    ];
    let pauses = 0;
    const saved = await first.journal.durable.saveCheckpoint({
      cursor: 4,
      position: { spans: 0, outputs: 0 },
      options: { settleMs: 5 },
      records,
      pause: async () => void (pauses += 1),
    });
    expect(saved.ok).toBe(true);
    expect(pauses).toBeGreaterThan(0);
    const { journal } = await reopened(first);
    expect(journal.stats()).toMatchObject({ entries: 2, releasedCursor: 4, endCursor: 6 });
    expect(journal.durable.restoredOptions).toEqual({ settleMs: 5 });
    expect(journal.durable.restoredUntil).toBe(6);
    expect(await recordsOf(journal)).toEqual(records);
    expect(await idsFrom(journal, 4)).toEqual(ids(4, 5));
    expect(await storedKeys('b')).toHaveLength(2);
  });

  it('continues at the stored time, without counting the downtime', async () => {
    let nowMs = 5_000;
    const over = { now: () => nowMs, epochMs: () => 1_000_000 };
    const first = await opened(over);
    await first.journal.append([event(0)], 1);
    nowMs += 60_000;
    const watermarkMs = first.journal.advanceWatermark();
    await first.journal.durable.keepTime(watermarkMs);
    expect(watermarkMs).toBe(1_060_000);
    const second = await reopened(first, { ...over, epochMs: () => 9_000_000 });
    nowMs += 1_000;
    expect(second.journal.advanceWatermark()).toBe(1_061_000);
    await second.journal.append([event(1)], 1);
    expect((await second.journal.read(1, 1)).entries[0]?.receivedAtMs).toBeGreaterThan(1_061_000);
  });

  it('knows the receive time of each batch since the epoch, although the journal clock stops during downtime', async () => {
    let epochMs = 1_000_000;
    const over = { now: () => 5_000, epochMs: () => epochMs };
    const first = await opened(over);
    await first.journal.append([event(0)], 1);
    epochMs = 9_000_000;
    const second = await reopened(first, over);
    await second.journal.append([event(1)], 1);
    const expectTimes = async (journal: Journal): Promise<void> => {
      expect((await journal.read(0, 1)).entries.map((entry) => entry.epochMs)).toEqual([1_000_000]);
      expect((await journal.read(1, 1)).entries.map((entry) => entry.epochMs)).toEqual([9_000_000]);
    };
    await expectTimes(second.journal);
    const third = await reopened(second, over);
    await expectTimes(third.journal);
    const { entries } = await third.journal.read(1, 1);
    expect(entries[0]?.receivedAtMs).toBeLessThan(1_001_000);
  });

  it('restores the previous checkpoint after an interrupted one', async () => {
    const first = await opened();
    await first.journal.append([event(0), event(1)], 1);
    first.journal.release(1);
    await first.journal.durable.saveCheckpoint({ ...nothing, cursor: 1, records: ['first'] });
    const failing = (function* (): Generator {
      yield 'second';
      throw new Error('the process ends here');
    })();
    const { durable } = first.journal;
    expect(await durable.saveCheckpoint({ ...nothing, cursor: 2, records: failing })).toMatchObject({
      ok: false,
    });
    const second = await reopened(first);
    expect(await recordsOf(second.journal)).toEqual(['first']);
    expect(await idsFrom(second.journal, 1)).toEqual(ids(1));
  });
});

describe('limits of the journal on disk', () => {
  it('entries that do not fit in memory are read from disk', async () => {
    const { journal } = await opened({ limits: { maxTailBytes: 100 } });
    for (let number = 0; number < 20; number += 1) await journal.append([event(number)], 40);
    expect(await idsFrom(journal, 0)).toEqual(ids(...Array.from({ length: 20 }, (_, number) => number)));
  });

  it('iterators read keys only, because they keep values in memory until they are collected', async () => {
    const { journal } = await opened({ limits: { maxTailBytes: 0 } });
    for (let number = 0; number < 6; number += 2) await journal.append([event(number), event(number + 1)], 1);
    using iterators = vi.spyOn(ClassicLevel.prototype, 'iterator');
    expect(await idsFrom(journal, 0)).toEqual(ids(0, 1, 2, 3, 4, 5));
    expect(iterators).not.toHaveBeenCalled();
    // In the middle of a batch its key is not known.
    expect(await idsFrom(journal, 3)).toEqual(ids(3, 4, 5));
    journal.release(3);
    await journal.durable.saveCheckpoint({ ...nothing, cursor: 3 });
    expect(iterators.mock.calls.map(([options]) => options?.values)).toEqual([false, false, false]);
  });

  it('batches that wait together share a sync, up to the limit of a group', async () => {
    const groupsOf = (events: readonly JournalEvent[]): number[] =>
      events.flatMap((reported) => (reported.name === 'journal_written' ? [reported.batches] : []));
    const large = 2 ** 20;
    const { journal, events } = await opened({ limits: { maxGroupBytes: large } });
    await Promise.all([0, 1, 2].map((number) => journal.append([event(number)], large)));
    expect(groupsOf(events)).toEqual([1, 1, 1]);
    const roomy = await openJournal(join(folder, 'other'));
    const first = roomy.journal.append([event(0)], large);
    await first;
    await Promise.all([1, 2, 3].map((number) => roomy.journal.append([event(number)], large)));
    expect(groupsOf(roomy.events)).toEqual([1, 3]);
    expect(roomy.events.every((reported) => reported.name !== 'journal_written' || reported.synced)).toBe(true);
    await roomy.journal.close();
  });

  it('small posts that wait together are stored as one batch, with one receive time and in order', async () => {
    const { journal } = await opened();
    using batch = vi.spyOn(ClassicLevel.prototype, 'batch');
    const outcomes = await Promise.all([0, 1, 2, 3].map((number) => journal.append([event(2 * number), event(2 * number + 1)], 100)));
    expect(outcomes).toEqual(Array.from({ length: 4 }, () => ({ ok: true })));
    expect(batch.mock.calls.map(([operations]: readonly unknown[]) => (Array.isArray(operations) ? operations.length : 0))).toEqual([1]);
    const { entries } = await journal.read(0, 100);
    expect(entries.map((entry) => entry.event.eventId)).toEqual(ids(0, 1, 2, 3, 4, 5, 6, 7));
    expect(new Set(entries.map(({ receivedAtMs }) => receivedAtMs)).size).toBe(1);
  });

  it('posts that do not fit are refused together, and those before them are kept', async () => {
    const { journal } = await opened({ limits: { limitBytes: 500 } });
    expect(await journal.append([event(0)], 10)).toEqual({ ok: true });
    const outcomes = await Promise.all(Array.from({ length: 20 }, (_, number) => journal.append([event(number + 1)], 10)));
    expect(outcomes.map(({ ok }) => ok)).toEqual(Array.from({ length: 20 }, () => false));
    expect(await journal.append([event(1)], 10)).toEqual({ ok: true });
    expect(await idsFrom(journal, 0)).toEqual(ids(0, 1));
  });

  it('groups start some milliseconds apart while posts arrive together, and a post alone does not wait', async () => {
    let nowMs = 0;
    const slept: number[] = [];
    const sleep: DiskJournalOptions['sleep'] = (ms, signal) => {
      if (ms > 5) return sleepUntilAborted(ms, signal);
      slept.push(ms);
      nowMs += ms;
      return Promise.resolve();
    };
    const { journal } = await openJournal(join(folder, 'paced'), { now: () => nowMs, sleep, limits: { groupMs: 5, companyMs: 50 } });
    await journal.append([event(0)], 1);
    await journal.append([event(1)], 1);
    expect(slept).toEqual([]);
    await Promise.all([2, 3].map((number) => journal.append([event(number)], 1)));
    nowMs += 2;
    await journal.append([event(4)], 1);
    expect(slept).toEqual([3]);
    nowMs += 51;
    await journal.append([event(5)], 1);
    await journal.append([event(6)], 1);
    expect(slept).toEqual([3]);
    await journal.close();
  });

  it('batches are refused while the disk has less than the minimum free space', async () => {
    const { journal } = await opened({ limits: { minFreeBytes: Number.MAX_SAFE_INTEGER } });
    expect(await journal.append([event(0)], 1)).toMatchObject({
      ok: false,
      code: 'journal_full',
      message: expect.stringContaining('left'),
    });
  });

  it('the free space is checked again after five seconds, and not earlier', async () => {
    const later = join(folder, 'later');
    let nowMs = 0;
    const space = new Space(later, { minFreeBytes: Number.MAX_SAFE_INTEGER }, () => nowMs);
    // The folder is missing, so the free space is unknown.
    await space.measure(0, 0);
    await mkdir(later);
    const refused = (): boolean => space.refusal(0, 1, false) !== undefined;
    nowMs = 4_999;
    for (let looks = 0; looks < 20; looks += 1) {
      expect(refused()).toBe(false);
      await statfs(later);
    }
    nowMs = 5_000;
    while (!refused()) await new Promise(setImmediate);
  });

  it('with --sync interval, a sync after the interval covers what was written in it, and nothing else', async () => {
    let passInterval = (): void => {};
    const begun: number[] = [];
    const sleep: DiskJournalOptions['sleep'] = async (ms, signal) => {
      if (ms !== 77) return await sleepUntilAborted(ms, signal);
      begun.push(ms);
      await Promise.race([sleepUntilAborted(ms, signal), new Promise<void>((resolve) => (passInterval = resolve))]);
    };
    const { journal } = await opened({ sync: 'interval', syncIntervalMs: 77, now: () => 0, sleep });
    using puts = vi.spyOn(ClassicLevel.prototype, 'put');
    const syncsOfNextInterval = async (): Promise<number> => {
      const [before, number] = [puts.mock.calls.length, begun.length];
      passInterval();
      while (begun.length === number) await new Promise(setImmediate);
      return puts.mock.calls.slice(before).filter(([, , options]) => isSynced(options)).length;
    };
    expect(await syncsOfNextInterval()).toBe(0);
    await journal.append([event(0)], 1);
    await journal.append([event(1)], 1);
    expect([await syncsOfNextInterval(), await syncsOfNextInterval()]).toEqual([1, 0]);
  });

  it('a checkpoint is due after enough processed bytes, or after fewer when the journal is idle', async () => {
    let nowMs = 0;
    const over = { now: () => nowMs, limits: { checkpointBytes: 1_000, idleCheckpointBytes: 200, idleMs: 10_000 } };
    const { journal } = await opened(over);
    const { durable } = journal;
    for (let number = 0; number < 20; number += 1) await journal.append([event(number)], 1);
    expect(durable.isCheckpointDue()).toBe(false);
    journal.release(20);
    expect(durable.isCheckpointDue()).toBe(true);
    await durable.saveCheckpoint({ cursor: 20, ...nothing });
    expect(durable.isCheckpointDue()).toBe(false);
    for (let number = 20; number < 24; number += 1) await journal.append([event(number)], 1);
    journal.release(24);
    expect(durable.isCheckpointDue()).toBe(false);
    nowMs += 20_000;
    expect(durable.isCheckpointDue()).toBe(true);
  });

  it('a large state is written again only after enough processed bytes for its size', async () => {
    const { journal } = await opened({ limits: { checkpointBytes: 100, idleCheckpointBytes: 1e9 } });
    const { durable } = journal;
    await journal.append([event(0)], 1);
    journal.release(1);
    expect(durable.isCheckpointDue()).toBe(true);
    const saved = await durable.saveCheckpoint({ ...nothing, cursor: 1, records: [['text', 'x'.repeat(1_000)]] });
    const stateBytes = saved.ok ? saved.bytes : Number.NaN;
    for (let cursor = 1; !durable.isCheckpointDue(); cursor += 1) {
      expect(journal.stats().bytes).toBeLessThan(0.6 * stateBytes);
      await journal.append([event(cursor)], 1);
      journal.release(cursor + 1);
    }
    expect(journal.stats().bytes).toBeGreaterThanOrEqual(0.6 * stateBytes);
    await journal.close();
  });
});

describe('a damaged journal', () => {
  it('sets a damaged batch aside, counts it, and reads the rest', async () => {
    const first = await opened();
    for (let number = 0; number < 4; number += 1) await first.journal.append([event(number)], 1);
    await damage(first, 'b', 1);
    const second = await opened();
    expect(await idsFrom(second.journal, 0)).toEqual(ids(0, 2, 3));
    const lost = second.events.flatMap((reported) => (reported.name === 'journal_damaged' ? [reported.entries] : []));
    expect(lost.reduce((sum, entries) => sum + entries, 0)).toBe(1);
    await second.journal.close();
    open.delete(second.journal);
    expect(await storedKeys('x')).toHaveLength(1);
    expect(await storedKeys('b')).toHaveLength(3);
  });

  it('counts damaged batches above the limit without setting them aside', async () => {
    const first = await opened();
    await first.journal.append([event(0)], 1);
    const { bytes } = first.journal.stats();
    for (const number of [1, 2, 3]) await first.journal.append([event(number)], 1);
    await damage(first, 'b', 0);
    await damage(first, 'b', 1);
    const second = await opened({ limits: { maxDamagedBytes: bytes } });
    expect(await idsFrom(second.journal, 0)).toEqual(ids(2, 3));
    expect(await storedKeys('x')).toHaveLength(1);
    expect(await storedKeys('b')).toHaveLength(2);
  });

  it('ends before a damaged last batch', async () => {
    const first = await opened();
    for (let number = 0; number < 3; number += 1) await first.journal.append([event(number)], 1);
    await damage(first, 'b', 2);
    const second = await opened();
    expect(second.journal.stats().endCursor).toBe(2);
    await second.journal.append([event(7)], 1);
    expect(await idsFrom(second.journal, 0)).toEqual(ids(0, 1, 7));
  });

  it('restores the other portions when one of the checkpoint is damaged', async () => {
    const first = await opened({ limits: { portionRecords: 1 } });
    await first.journal.append([event(0)], 1);
    first.journal.release(1);
    await first.journal.durable.saveCheckpoint({
      cursor: 1,
      position: { spans: 0, outputs: 0 },
      options: undefined,
      records: ['a', 'b', 'c'],
      pause: async () => {},
    });
    await damage(first, 'c', 1);
    const second = await opened();
    expect(await recordsOf(second.journal)).toEqual(['a', 'c']);
    expect(second.events).toMatchObject([{ name: 'journal_damaged', what: 'portion 1 of 3 of the checkpoint' }]);
  });

  it('is not assumed when a read of the checkpoint fails: the read is reported and retried', async () => {
    const first = await opened({ limits: { portionRecords: 1 } });
    await first.journal.append([event(0)], 1);
    first.journal.release(1);
    await first.journal.durable.saveCheckpoint({
      cursor: 1,
      position: { spans: 0, outputs: 0 },
      options: undefined,
      records: ['a', 'b', 'c'],
      pause: async () => {},
    });
    const sleep: DiskJournalOptions['sleep'] = async (ms, signal) => await (ms === 77 ? undefined : sleepUntilAborted(ms, signal));
    const second = await reopened(first, { sleep, limits: { retryMs: 77 } });
    using reading = vi.spyOn(ClassicLevel.prototype, 'get');
    for (let time = 0; time < 3; time += 1) reading.mockRejectedValueOnce(ioError());
    expect(await recordsOf(second.journal)).toEqual(['a', 'b', 'c']);
    const failed = { name: 'journal_read_failed', what: 'portion 0 of 3 of the checkpoint', reason: expect.stringContaining('IO error') };
    expect(second.events).toEqual([failed, failed, failed]);
  });

  it('is not assumed when a read of the checkpoint fails: an abort ends the retries', async () => {
    const first = await opened();
    await first.journal.append([event(0)], 1);
    first.journal.release(1);
    await first.journal.durable.saveCheckpoint({ ...nothing, cursor: 1, records: ['a'] });
    const second = await reopened(first);
    using failing = vi.spyOn(ClassicLevel.prototype, 'get');
    failing.mockRejectedValue(ioError());
    const leaving = new AbortController();
    const reading = recordsOf(second.journal, leaving.signal);
    await vi.waitFor(() => expect(second.events).not.toEqual([]));
    leaving.abort();
    expect(await reading).toEqual([]);
    expect(second.events.map(({ name }) => name)).toEqual(['journal_read_failed']);
  });

  it('is not assumed when a read of a batch fails: the read is reported and retried until an abort', async () => {
    const first = await opened();
    for (let number = 0; number < 3; number += 1) await first.journal.append([event(number)], 1);
    const sleep: DiskJournalOptions['sleep'] = async (ms, signal) => await (ms === 77 ? undefined : sleepUntilAborted(ms, signal));
    const second = await reopened(first, { sleep, limits: { retryMs: 77 } });
    const failed = { name: 'journal_read_failed', what: 'the batch of entry 1', reason: expect.stringContaining('IO error') };
    using reading = vi.spyOn(ClassicLevel.prototype, 'get');
    reading.mockRejectedValueOnce(ioError()).mockRejectedValueOnce(ioError());
    const leaving = new AbortController();
    const { entries } = await second.journal.read(1, 10, leaving.signal);
    expect(entries.map((entry) => entry.event)).toEqual([event(1)]);
    expect(second.events).toEqual([failed, failed]);

    reading.mockImplementation(async () => {
      leaving.abort();
      return await Promise.reject(ioError());
    });
    expect(await second.journal.read(2, 10, leaving.signal)).toEqual({ from: 2, entries: [] });
    leaving.abort();
    await expect(second.journal.read(2, 10)).rejects.toThrow('IO error');
  });

  it('removes and reports the files that a repair of LevelDB replaced', async () => {
    const first = await opened();
    for (let number = 0; number < 50; number += 1) await first.journal.append([event(number)], 1);
    await first.journal.close();
    open.delete(first.journal);
    await writeFile(join(folder, 'CURRENT'), 'MANIFEST-77\n');
    const second = await opened();
    expect(await idsFrom(second.journal, 0)).toHaveLength(50);
    expect(await readdir(folder)).not.toContain('lost');
    expect(second.events.map((reported) => ('what' in reported ? reported.what : reported.name))).toEqual([
      expect.stringContaining('its files were repaired after'),
      expect.stringMatching(/^[1-9]\d+ bytes of files that a repair replaced were removed$/),
    ]);
  });

  it('reads the remaining entries when the record of the checkpoint is damaged', async () => {
    const first = await opened();
    for (let number = 0; number < 3; number += 1) await first.journal.append([event(number)], 1);
    first.journal.release(2);
    await first.journal.durable.saveCheckpoint({ cursor: 2, ...nothing });
    await damage(first, 'm/checkpoint', 0);
    const second = await opened();
    expect(await idsFrom(second.journal, second.journal.stats().releasedCursor)).toEqual(ids(2));
    expect(second.events).toMatchObject([
      { name: 'journal_damaged', what: 'the record of the checkpoint' },
      { name: 'journal_damaged', what: 'entries 0 to 1 are missing', entries: 2 },
    ]);
  });

  it('reports what LevelDB skipped in its log', async () => {
    const first = await opened();
    for (let number = 0; number < 50; number += 1) await first.journal.append([event(number)], 1);
    // A copy of the files as a kill would leave them, with one byte flipped in the middle.
    const copy = join(folder, 'copy');
    await copyFiles(folder, copy);
    await flipByteOfLog(copy);
    const found = await openJournal(copy);
    open.add(found.journal);
    const read = await idsFrom(found.journal, 0);
    expect(read.length).toBeLessThan(50);
    expect(found.events.filter(({ name }) => name === 'journal_damaged').length).toBeGreaterThan(0);
    expect(new Set(read).size).toBe(read.length);
  });
});

function isSynced(options: unknown): boolean {
  return typeof options === 'object' && options !== null && 'sync' in options && options.sync === true;
}

async function damage({ journal }: OpenJournal, prefix: string, index: number): Promise<void> {
  await journal.close();
  open.delete(journal);
  const level = new ClassicLevel<Buffer, Buffer>(folder, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  const keys = (await level.keys().all()).filter((key) => key.toString('latin1').startsWith(prefix));
  const key = keys[index] ?? Buffer.alloc(0);
  const value = (await level.get(key)) ?? Buffer.alloc(0);
  value[value.length - 2] = (value[value.length - 2] ?? 0) ^ 0xff;
  await level.put(key, value);
  await level.close();
}

async function storedKeys(prefix: string): Promise<readonly Buffer[]> {
  for (const journal of open) await journal.close();
  open.clear();
  const level = new ClassicLevel<Buffer, Buffer>(folder, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  const keys = (await level.keys().all()).filter((key) => key.toString('latin1').startsWith(prefix));
  await level.close();
  return keys;
}

function crcOf(content: Buffer): Buffer {
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(content));
  return crc;
}

async function copyFiles(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const name of await readdir(from)) if ((await stat(join(from, name))).isFile()) await copyFile(join(from, name), join(to, name));
}

/** The error of LevelDB for a failed read. */
function ioError(): Error {
  return Object.assign(new Error('IO error: 000005.ldb: Input/output error'), { code: 'LEVEL_IO_ERROR' });
}

async function flipByteOfLog(place: string): Promise<void> {
  const name = (await readdir(place)).find((file) => file.endsWith('.log')) ?? '';
  const bytes = await readFile(join(place, name));
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 0xff;
  await writeFile(join(place, name), bytes);
}
