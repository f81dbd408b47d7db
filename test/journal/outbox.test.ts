import { ClassicLevel } from 'classic-level';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DiskJournalLimits, Outbox, StoredSpans } from '../../src/journal/index.ts';
import { newFolder, openJournal, type OpenJournal, removeFolder } from './disk-journal-fixture.ts';

// Spans that wait for the backend, and how far each exporter has come, over restarts.

let folder: string;
let current: OpenJournal | undefined;

beforeEach(async () => {
  folder = await newFolder();
});

afterEach(async () => {
  await current?.journal.close();
  current = undefined;
  await removeFolder(folder);
});

async function reopen(limits: Partial<DiskJournalLimits> = {}): Promise<Outbox> {
  await current?.journal.close();
  current = await openJournal(folder, { limits });
  return current.journal.durable.outbox;
}

async function save(spans: number, outputs = spans): Promise<void> {
  const checkpoint = { cursor: 0, position: { spans, outputs }, options: undefined, records: [], pause: async () => {} };
  expect(await current?.journal.durable.saveCheckpoint(checkpoint)).toMatchObject({ ok: true });
}

function chunk(first: number, count: number, bytes = 20): StoredSpans {
  return { first, count, atMs: 1_000 + first, bytes: Buffer.alloc(bytes, first) };
}

async function allFrom(outbox: Outbox, number = 0): Promise<number[][]> {
  const found: number[][] = [];
  const { signal } = new AbortController();
  for (let next = await outbox.read(number, signal); next !== undefined; next = await outbox.read(next.first + next.count, signal))
    found.push([next.first, next.count, next.atMs, next.bytes.length, next.bytes[0] ?? -1]);
  return found;
}

