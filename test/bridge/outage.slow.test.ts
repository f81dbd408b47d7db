import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { copyFile, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { otlpJsonLines } from '../../src/export/index.ts';
import type { DiskJournalLimits } from '../../src/journal/index.ts';
import { newFolder, openJournal, removeFolder } from '../journal/disk-journal-fixture.ts';
import {
  createBackend,
  createTestBridge,
  HOURS_MS,
  inSession,
  postTo,
  recordedBodies,
  type TestBackend,
  type TestBridge,
  until,
} from './bridge-fixture.ts';

// Nothing waits for the backend: while it is away, events are processed, the page is current and
// checkpoints are written. Afterwards the backend receives every span once, the oldest first.

const BODIES = recordedBodies('features-ray-2.60.0.ndjson');
const SESSIONS = 8;

let folder: string;
const running = new Set<TestBridge>();

beforeEach(async () => {
  folder = await newFolder();
});

afterEach(async () => {
  for (const { bridge } of running) await bridge.stop({ timeoutMs: 0 });
  running.clear();
  await removeFolder(folder);
});

interface Started extends TestBridge {
  readonly names: () => string[];
}

interface Setup {
  readonly limits?: Partial<DiskJournalLimits>;
  readonly maxQueuedSpans?: number;
  readonly backends?: readonly TestBackend[];
}

async function start(name: string, { limits = {}, maxQueuedSpans = 20, backends = [] }: Setup = {}): Promise<Started> {
  let aheadMs = 0;
  const { journal, events } = await openJournal(join(folder, name), {
    now: () => aheadMs,
    limits: { checkpointBytes: 20_000, ...limits },
  });
  const test = createTestBridge({
    journal,
    settings: { settleMs: 2_000, orphanTimeoutMs: HOURS_MS, maxQueuedSpans, view: 'on' },
    exportLimits: { maxBatchSpans: 50 },
    ...(backends.length === 0 ? {} : { exporters: backends.map((exporter, index) => ({ name: `backend${index}`, exporter })) }),
  });
  running.add(test);
  await test.bridge.start();
  return {
    ...test,
    pass: (ms) => {
      aheadMs += ms;
    },
    names: () => events.map((event) => event.name),
  };
}

/** A cluster of its own for each session. */
async function postSessions({ bridge }: TestBridge, from: number, to: number): Promise<void> {
  for (let session = from; session < to; session += 1)
    for (const body of BODIES) expect((await postTo(bridge.app, inSession(body, `session_${session}`))).status).toBe(200);
}

async function processed({ bridge }: TestBridge): Promise<void> {
  await until(() => bridge.stats().journal.entries === 0);
}

async function closeAll(test: TestBridge): Promise<void> {
  await processed(test);
  test.pass(3 * HOURS_MS);
  const { bridge } = test;
  const open = (): number => {
    const { openAttempts, openJobs, openRecords } = bridge.stats().correlator;
    return openAttempts + openJobs + openRecords;
  };
  const made = (): number => bridge.stats().exported.queuedSpans + bridge.stats().exported.exported;
  await until(() => open() === 0);
  // The spans of the sessions come last.
  for (let before = -1; before < made(); ) {
    before = made();
    await new Promise((resolve) => {
      setTimeout(resolve, 1_000);
    });
  }
}

function texts(spans: readonly ReadableSpan[]): string[] {
  return spans.map((span) => [...otlpJsonLines([span])].join(''));
}

async function undisturbed(): Promise<string[]> {
  const test = await start('undisturbed', { maxQueuedSpans: 100_000 });
  await postSessions(test, 0, SESSIONS);
  await closeAll(test);
  await until(() => test.bridge.stats().exported.queuedSpans === 0);
  expect(test.names()).not.toContain('outbox_full');
  return texts(test.backend.spans);
}

/** The files as the end of the process would leave them at this moment. */
async function endOfProcess(from: string, to: string): Promise<void> {
  await mkdir(join(folder, to));
  for (const file of await readdir(join(folder, from))) {
    const path = join(folder, from, file);
    // A file may go between two looks.
    const isFile = await stat(path).then(
      (found) => found.isFile(),
      () => false,
    );
    if (isFile && file !== 'LOCK') await copyFile(path, join(folder, to, file)).catch(() => undefined);
  }
}

it('while the backend is away, events are processed, the page is current, and checkpoints are written', async () => {
  const expected = await undisturbed();
  const test = await start('same');
  test.backend.answer = 'is away';
  await postSessions(test, 0, SESSIONS);
  await closeAll(test);
  const { exported, outbox, journal } = test.bridge.stats();
  expect(exported.queuedSpans).toBe(expected.length);
  expect(exported.workers[0]?.queuedSpans).toBe(20);
  expect(outbox?.spans).toBeGreaterThan(expected.length - 20 - 512);
  expect(journal.entries).toBe(0);
  expect(test.names().filter((name) => name === 'journal_checkpoint').length).toBeGreaterThan(3);
  const jobs = (await (await test.bridge.app.request('/api/v1/jobs')).json()) as { readonly jobs: readonly unknown[] };
  expect(jobs.jobs.length).toBeGreaterThanOrEqual(SESSIONS);
  test.backend.answer = 'takes';
  await until(() => test.bridge.stats().exported.queuedSpans === 0);
  expect(texts(test.backend.spans)).toEqual(expected);
  expect(test.bridge.stats().outbox).toMatchObject({ spans: 0, bytes: 0 });
});

it('a bridge that ends several times during an outage sends every span once, in order', async () => {
  const expected = await undisturbed();
  let name = 'first';
  const delivered: ReadableSpan[] = [];
  for (let part = 0; part < SESSIONS; part += 1) {
    const test = await start(name);
    // Now and then the backend accepts a request.
    test.backend.answer = part % 3 === 2 ? 'takes' : 'is away';
    await postSessions(test, part, part + 1);
    await processed(test);
    test.pass(1_000);
    await new Promise((resolve) => {
      setTimeout(resolve, 300);
    });
    test.backend.answer = 'is away';
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
    const next = `after ${part}`;
    await endOfProcess(name, next);
    delivered.push(...test.backend.spans);
    name = next;
  }
  const last = await start(name);
  await closeAll(last);
  await until(() => last.bridge.stats().exported.queuedSpans === 0);
  delivered.push(...last.backend.spans);
  expect(texts(delivered).length).toBe(expected.length);
  expect(new Set(texts(delivered))).toEqual(new Set(expected));
});

it('a restart after a long outage replays only what came after the last checkpoint', async () => {
  const first = await start('first');
  first.backend.answer = 'is away';
  await postSessions(first, 0, SESSIONS);
  await processed(first);
  await until(() => first.names().includes('journal_checkpoint'));
  await endOfProcess('first', 'second');
  const second = await start('second');
  const line = (): (typeof second.lines)[number] | undefined => second.lines.find(({ event }) => event === 'rebuilt');
  await until(() => line() !== undefined);
  const events = BODIES.reduce((sum, body) => sum + (JSON.parse(body) as unknown[]).length, 0) * SESSIONS;
  expect(line()?.['ofEvents']).toBeLessThan(events / 4);
});

it('an exporter whose backend is away does not delay another one, over restarts too', async () => {
  const expected = await undisturbed();
  const [away, works] = [createBackend(), createBackend()];
  away.answer = 'is away';
  const first = await start('first', { backends: [away, works] });
  await postSessions(first, 0, SESSIONS / 2);
  await processed(first);
  await first.bridge.stop({ timeoutMs: 200 });
  running.delete(first);
  const second = await start('first', { backends: [away, works] });
  await postSessions(second, SESSIONS / 2, SESSIONS);
  await closeAll(second);
  await until(() => works.spans.length === expected.length);
  expect([away.spans.length, new Set(texts(works.spans)).size]).toEqual([0, expected.length]);
  away.answer = 'takes';
  await until(() => second.bridge.stats().exported.queuedSpans === 0);
  expect(texts(away.spans)).toEqual(texts(works.spans));
});

it('a full outbox stops the pump, and the page, the health and the log say why, until the backend is back', async () => {
  const expected = await undisturbed();
  const test = await start('first', { limits: { maxOutboxBytes: 100_000, maxUnwrittenBytes: 10_000 } });
  test.backend.answer = 'is away';
  await postSessions(test, 0, SESSIONS);
  test.pass(3 * HOURS_MS);
  await until(() => test.names().includes('outbox_full'));
  expect(test.bridge.stats().outbox?.bytes).toBeLessThan(100_000 + 600_000);
  const health = JSON.stringify(await (await test.bridge.app.request('/api/v1/status')).json());
  expect(health).toContain('the outbox is full, so events wait in the journal');
  test.backend.answer = 'takes';
  await closeAll(test);
  await until(() => test.bridge.stats().exported.queuedSpans === 0);
  expect(new Set(texts(test.backend.spans)).size).toBe(expected.length);
  expect(test.backend.spans.length).toBe(expected.length);
  await until(() => test.names().includes('outbox_has_room'));
});
