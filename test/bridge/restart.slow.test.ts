import { copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { otlpJsonLines } from '../../src/export/index.ts';
import type { DiskJournalLimits } from '../../src/journal/index.ts';
import { newFolder, openJournal, removeFolder } from '../journal/disk-journal-fixture.ts';
import { createTestBridge, HOURS_MS, inSession, postTo, recordedBodies, spanKey, type TestBridge, until } from './bridge-fixture.ts';

// A bridge ends at any moment, and another one continues with what is on disk: the backend has each
// span once, and the same as if nothing had happened.

let folder: string;
const running = new Set<TestBridge>();

beforeEach(async () => {
  folder = await newFolder();
});

afterEach(async () => {
  const bridges = [...running];
  running.clear();
  for (const { bridge } of bridges) await bridge.stop({ timeoutMs: 0 });
  await removeFolder(folder);
});

const SETTINGS = { settleMs: 2_000, orphanTimeoutMs: HOURS_MS };

interface Place {
  readonly name: string;
  readonly limits?: Partial<DiskJournalLimits>;
  readonly settings?: Parameters<typeof createTestBridge>[0];
}

async function start({ name, limits = {}, settings = {} }: Place): Promise<TestBridge & { readonly checkpoints: () => number }> {
  let aheadMs = 0;
  // Time passes only when the test says so: a busy machine must not close anything.
  const now = (): number => aheadMs;
  const { journal, events } = await openJournal(join(folder, name), { now, limits: { checkpointBytes: 20_000, ...limits } });
  const test = createTestBridge({ journal, ...settings, settings: { ...SETTINGS, ...settings.settings } });
  running.add(test);
  await test.bridge.start();
  return {
    ...test,
    pass: (ms) => {
      aheadMs += ms;
    },
    checkpoints: () => events.filter((reported) => reported.name === 'journal_checkpoint').length,
  };
}

/** The files as the end of the process would leave them at this moment. */
async function endOfProcess(from: string, to: string): Promise<void> {
  await mkdir(join(folder, to));
  for (const file of await readdir(join(folder, from))) {
    const path = join(folder, from, file);
    if ((await stat(path)).isFile() && file !== 'LOCK') await copyFile(path, join(folder, to, file)).catch(() => undefined);
  }
}

async function finish({ bridge, pass }: TestBridge): Promise<void> {
  // Before the state of a former process is restored, nothing seems to be open.
  while (/restoring the state/.test(await (await bridge.app.request('/readyz')).text())) await delay(5);
  await until(() => bridge.stats().journal.entries === 0);
  pass(3 * HOURS_MS);
  await until(() => bridge.stats().correlator.openAttempts + bridge.stats().correlator.openJobs === 0);
  // The session itself ends after all that is in it.
  await new Promise((resolve) => {
    setTimeout(resolve, 600);
  });
  await until(() => bridge.stats().exported.queuedSpans === 0);
}

function textOf(span: ReadableSpan): string {
  return [...otlpJsonLines([span])].join('');
}

function byKey(spans: readonly ReadableSpan[]): ReadonlyMap<string, string> {
  return new Map(spans.map((span) => [spanKey(span), textOf(span)]));
}

async function undisturbed(bodies: readonly string[], settings: Place['settings'] = {}): Promise<ReadonlyMap<string, string>> {
  const test = await start({ name: 'undisturbed', settings });
  for (const body of bodies) expect((await postTo(test.bridge.app, body)).status).toBe(200);
  await finish(test);
  return byKey(test.backend.spans);
}

describe.each(['features-ray-2.60.0.ndjson', 'node-death-three-jobs-ray-2.60.0.ndjson'])('%s', (recording) => {
  const bodies = recordedBodies(recording);

  it.each([1, Math.floor(bodies.length / 3), Math.floor(bodies.length / 2), bodies.length])(
    'continues after the process ended at post %i',
    async (cut) => {
      const expected = await undisturbed(bodies);
      const first = await start({ name: 'first' });
      for (const body of bodies.slice(0, cut)) await postTo(first.bridge.app, body);
      if (cut % 2 === 0) first.pass(2_500);
      await new Promise((resolve) => {
        setTimeout(resolve, 600);
      });
      await until(() => first.bridge.stats().exported.queuedSpans === 0);
      const delivered = [...first.backend.spans];
      await new Promise((resolve) => {
        setTimeout(resolve, 300);
      });
      await endOfProcess('first', 'second');
      const second = await start({ name: 'second' });
      for (const body of bodies.slice(cut)) await postTo(second.bridge.app, body);
      await finish(second);
      const again = second.backend.spans.filter((span) => byKey(delivered).has(spanKey(span)));
      expect(again).toEqual([]);
      expect(byKey([...delivered, ...second.backend.spans])).toEqual(expected);
      expect(second.backend.spans.length).toBe(byKey(second.backend.spans).size);
    },
  );
});

it('a bridge that is stopped and started again sends nothing twice and continues open work', async () => {
  const bodies = recordedBodies('features-ray-2.60.0.ndjson');
  const expected = await undisturbed(bodies);
  const spans: ReadableSpan[] = [];
  for (const body of bodies) {
    const test = await start({ name: 'same' });
    await postTo(test.bridge.app, body);
    const outcome = await test.bridge.stop();
    expect(outcome).toMatchObject({ isKept: true, undelivered: 0, unreadEvents: 0 });
    running.delete(test);
    spans.push(...test.backend.spans);
  }
  const last = await start({ name: 'same' });
  await finish(last);
  spans.push(...last.backend.spans);
  expect(spans.length).toBe(byKey(spans).size);
  expect(byKey(spans)).toEqual(expected);
});

it('a bridge that stops while its backend is away leaves the spans that were not delivered to the next start', async () => {
  const bodies = recordedBodies('features-ray-2.60.0.ndjson');
  const expected = await undisturbed(bodies);
  const first = await start({ name: 'same' });
  first.backend.answer = 'is away';
  for (const body of bodies) await postTo(first.bridge.app, body);
  await until(() => first.bridge.stats().journal.entries === 0);
  first.pass(3 * HOURS_MS);
  // Every span waits, so that nothing but the spans keeps the bridge from writing its state down.
  await until(() => first.bridge.stats().exported.queuedSpans === expected.size);
  const outcome = await first.bridge.stop({ timeoutMs: 0 });
  running.delete(first);
  expect(outcome).toMatchObject({ isKept: true, undelivered: expected.size, unreadEvents: 0 });
  const second = await start({ name: 'same' });
  await finish(second);
  expect(first.backend.spans).toEqual([]);
  expect(byKey(second.backend.spans)).toEqual(expected);
});

it('a repeated batch, half of one, and the whole stream a day later are recognized as duplicates or new', async () => {
  const bodies = recordedBodies('features-ray-2.60.0.ndjson');
  const first = await start({ name: 'first' });
  for (const body of bodies) {
    await postTo(first.bridge.app, body);
    const half = JSON.stringify((JSON.parse(body) as unknown[]).filter((_, index) => index % 2 === 0));
    expect((await postTo(first.bridge.app, half)).answer.accepted).toBe(0);
  }
  await finish(first);
  const once = byKey(first.backend.spans);
  expect(first.backend.spans.length).toBe(once.size);
  await first.bridge.stop();
  running.delete(first);
  const nextDay = await start({ name: 'first' });
  nextDay.pass(20 * HOURS_MS);
  for (const body of bodies) expect((await postTo(nextDay.bridge.app, body)).status).toBe(200);
  await finish(nextDay);
  expect(nextDay.backend.spans).toEqual([]);
});

it('downtime of the bridge closes no attempt', async () => {
  const [body = ''] = recordedBodies('mix-ray-2.58.1.ndjson');
  const first = await start({ name: 'first' });
  await postTo(first.bridge.app, inSession(body, 'session_away'));
  await until(() => first.bridge.stats().journal.entries === 0);
  await first.bridge.stop();
  running.delete(first);
  // The system's clock went on for a day; the journal's did not.
  const second = await start({ name: 'first' });
  await until(() => second.bridge.stats().journal.entries === 0);
  second.pass(HOURS_MS / 2);
  await new Promise((resolve) => {
    setTimeout(resolve, 600);
  });
  expect(second.backend.spans.filter(({ attributes }) => attributes['ray.end_inferred'] === 'silence')).toEqual([]);
});

it('a bridge answers while it restores its state, and reports the progress', async () => {
  const bodies = recordedBodies('features-ray-2.60.0.ndjson');
  const first = await start({ name: 'first', limits: { checkpointBytes: 1e9, idleCheckpointBytes: 1e9 } });
  // The checkpoint of an empty state, which every first start writes: no event is in it.
  await until(() => first.checkpoints() === 1);
  for (const body of bodies) await postTo(first.bridge.app, body);
  await endOfProcess('first', 'second');
  const { journal } = await openJournal(join(folder, 'second'), {});
  let letGo = (): void => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const slow = Object.assign(Object.create(journal) as typeof journal, {
    durable: journal.durable,
    read: async (cursor: number, limit: number) => {
      if (cursor > 100) await held;
      return await journal.read(cursor, Math.min(limit, 50));
    },
    stats: () => journal.stats(),
    append: (...args: Parameters<typeof journal.append>) => journal.append(...args),
    release: (cursor: number) => journal.release(cursor),
    advanceWatermark: () => journal.advanceWatermark(),
    nowMs: () => journal.nowMs(),
    waitForEntries: (...args: Parameters<typeof journal.waitForEntries>) => journal.waitForEntries(...args),
    close: () => journal.close(),
  });
  const test = createTestBridge({ journal: slow, settings: SETTINGS });
  running.add(test);
  await test.bridge.start();
  await until(() => test.bridge.stats().journal.releasedCursor > 100);
  expect((await test.bridge.app.request('/healthz')).status).toBe(200);
  const answer = await test.bridge.app.request('/readyz');
  expect(answer.status).toBe(503);
  expect(await answer.json()).toMatchObject({
    status: 'not ready',
    reason: expect.stringMatching(/restoring.* 1\d\d of 201 later events/),
  });
  expect((await postTo(test.bridge.app, inSession(bodies[0] ?? '', 'session_meanwhile'))).status).toBe(200);
  letGo();
  await until(() => test.bridge.stats().journal.entries === 0);
  expect((await test.bridge.app.request('/readyz')).status).toBe(200);
});

it('a restart replays entries with the settings of the checkpoint, and continues with the current ones', async () => {
  const bodies = recordedBodies('features-ray-2.60.0.ndjson');
  const first = await start({
    name: 'first',
    limits: { checkpointBytes: 1e9, idleCheckpointBytes: 1e9 },
    settings: { settings: { settleMs: 500 } },
  });
  await until(() => first.checkpoints() === 1);
  for (const body of bodies.slice(0, 10)) await postTo(first.bridge.app, body);
  first.pass(600);
  await until(() => first.backend.spans.length > 0 && first.bridge.stats().exported.queuedSpans === 0);
  await new Promise((resolve) => {
    setTimeout(resolve, 300);
  });
  await endOfProcess('first', 'second');
  const sent = new Set(first.backend.spans.map(spanKey));
  const second = await start({ name: 'second', settings: { settings: { settleMs: 60_000 } } });
  await until(() => second.checkpoints() === 1);
  for (const body of bodies.slice(10)) await postTo(second.bridge.app, body);
  await finish(second);
  expect(second.backend.spans.filter((span) => sent.has(spanKey(span)))).toEqual([]);
});

it.each(['takes', 'is away'] as const)(
  'a job that finished is logged once, also when the process is killed afterwards and its journal has no checkpoint of it: the backend %s',
  async (answer) => {
    const bodies = recordedBodies('node-death-three-jobs-ray-2.60.0.ndjson');
    const limits = { checkpointBytes: 1e9, idleMs: 1e12 };
    const logged = ({ lines }: TestBridge): readonly unknown[] =>
      lines.filter(({ event }) => event === 'job_finished').map(({ jobId, session }) => [session, jobId]);
    const first = await start({ name: 'first', limits });
    first.backend.answer = answer;
    for (const body of bodies) await postTo(first.bridge.app, body);
    await until(() => first.bridge.stats().journal.entries === 0);
    first.pass(60_000);
    await until(() => logged(first).length === 3);
    const before = logged(first);
    // The one of the empty state.
    expect(first.checkpoints()).toBe(1);
    await new Promise((resolve) => {
      setTimeout(resolve, 600);
    });
    await endOfProcess('first', 'second');
    const second = await start({ name: 'second', limits });
    await until(() => second.bridge.stats().correlator.openJobs === first.bridge.stats().correlator.openJobs);
    await finish(second);
    await until(() => new Set([...before, ...logged(second)].map((each) => JSON.stringify(each))).size === 3);
    const all = [...before, ...logged(second)].map((each) => JSON.stringify(each));
    expect(all.length).toBe(new Set(all).size);
    expect(new Set(all).size).toBe(3);
  },
);

it('posts, /readyz and the page answer 503 with the reason while the folder of the journal is missing', async () => {
  const sleep = (_: number, signal: AbortSignal): Promise<void> => delay(5, undefined, { signal }).catch(() => undefined);
  const { journal } = await openJournal(join(folder, 'gone'), { sleep });
  const { bridge } = createTestBridge({ journal, settings: { ...SETTINGS, view: 'on' } });
  await bridge.start();
  const [body = ''] = recordedBodies('features-ray-2.60.0.ndjson');
  try {
    expect((await postTo(bridge.app, body)).status).toBe(200);
    await expect.poll(async () => (await bridge.app.request('/readyz')).status).toBe(200);
    await rename(join(folder, 'gone'), join(folder, 'aside'));
    await until(() => /was removed/.test(bridge.stats().journal.unwritable ?? ''));
    const refused = await postTo(bridge.app, body);
    expect(refused).toMatchObject({ status: 503, answer: { error: { code: 'journal_unavailable' } } });
    const ready = await bridge.app.request('/readyz');
    expect([ready.status, await ready.json()]).toMatchObject([503, { reason: expect.stringMatching(/cannot be written: .* was removed/) }]);
    const status = (await (await bridge.app.request('/api/v1/status')).json()) as { health: { reason?: string } };
    expect(status.health.reason).toMatch(/was removed: put it back/);
    await rename(join(folder, 'aside'), join(folder, 'gone'));
    await until(() => bridge.stats().journal.unwritable === undefined);
    expect((await postTo(bridge.app, inSession(body, 'session_other'))).status).toBe(200);
    await expect.poll(async () => (await bridge.app.request('/readyz')).status).toBe(200);
    await rm(join(folder, 'gone'), { recursive: true });
    await until(() => bridge.stats().journal.unwritable !== undefined);
    expect(await bridge.stop()).toMatchObject({ isKept: false });
  } finally {
    await bridge.stop({ timeoutMs: 0 });
  }
});
