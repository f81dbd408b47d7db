import { ExportResultCode } from '@opentelemetry/core';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import { newFolder, openJournal, removeFolder } from '../journal/disk-journal-fixture.ts';
import { createTestBridge, HOURS_MS, postTo, recordedBodies, spanKey, type TestBridge, until } from './bridge-fixture.ts';

/** A backend that refuses every span while `isWrong`. */
type PickyBackend = SpanExporter & { isWrong: boolean; spans: number; readonly keys: Set<string> };

function createPickyBackend(): PickyBackend {
  const backend = {
    isWrong: true,
    spans: 0,
    keys: new Set<string>(),
    export: (spans, done) => {
      if (backend.isWrong) {
        done({ code: ExportResultCode.FAILED, error: Object.assign(new Error('wrong tenant'), { code: 400 }) });
        return;
      }
      backend.spans += spans.length;
      for (const span of spans) backend.keys.add(spanKey(span));
      done({ code: ExportResultCode.SUCCESS });
    },
    shutdown: () => Promise.resolve(),
  } satisfies PickyBackend;
  return backend;
}

async function finish(test: TestBridge, recording: string): Promise<void> {
  for (const body of recordedBodies(recording)) expect((await postTo(test.bridge.app, body)).status).toBe(200);
  await until(() => test.bridge.stats().journal.entries === 0);
  test.pass(8 * 24 * HOURS_MS);
}

async function ready({ bridge }: TestBridge): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await bridge.app.request('/readyz');
  return { status: response.status, body: await response.json() };
}

const isMisconfigured = (test: TestBridge): boolean => test.bridge.stats().exported.workers[0]?.problem !== undefined;

describe('a bridge whose backend refuses everything', () => {
  it('is not ready while the backend has accepted nothing, names the mistake, loses no span, and accepts events', async () => {
    const exporter = createPickyBackend();
    const test = createTestBridge({ exporter });
    await test.bridge.start();
    expect(await ready(test)).toEqual({ status: 200, body: { status: 'ready' } });
    await finish(test, 'mix-ray-2.56.1.ndjson');
    await until(() => isMisconfigured(test) && test.bridge.stats().exported.queuedSpans > 30);
    const { status, body } = await ready(test);
    expect(status).toBe(503);
    expect(body).toEqual({
      status: 'not ready',
      reason: expect.stringMatching(
        /^the exporter custom is misconfigured, and its spans are kept: HTTP 400: wrong tenant; .*OTEL_EXPORTER_OTLP_ENDPOINT/,
      ),
    });
    const page = await (await test.bridge.app.request('/metrics')).text();
    expect(page).toContain('ray_otel_bridge_exporter_misconfigured{exporter="custom"} 1\n');
    expect(test.lines.find(({ event }) => event === 'export_misconfigured')).toMatchObject({
      reason: 'HTTP 400: wrong tenant',
      exporter: 'custom',
    });
    const [again = ''] = recordedBodies('mix-ray-2.56.1.ndjson');
    expect((await postTo(test.bridge.app, again)).status).toBe(200);
    expect(test.bridge.stats().exported.refused).toBe(0);

    const { queuedSpans } = test.bridge.stats().exported;
    exporter.isWrong = false;
    test.pass(60_000);
    await until(() => test.bridge.stats().exported.queuedSpans === 0);
    expect(await ready(test)).toEqual({ status: 200, body: { status: 'ready' } });
    expect(exporter.spans).toBeGreaterThanOrEqual(queuedSpans);
    await test.bridge.stop();
  });

  it('sends every span after a restart on the same disk with the right backend', async () => {
    const folder = await newFolder();
    const start = async (exporter: SpanExporter): Promise<TestBridge> => {
      let aheadMs = 0;
      const { journal } = await openJournal(folder, { now: () => aheadMs });
      const test = createTestBridge({ exporter, journal });
      await test.bridge.start();
      return { ...test, pass: (ms) => void (aheadMs += ms) };
    };
    const wrong = await start(createPickyBackend());
    for (const body of recordedBodies('mix-ray-2.56.1.ndjson')) expect((await postTo(wrong.bridge.app, body)).status).toBe(200);
    wrong.pass(8 * 24 * HOURS_MS);
    await until(() => isMisconfigured(wrong));
    await wrong.bridge.stop({ timeoutMs: 0 });

    const right = createPickyBackend();
    right.isWrong = false;
    const restarted = await start(right);
    // Before the state of the former process is restored, nothing seems to be open.
    while ((await ready(restarted)).status !== 200) await new Promise((resolve) => setTimeout(resolve, 5));
    restarted.pass(8 * 24 * HOURS_MS);
    const alone = createTestBridge();
    await alone.bridge.start();
    await finish(alone, 'mix-ray-2.56.1.ndjson');
    for (const { bridge } of [alone, restarted])
      await until(() => bridge.stats().correlator.openAttempts + bridge.stats().correlator.openJobs === 0);
    await until(() => alone.backend.spans.length > 0 && alone.bridge.stats().exported.queuedSpans === 0);
    await until(() => right.keys.size === new Set(alone.backend.spans.map(spanKey)).size);
    expect([...right.keys].toSorted()).toEqual([...new Set(alone.backend.spans.map(spanKey))].toSorted());
    expect(await ready(restarted)).toEqual({ status: 200, body: { status: 'ready' } });
    for (const { bridge } of [alone, restarted]) await bridge.stop();
    await removeFolder(folder);
  });

  it('stays ready, with a warning, when the backend accepted spans before', async () => {
    const exporter = createPickyBackend();
    exporter.isWrong = false;
    const test = createTestBridge({ exporter });
    await test.bridge.start();
    await finish(test, 'mix-ray-2.56.1.ndjson');
    await until(() => exporter.spans > 0 && test.bridge.stats().exported.queuedSpans === 0);
    exporter.isWrong = true;
    await finish(test, 'features-ray-2.60.0.ndjson');
    await until(() => isMisconfigured(test));
    expect(test.bridge.stats().exported.refused).toBe(100);
    expect(await ready(test)).toEqual({
      status: 200,
      body: { status: 'ready', warnings: [expect.stringMatching(/^the exporter custom is misconfigured.*refuses one span after another/)] },
    });
    await test.bridge.stop({ timeoutMs: 0 });
  });
});
