import { mkdir, readdir, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/runtime/index.ts';
import type { DiskJournalOptions, Journal } from '../../src/journal/index.ts';
import { newFolder, type OpenJournal, openJournal, recordsOf, removeFolder } from './disk-journal-fixture.ts';
import { event } from './journal-contract.ts';

// The engine writes into files that it has open, whatever becomes of their names, and reports a
// truncated file as a disk error. The journal must not answer 200 for batches that a restart would
// not find, and must continue with the rest.

let parent: string;
let folder: string;
const open = new Set<Journal>();

const sleep: DiskJournalOptions['sleep'] = (ms, signal) => systemClock.sleep(Math.min(ms, 5), signal);

beforeEach(async () => {
  parent = await newFolder();
  folder = join(parent, 'journal');
});

afterEach(async () => {
  for (const journal of open) await journal.close();
  open.clear();
  await removeFolder(parent);
});

async function opened(over: Parameters<typeof openJournal>[1] = {}): Promise<OpenJournal> {
  const found = await openJournal(folder, { sleep, ...over });
  open.add(found.journal);
  return found;
}

async function close({ journal }: OpenJournal): Promise<void> {
  await journal.close();
  open.delete(journal);
}

/** A journal of 200 entries, the first ones in a table file, the last ones in the log. */
async function withTable(): Promise<void> {
  const first = await opened();
  for (let number = 0; number < 100; number += 1) await first.journal.append([event(number)], 1);
  await close(first);
  const second = await opened();
  for (let number = 100; number < 200; number += 1) await second.journal.append([event(number)], 1);
  await close(second);
}

async function tables(): Promise<readonly string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith('.ldb')).map((name) => join(folder, name));
}

async function countFrom(journal: Journal, cursor = 0): Promise<number> {
  let [next, count] = [cursor, 0];
  while (next < journal.stats().endCursor) {
    const { from, entries } = await journal.read(next, 1000);
    next = from + entries.length;
    count += entries.length;
  }
  return count;
}

function lostEntries({ events }: OpenJournal): number {
  return events.reduce((sum, reported) => sum + (reported.name === 'journal_damaged' ? reported.entries : 0), 0);
}

describe('a truncated table file', () => {
  it.each<[string, (path: string) => Promise<unknown>]>([
    ['0 bytes', (path) => truncate(path, 0)],
    ['1 byte', (path) => truncate(path, 1)],
    ['one byte less than a footer', (path) => truncate(path, 47)],
    ['half of it', async (path) => truncate(path, Math.floor((await stat(path)).size / 2))],
    ['all but its last byte', async (path) => truncate(path, (await stat(path)).size - 1)],
    ['none, because it was removed', (path) => rm(path)],
    ['none, and a folder is in its place', async (path) => rm(path).then(() => mkdir(path))],
  ])('is repaired when the journal is opened; lost entries are counted and the rest is read: %s', async (_, cut) => {
    await withTable();
    const [table = ''] = await tables();
    await cut(table);
    const again = await opened();
    const read = await countFrom(again.journal);
    expect(read).toBeGreaterThan(90);
    expect(read).toBeLessThan(200);
    expect(read + lostEntries(again)).toBe(200);
    expect(again.events[0]).toMatchObject({
      name: 'journal_damaged',
      what: expect.stringContaining('its files were repaired after') as string,
    });
    expect(await again.journal.append([event(500)], 1)).toEqual({ ok: true });
    await close(again);
    const third = await opened();
    expect(third.events).toEqual([]);
    expect(await countFrom(third.journal)).toBe(read + 1);
  });

  it('is found even before anything reads there', async () => {
    const first = await opened();
    await first.journal.append([event(0)], 1);
    first.journal.release(1);
    await first.journal.durable.saveCheckpoint({
      cursor: 1,
      position: { spans: 0, outputs: 0 },
      options: undefined,
      records: ['x'.repeat(5_000)],
      pause: async () => {},
    });
    await close(first);
    const sizes = await Promise.all((await tables()).map(async (path) => [(await stat(path)).size, path] as const));
    const [, largest = ''] = sizes.toSorted(([a], [b]) => b - a)[0] ?? [];
    await truncate(largest, 100);
    const again = await opened();
    expect(again.events[0]).toMatchObject({ name: 'journal_damaged' });
    expect(await again.journal.append([event(1)], 1)).toEqual({ ok: true });
  });

  it('a missing file CURRENT loses nothing', async () => {
    await withTable();
    await rm(join(folder, 'CURRENT'));
    const again = await opened();
    expect(await countFrom(again.journal)).toBe(200);
    expect(again.events[0]).toMatchObject({ what: expect.stringContaining('CURRENT is missing') as string });
  });

  it('files of other programs in the folder are left alone', async () => {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'notes.txt'), 'mine');
    const { events } = await opened();
    expect(events).toEqual([]);
    expect(await readdir(folder)).toContain('notes.txt');
  });
});

