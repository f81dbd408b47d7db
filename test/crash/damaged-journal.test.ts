import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RayEvent } from '../../src/event/index.ts';
import { type Durable, type Journal, openDiskJournal } from '../../src/journal/index.ts';
import { event } from '../journal/journal-contract.ts';
import { filesBelow } from './machine.ts';
import { createRandom } from './random.ts';
import { flipByte } from './storage-faults.ts';

// One byte, anywhere in the files of a journal: a journal that still opens, reads the rest as it
// was written, reports what it lost, takes more, and gives storage back.

const flips = 60;
const batchEvents = 20;
const batches = 120;
const maxWaits = 500;

let root: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'ray-otel-bridge-damage-'));
  await writeJournal(join(root, 'plain'), false);
  await writeJournal(join(root, 'checkpoint'), true);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('a flipped byte anywhere in a journal', () => {
  it.each(['plain', 'checkpoint'])('loses no other entry: %s', async (source) => {
    const random = createRandom(1);
    const problems: string[] = [];
    for (let flip = 0; flip < flips; flip += 1) {
      const folder = join(root, `${source}-${flip}`);
      cpSync(join(root, source), folder, { recursive: true });
      // LOG is text for people.
      const file = random.pick(filesBelow(folder).filter(({ name, bytes }) => bytes > 0 && !name.startsWith('LOG')));
      const at = random.below(file.bytes);
      flipByte(join(folder, file.name), at);
      const problem = await whatIsWrong(folder).catch((error: unknown) => `throws ${String(error)}`);
      if (problem !== undefined) problems.push(`${file.name}, byte ${at} of ${file.bytes}: ${problem}`);
      rmSync(folder, { recursive: true });
    }
    expect(problems).toEqual([]);
  });
});

/** Undefined when all is as it must be. */
async function whatIsWrong(folder: string): Promise<string | undefined> {
  let damages = 0;
  const opened = await open(folder, () => {
    damages += 1;
  });
  if (!opened.ok) return `is not opened: ${opened.code} ${opened.message}`;
  const { journal } = opened;
  try {
    let records = 0;
    for await (const portion of journal.durable.readCheckpoint(new AbortController().signal)) records += portion.length;
    const first = journal.stats().releasedCursor;
    let cursor = first;
    let found = 0;
    while (cursor < journal.stats().endCursor) {
      const { from, entries } = await journal.read(cursor, 500);
      for (const [index, entry] of entries.entries()) {
        if (text(entry.event) !== text(wantedEvent(from + index))) return `entry ${from + index} is not what was written`;
      }
      found += entries.length;
      cursor = from + entries.length;
      if (entries.length === 0) break;
    }
    const isWhole = first === 0 ? found === batches * batchEvents : found + first === batches * batchEvents && records === 1000;
    if (!isWhole && damages === 0) return `lost something (${found} entries from ${first} on, ${records} records), and reported nothing`;
    const appended = await journal.append([wantedEvent(0)], 100);
    if (!appended.ok) return `takes nothing more: ${appended.message}`;
    journal.release(journal.stats().endCursor);
    const saved = await saveOrRecover(journal);
    if (saved !== undefined) return saved;
  } finally {
    await journal.close();
  }
  // And it is well from then on.
  const again = await open(folder, () => {});
  if (!again.ok) return `is not opened again: ${again.code} ${again.message}`;
  await again.journal.close();
  return undefined;
}

/**
 * A checkpoint that meets the damage may fail once, after which the journal puts its files in order
 * and takes more.
 */
async function saveOrRecover(journal: Journal & { readonly durable: Durable }): Promise<string | undefined> {
  const cursor = journal.stats().endCursor;
  const checkpoint = { cursor, position: { spans: 0, outputs: 0 }, options: {}, records: [['state']], pause: async () => {} };
  if ((await journal.durable.saveCheckpoint(checkpoint)).ok) return undefined;
  for (let wait = 0; wait < maxWaits; wait += 1) {
    const appended = await journal.append([wantedEvent(0)], 100);
    if (appended.ok) {
      const again = await journal.durable.saveCheckpoint(checkpoint);
      return again.ok ? undefined : `makes no checkpoint: ${again.message}`;
    }
    await setTimeout(10);
  }
  return 'takes nothing more after a checkpoint failed';
}

/** As a kill would leave it: in a table, in another, and in a log. */
async function writeJournal(folder: string, hasCheckpoint: boolean): Promise<void> {
  const place = join(root, 'writing');
  mkdirSync(place);
  for (let part = 0; part < 3; part += 1) {
    const opened = await open(place, () => {});
    if (!opened.ok) throw new Error(opened.message);
    const { journal } = opened;
    for (let batch = (part * batches) / 3; batch < ((part + 1) * batches) / 3; batch += 1) {
      const events = Array.from({ length: batchEvents }, (_, index) => wantedEvent(batch * batchEvents + index));
      await journal.append(events, 1000);
    }
    if (hasCheckpoint && part === 1) {
      journal.release(batchEvents * 10);
      const records = Array.from({ length: 1000 }, (_, index) => ['record', index, 'x'.repeat(50)]);
      await journal.durable.saveCheckpoint({
        cursor: batchEvents * 10,
        position: { spans: 0, outputs: 0 },
        options: { a: 1 },
        records,
        pause: async () => {},
      });
    }
    journal.durable.outbox.noteDelivered('otlp', part);
    void journal.durable.outbox.add({ first: 10 * part, count: 10, atMs: 0, bytes: Buffer.alloc(200, part) });
    if (part === 2) cpSync(place, folder, { recursive: true });
    await journal.close();
  }
  rmSync(place, { recursive: true });
}

async function open(folder: string, onDamage: () => void): ReturnType<typeof openDiskJournal> {
  return await openDiskJournal({
    folder,
    sync: 'always',
    syncIntervalMs: 1000,
    now: () => 0,
    epochMs: () => 1_795_000_000_000,
    sleep: (_, signal) => setTimeout(10, undefined, { signal }).catch(() => undefined),
    onEvent: ({ name }) => {
      if (name === 'journal_damaged') onDamage();
    },
  });
}

/** Each with bytes of its own, so that compression does not make the tables small. */
function wantedEvent(number: number): RayEvent {
  return { ...event(number), session: `session_${createRandom(number).next()}` };
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part));
}
