import { access, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import { createMemoryJournal, type Journal } from '../../src/journal/index.ts';
import { readAll } from '../quarantine/quarantine-fixture.ts';
import { rawEvent } from '../receiver/receiver-fixture.ts';
import { createTestBridge, HOURS_MS, postTo, recordedBodies, type TestBridge, until } from './bridge-fixture.ts';

const folderOf = (): Promise<string> => mkdtemp(join(tmpdir(), 'data-'));

async function metricsOf({ bridge }: TestBridge): Promise<string> {
  return await (await bridge.app.request('/metrics')).text();
}

describe('a bridge with a data folder', () => {
  it('keeps rejected events without secrets, and only the shape of unknown events', async () => {
    const dataDir = await folderOf();
    const test = createTestBridge({ settings: { dataDir } });
    const secret = { serializedRuntimeEnv: '{"env_vars":{"TOKEN":"hunter2"}}' };
    const bad = [rawEvent(1, { sessionName: '' }), 'hunter', rawEvent(2, { eventType: 'TOMORROW', new: secret, list: ['é"\\'] })];
    const body = JSON.stringify([rawEvent(3), ...bad, rawEvent(4)], undefined, 1);
    expect(await postTo(test.bridge.app, body)).toMatchObject({ status: 200, answer: { accepted: 2, rejected: 3 } });
    await until(() => test.bridge.stats().quarantineQueued === 0);
    const { entries } = await readAll(join(dataDir, 'quarantine'));
    expect(entries).toMatchObject([
      { code: 'event_session_invalid', event: rawEvent(1, { sessionName: '[string]' }) },
      { code: 'event_not_object', event: '[string]' },
      { code: 'event_type_unknown', reason: 'The event type TOMORROW is not known.', event: { eventType: 'TOMORROW', list: ['[string]'] } },
    ]);
    expect(await readFile(join(dataDir, 'quarantine/events-1.ndjson'), 'utf8')).not.toContain('hunter2');
    expect(await metricsOf(test)).toContain('ray_otel_bridge_quarantine_entries_written_total{kind="event"} 3');
    await test.bridge.stop();
  });

  it('keeps nothing of a batch that was not answered 200, because Ray repeats it', async () => {
    const dataDir = await folderOf();
    const full: Journal = {
      ...createMemoryJournal(),
      append: () => Promise.resolve({ ok: false, code: 'journal_full', message: 'full', retryAfterMs: 1 }),
    };
    const test = createTestBridge({ settings: { dataDir }, journal: full });
    const bad = JSON.stringify(['hunter', rawEvent(1)]);
    expect((await postTo(test.bridge.app, `${bad.slice(0, -1)},{`)).status).toBe(400);
    expect((await postTo(test.bridge.app, bad)).status).toBe(503);
    await test.bridge.stop();
    expect((await readAll(join(dataDir, 'quarantine'))).entries).toEqual([]);
  });

  it('keeps the spans that a backend refuses, also those refused during shutdown', async () => {
    const dataDir = await folderOf();
    const refusedIds: string[] = [];
    // Half of all spans, at random but always the same ones: the rest is the proof that the backend
    // works.
    const isOdd = (span: ReadableSpan): boolean => /[0-7]$/.test(span.spanContext().spanId);
    const exporter: SpanExporter = {
      export: (spans, done) =>
        spans.some(isOdd)
          ? done({ code: ExportResultCode.FAILED, error: Object.assign(new Error('too odd'), { code: 400 }) })
          : done({ code: ExportResultCode.SUCCESS }),
      shutdown: () => Promise.resolve(),
    };
    const test = createTestBridge({ settings: { dataDir }, exporter, onRefused: (span) => refusedIds.push(span.spanContext().spanId) });
    await test.bridge.start();
    for (const body of recordedBodies('mix-ray-2.56.1.ndjson')) await postTo(test.bridge.app, body);
    await until(() => test.bridge.stats().journal.entries === 0);
    test.pass(8 * 24 * HOURS_MS);
    await until(() => test.bridge.stats().correlator.sessions === 0);
    await test.bridge.stop();
    const { refused, queuedSpans } = test.bridge.stats().exported;
    const { entries } = await readAll(join(dataDir, 'quarantine'));
    expect(queuedSpans).toBe(0);
    expect(refused).toBeGreaterThan(20);
    expect(entries.map((entry) => entry.kind === 'span' && entry.spanId)).toEqual(refusedIds);
    expect(refusedIds).toHaveLength(refused);
    expect(entries[0]).toMatchObject({ exporter: 'custom', reason: expect.stringContaining('too odd') });
  });

  it('answers as usual when the folder is not writable, and logs it once', async () => {
    const dataDir = join(await folderOf(), 'file');
    await writeFile(dataDir, '');
    const test = createTestBridge({ settings: { dataDir } });
    await test.bridge.start();
    for (let index = 0; index < 20; index += 1)
      expect((await postTo(test.bridge.app, JSON.stringify(['x', rawEvent(index)]))).answer).toMatchObject({ accepted: 1, rejected: 1 });
    await until(() => test.lines.some(({ event }) => event === 'quarantine_unwritable'));
    await test.bridge.stop();
    expect(test.lines.filter(({ event }) => event === 'quarantine_unwritable')).toMatchObject([
      { level: 'error', folder: expect.any(String) },
    ]);
    expect(await metricsOf(test)).toContain('ray_otel_bridge_quarantine_entries_dropped_total{reason="write_failed"} 20');
  });
});

describe('a bridge without a data folder', () => {
  it('keeps no rejected events', async () => {
    const test = createTestBridge();
    await postTo(test.bridge.app, JSON.stringify(['x']));
    expect(test.bridge.stats().quarantineQueued).toBe(0);
    await test.bridge.stop();
    await expect(access('quarantine')).rejects.toThrow('ENOENT');
  });
});