describe('a folder that is removed while the journal is open', () => {
  const refused = { ok: false, code: 'journal_unavailable' };

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['is removed', () => rm(folder, { recursive: true }), /was removed: put it back, or restart/],
    ['is removed with what is above it', () => rm(parent, { recursive: true }), /was removed/],
    [
      'has another folder in its place, as when a volume is unmounted',
      async () => {
        await rename(folder, join(parent, 'aside'));
        await mkdir(folder);
      },
      /another folder has replaced/,
    ],
    ['is moved', () => rename(folder, join(parent, 'aside')), /was removed/],
  ])('is noticed and no batch is accepted: it %s', async (_, goAway, reason) => {
    const journal = await opened();
    await journal.journal.append([event(0)], 1);
    await goAway();
    await vi.waitFor(async () => expect(await journal.journal.append([event(1)], 1)).toMatchObject(refused));
    await vi.waitFor(() => expect(journal.journal.stats().unwritable).toMatch(reason));
    // What was accepted can still be worked through: the engine has its files open.
    expect((await journal.journal.read(0, 10)).entries[0]?.event.eventId).toBe(event(0).eventId);
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
    expect(await journal.journal.append([event(1)], 1)).toMatchObject(refused);
    expect(journal.events.filter(({ name }) => name === 'journal_unwritable')).toHaveLength(1);
    expect(await readdir(folder).catch(() => [])).toEqual([]);
  });

  it('makes the journal writable again as soon as it is back', async () => {
    const journal = await opened();
    await journal.journal.append([event(0)], 1);
    await rename(folder, join(parent, 'aside'));
    await vi.waitFor(() => expect(journal.journal.stats().unwritable).toBeDefined());
    await rename(join(parent, 'aside'), folder);
    await vi.waitFor(() => expect(journal.journal.stats().unwritable).toBeUndefined());
    expect(await journal.journal.append([event(1)], 1)).toEqual({ ok: true });
    expect(journal.events.map(({ name }) => name)).toContain('journal_writable');
    await close(journal);
    expect(await countFrom((await opened()).journal)).toBe(2);
  });
});

describe('a file that is removed while the journal is open', () => {
  it.each<[string, RegExp]>([
    ['CURRENT', /^CURRENT$/],
    ['the list of files', /^MANIFEST/],
    ['the log', /\.log$/],
    ['a table', /\.ldb$/],
    ['every file', /./],
  ])('is noticed and the state is written again, so that a restart loses nothing: %s', async (_, pattern) => {
    await withTable();
    const journal = await opened();
    expect(await countFrom(journal.journal)).toBe(200);
    journal.journal.release(200);
    for (const name of await readdir(folder)) if (pattern.test(name)) await rm(join(folder, name), { recursive: true });
    await vi.waitFor(() => expect(journal.events.map(({ name }) => name)).toContain('journal_unwritable'));
    await vi.waitFor(() => expect(journal.events.map(({ name }) => name)).toContain('journal_writable'));
    const { durable } = journal.journal;
    expect(durable.isCheckpointDue()).toBe(true);
    expect(
      await durable.saveCheckpoint({
        cursor: 200,
        position: { spans: 0, outputs: 0 },
        options: 1,
        records: ['all'],
        pause: async () => {},
      }),
    ).toMatchObject({ ok: true });
    expect(durable.isCheckpointDue()).toBe(false);
    expect(await journal.journal.append([event(200)], 1)).toEqual({ ok: true });
    await close(journal);
    const again = await opened();
    expect(await recordsOf(again.journal)).toEqual(['all']);
    expect(again.journal.stats()).toMatchObject({ releasedCursor: 200, endCursor: 201 });
    expect(lostEntries(again)).toBe(0);
  });

  it('the repair waits until the pump has read the open files, up to a limit', async () => {
    await withTable();
    let nowMs = 0;
    const journal = await opened({ now: () => nowMs, limits: { drainMs: 10_000 } });
    for (const path of await tables()) await rm(path);
    await vi.waitFor(() => expect(journal.journal.stats().unwritable).toMatch(/files were removed from .*: \d{6}\.ldb/));
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
    expect(journal.journal.stats().unwritable).toBeDefined();
    nowMs = 10_000;
    await vi.waitFor(() => expect(journal.journal.stats().unwritable).toBeUndefined());
  });
});