describe('the outbox on disk', () => {
  it('is empty in a new journal', async () => {
    const outbox = await reopen();
    expect([outbox.restored, outbox.firstNumber, outbox.delivered('otlp'), await allFrom(outbox)]).toEqual([
      { spans: 0, outputs: 0 },
      0,
      undefined,
      [],
    ]);
  });

  it('returns spans in the order of their numbers, before and after they are written, also when added later', async () => {
    const outbox = await reopen();
    const written = outbox.add(chunk(10, 5));
    const expected = [
      [0, 10, 1_000, 30, 0],
      [10, 5, 1_010, 20, 10],
    ];
    const earlier = outbox.add(chunk(0, 10, 30));
    expect(await allFrom(outbox)).toEqual(expected);
    await Promise.all([written, earlier]);
    expect(await allFrom(outbox)).toEqual(expected);
    expect(await allFrom(outbox, 9)).toEqual(expected);
    expect(await allFrom(outbox, 10)).toEqual(expected.slice(1));
    expect(await allFrom(outbox, 15)).toEqual([]);
    expect(outbox.stats()).toMatchObject({ spans: 15 });
  });

  it('keeps what is before the checkpoint, and drops what leaves the correlator again', async () => {
    let outbox = await reopen();
    void outbox.add(chunk(0, 10));
    void outbox.add(chunk(10, 10));
    outbox.noteDelivered('otlp', 3);
    await save(20, 12);
    await outbox.add(chunk(20, 10));
    outbox.noteDelivered('otlp', 11);
    outbox = await reopen();
    expect((await allFrom(outbox)).map(([first]) => first)).toEqual([0, 10]);
    expect([outbox.restored, outbox.delivered('otlp'), outbox.firstNumber]).toEqual([{ spans: 20, outputs: 12 }, 11, 0]);
  });

  it('removes what every exporter has', async () => {
    let outbox = await reopen();
    for (const first of [0, 10, 20]) await outbox.add(chunk(first, 10));
    await save(30);
    outbox.discardBefore(25);
    expect([outbox.firstNumber, outbox.stats().spans, await allFrom(outbox)]).toEqual([20, 10, [[20, 10, 1_020, 20, 20]]]);
    outbox = await reopen();
    expect((await allFrom(outbox)).map(([first]) => first)).toEqual([20]);
  });

  it('is part of a checkpoint that is saved at once', async () => {
    let outbox = await reopen();
    void outbox.add(chunk(0, 10));
    await save(10);
    const files = current;
    if (files === undefined) throw new Error('no journal');
    outbox = await reopen();
    expect(await allFrom(outbox)).toHaveLength(1);
  });

  it('has no room at its limit, and reports it once in each direction', async () => {
    const outbox = await reopen({ maxOutboxBytes: 1_000 });
    expect([outbox.hasRoom(), outbox.stats().limitBytes]).toEqual([true, 1_000]);
    await outbox.add(chunk(0, 10, 1_000));
    expect([outbox.hasRoom(), outbox.hasRoom()]).toEqual([false, false]);
    expect(outbox.stats().full).toMatch(/^the outbox holds \d+ of 1000 bytes$/);
    outbox.discardBefore(10);
    expect([outbox.hasRoom(), outbox.stats().full]).toEqual([true, undefined]);
    expect(current?.events.filter(({ name }) => name.startsWith('outbox')).map(({ name }) => name)).toEqual([
      'outbox_full',
      'outbox_has_room',
    ]);
  });

  it('has no room while too much waits to be written, and has it afterwards', async () => {
    const outbox = await reopen({ maxUnwrittenBytes: 1_000 });
    const written = outbox.add(chunk(0, 10, 2_000));
    expect([outbox.hasRoom(), outbox.stats().full]).toEqual([false, undefined]);
    await written;
    expect(outbox.hasRoom()).toBe(true);
  });

  it('has no room when the disk has less than the minimum free space', async () => {
    const outbox = await reopen({ minFreeBytes: Number.MAX_SAFE_INTEGER });
    expect([outbox.hasRoom(), outbox.stats().full]).toEqual([false, expect.stringContaining('bytes left')]);
  });

  it('reports damaged spans, skips them, and returns the others', async () => {
    let outbox = await reopen();
    for (const first of [0, 10, 20]) await outbox.add(chunk(first, 10));
    await save(30);
    await current?.journal.close();
    current = undefined;
    await flip('o', 1);
    outbox = await reopen();
    expect((await allFrom(outbox)).map(([first]) => first)).toEqual([0, 20]);
    expect(current).toMatchObject({ events: [{ name: 'journal_damaged', what: '10 finished spans of the outbox' }] });
    expect(outbox.stats().spans).toBe(20);
  });

  it('keeps its spans when the checkpoint is lost, and numbers later ones above all known numbers', async () => {
    let outbox = await reopen();
    await current?.journal.append([{ type: 'job_lifecycle', eventId: '', session: 's', jobId: '01000000', transitions: [] }], 1);
    await outbox.add(chunk(0, 10));
    outbox.noteDelivered('otlp', 17);
    await save(10);
    await current?.journal.close();
    current = undefined;
    await flip('m/checkpoint', 0);
    outbox = await reopen();
    expect([outbox.restored.spans, (await allFrom(outbox)).length]).toEqual([17, 1]);
    expect((current as OpenJournal | undefined)?.journal.durable.isDamaged()).toBe(true);
  });

  it('starts without the numbers when they are damaged', async () => {
    let outbox = await reopen();
    outbox.noteDelivered('otlp', 17);
    await save(20);
    await current?.journal.close();
    current = undefined;
    await flip('m/delivered', 0);
    outbox = await reopen();
    expect([outbox.delivered('otlp'), outbox.restored.spans]).toEqual([undefined, 20]);
  });
});

/** Flips a bit of the content of the nth value whose key begins with `prefix`. */
async function flip(prefix: string, index: number): Promise<void> {
  const level = new ClassicLevel<Buffer, Buffer>(folder, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  const keys = (await level.keys().all()).filter((key) => key.toString('latin1').startsWith(prefix));
  const key = keys[index];
  const value = key === undefined ? undefined : await level.get(key);
  if (key === undefined || value === undefined) throw new Error(`no value ${index} of ${prefix}`);
  value[value.length - 1] = (value.at(-1) ?? 0) ^ 1;
  await level.put(key, value);
  await level.close();
}
