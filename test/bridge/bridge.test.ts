import { setTimeout as sleep } from 'node:timers/promises';
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { createBridge } from '../../src/bridge/bridge.ts';
import { METRICS } from '../../src/telemetry/metrics.ts';
import { jobSpanId, jobTraceId } from '../../src/span/index.ts';
import { createTelemetry } from '../../src/telemetry/telemetry.ts';
import {
  createBackend,
  createTestBridge,
  HOURS_MS,
  inSession,
  postTo,
  recordedBodies,
  spanKey,
  type TestBridge,
  until,
} from './bridge-fixture.ts';

const RECORDING = 'features-ray-2.60.0.ndjson';

async function postAll({ bridge }: TestBridge, bodies: readonly string[]): Promise<number> {
  let accepted = 0;
  for (const body of bodies) {
    const { status, answer } = await postTo(bridge.app, body);
    expect(status).toBe(200);
    expect(answer.rejected).toBe(0);
    accepted += answer.accepted;
  }
  return accepted;
}

/** Days pass after all events: whatever is open closes, and the sessions are forgotten. */
async function closeAll({ bridge, pass }: TestBridge): Promise<void> {
  await until(() => bridge.stats().journal.entries === 0);
  pass(8 * 24 * HOURS_MS);
  await until(() => bridge.stats().correlator.sessions === 0);
  await until(() => bridge.stats().exported.queuedSpans === 0);
}

describe('a bridge', () => {
  it('converts the posts of a real Ray to spans and sends each once', async () => {
    const test = createTestBridge();
    await test.bridge.start();
    const accepted = await postAll(test, recordedBodies(RECORDING));
    expect(accepted).toBe(201);
    await closeAll(test);
    await test.bridge.stop();
    const { spans } = test.backend;
    expect(new Set(spans.map(spanKey)).size).toBe(spans.length);
    expect(spans.filter(({ name }) => name.startsWith('job ')).length).toBe(1);
    expect(spans.length).toBe(test.bridge.stats().exported.exported);
    expect(test.lines.filter(({ event }) => event === 'internal_error')).toEqual([]);
  });

  it('makes the same spans from repeated and reordered events', async () => {
    // Longer than the test takes on any machine: what comes in another order must not come too
    // late.
    const settings = { settleMs: 600_000, orphanTimeoutMs: 900_000 };
    const once = createTestBridge({ settings });
    const twice = createTestBridge({ settings });
    await once.bridge.start();
    await twice.bridge.start();
    const bodies = recordedBodies(RECORDING);
    await postAll(once, bodies);
    await postAll(twice, [...bodies.toReversed(), ...bodies]);
    await closeAll(once);
    await closeAll(twice);
    expect(twice.backend.spans.map(spanKey).toSorted()).toEqual(once.backend.spans.map(spanKey).toSorted());
    await Promise.all([once.bridge.stop(), twice.bridge.stop()]);
  });

  it('works mounted in another app, and with events received before its start', async () => {
    const test = createTestBridge();
    const host = new Hono().route('/ray', test.bridge.app);
    expect((await host.request('/ray/readyz')).status).toBe(503);
    for (const body of recordedBodies(RECORDING)) expect((await postTo(host, body, '/ray')).status).toBe(200);
    expect(test.backend.calls).toBe(0);
    await test.bridge.start();
    await test.bridge.start();
    expect((await host.request('/ray/readyz')).status).toBe(200);
    await closeAll(test);
    expect(test.backend.spans.length).toBeGreaterThan(100);
    await test.bridge.stop();
  });

  it('logs a finished job with a link to its trace', async () => {
    const test = createTestBridge({ settings: { traceUrl: 'http://jaeger/{traceId}?uiFind={spanId}' } });
    await test.bridge.start();
    await postAll(test, recordedBodies('mix-ray-2.56.1.ndjson'));
    await closeAll(test);
    await test.bridge.stop();
    const lines = test.lines.filter(({ event }) => event === 'job_finished');
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      const [traceId = '', session = '', jobId = ''] = [line['traceId'], line['session'], line['jobId']].map(String);
      expect(line).toMatchObject({ level: 'info', traceUrl: `http://jaeger/${traceId}?uiFind=${jobSpanId(session, jobId)}` });
      expect(test.backend.spans.map((span) => span.spanContext().traceId)).toContain(line['traceId']);
    }
    expect(lines.map(({ traceId }) => traceId)).toContain(jobTraceId(String(lines[0]?.['session']), '01000000'));
  });

  it('reports in its metrics which backend it sends to, without path and credentials', async () => {
    const telemetry = createTelemetry({ logLevel: 'info', destination: { write: () => true } });
    const bridge = createBridge({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://user:SECRET@127.0.0.1:9/KEY' }, telemetry });
    await bridge.start();
    const page = await (await bridge.app.request('/metrics')).text();
    expect(page).toContain('ray_otel_bridge_exporter_endpoints{endpoint="http://127.0.0.1:9"} 1\n');
    expect(page).not.toMatch(/SECRET|KEY/);
    await bridge.stop();
  });

  it('drops complete traces that the sampler drops', async () => {
    const test = createTestBridge({ env: { OTEL_TRACES_SAMPLER: 'always_off' } });
    await test.bridge.start();
    await postAll(test, recordedBodies(RECORDING));
    await closeAll(test);
    expect(test.backend.spans).toEqual([]);
    const page = await (await test.bridge.app.request('/metrics')).text();
    expect(page).toMatch(/^ray_otel_bridge_spans_sampled_out_total [1-9]\d\d$/m);
    await test.bridge.stop();
  });

  it.each([
    ['is sent and counted once', {}, 1],
    ['is dropped with its trace by the sampler', { OTEL_TRACES_SAMPLER: 'always_off' }, 0],
  ])('exports an in-flight span of an open job %s', async (_, env, count) => {
    const test = createTestBridge({ env, settings: { inFlightAfterMs: 2_000 } });
    await test.bridge.start();
    const header = { eventId: 'e', sessionName: 'session_1', timestamp: '2026-11-25T10:00:00Z' };
    const driverJobLifecycleEvent = { jobId: 'AQAAAA==', stateTransitions: [{ state: 'CREATED', timestamp: '2026-11-25T10:00:00Z' }] };
    const definition = { ...header, eventType: 'DRIVER_JOB_DEFINITION_EVENT', driverJobDefinitionEvent: { jobId: 'AQAAAA==' } };
    const created = { ...header, eventId: 'f', eventType: 'DRIVER_JOB_LIFECYCLE_EVENT', driverJobLifecycleEvent };
    expect((await postTo(test.bridge.app, JSON.stringify([definition, created]))).answer.accepted).toBe(2);
    await until(() => test.bridge.stats().correlator.openJobs === 1);
    test.pass(2_000);
    let page = '';
    while (!page.includes('in_flight_marks_total{kind="job"} 1\n')) {
      await sleep(5);
      page = await (await test.bridge.app.request('/metrics')).text();
    }
    test.pass(60_000);
    await test.bridge.stop();
    expect(test.backend.spans.map(({ name }) => name)).toEqual(count === 0 ? [] : ['job 01000000 (in flight)']);
    expect(test.bridge.stats().correlator.openJobs).toBe(1);
  });

  it('serves all its metrics on one page', async () => {
    const test = createTestBridge();
    await test.bridge.start();
    await postAll(test, recordedBodies(RECORDING));
    await closeAll(test);
    const page = await (await test.bridge.app.request('/metrics')).text();
    for (const { name, type } of Object.values(METRICS)) expect(page).toContain(`# TYPE ${name} ${type}\n`);
    expect(page).toContain('ray_otel_bridge_events_accepted_total 201\n');
    expect(page).toContain(`ray_otel_bridge_spans_exported_total{exporter="custom"} ${test.backend.spans.length}\n`);
    expect(page).toContain('ray_otel_bridge_lifecycles_finished_total{kind="job"} 1\n');
    expect(page).toContain('ray_otel_bridge_jobs_ended_total{outcome="failed"} 1\n');
    expect(page).toContain('ray_otel_bridge_attempts_ended_total{outcome="cancelled"} 1\n');
    await test.bridge.stop();
  });

  it.each([
    [{ OTEL_TRACES_SAMPLER: 'sometimes' }, 'OTEL_TRACES_SAMPLER must be'],
    [{ OTEL_RESOURCE_ATTRIBUTES: 'a=1,b' }, 'OTEL_RESOURCE_ATTRIBUTES must be'],
    [{ OTEL_RESOURCE_ATTRIBUTES: 'a=%zz' }, 'OTEL_RESOURCE_ATTRIBUTES must be'],
    [{ OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '-3' }, 'OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT must be'],
  ])('is not created for %j', (env, problem) => {
    expect(() => createBridge({ exporter: createBackend(), env })).toThrow(problem);
  });

  it('reads the service and the resource from the variables', async () => {
    const test = createTestBridge({
      env: { OTEL_SERVICE_NAME: 'training', OTEL_RESOURCE_ATTRIBUTES: 'service.name=no,deployment.environment.name=a%2Cb=c' },
    });
    await test.bridge.start();
    await postAll(test, recordedBodies('mix-ray-2.56.1.ndjson'));
    await closeAll(test);
    await test.bridge.stop();
    for (const { resource } of test.backend.spans) {
      expect(resource.attributes).toMatchObject({ 'service.name': 'training', 'deployment.environment.name': 'a,b=c' });
    }
  });
});

describe('stopping a bridge', () => {
  it('converts accepted events to spans and delivers them', async () => {
    const test = createTestBridge();
    await test.bridge.start();
    await postAll(test, recordedBodies(RECORDING));
    test.pass(2 * HOURS_MS);
    expect(await test.bridge.stop()).toEqual({ undelivered: 0, unreadEvents: 0, isKept: false });
    expect(test.backend.spans.length).toBeGreaterThan(100);
    expect(test.backend.isShutDown).toBe(true);
  });

  it('closes no entity that is still open in Ray, and reports them', async () => {
    const test = createTestBridge();
    await test.bridge.start();
    const first = recordedBodies('mix-task-events-only-ray-2.60.0.ndjson').find((body) => body.includes('TASK_DEFINITION_EVENT'));
    await postAll(test, [first ?? '']);
    await until(() => test.bridge.stats().journal.entries === 0);
    const { openAttempts } = test.bridge.stats().correlator;
    expect(openAttempts).toBeGreaterThan(0);
    expect(await test.bridge.stop()).toEqual({ undelivered: 0, unreadEvents: 0, isKept: false });
    expect(test.backend.spans).toEqual([]);
    expect(test.lines.at(-1)).toMatchObject({ event: 'bridge_stopped', openAttempts });
  });

  it('makes it refuse posts and not ready', async () => {
    const test = createTestBridge();
    await test.bridge.start();
    const stopped = test.bridge.stop();
    const [body = ''] = recordedBodies(RECORDING);
    expect((await postTo(test.bridge.app, body)).status).toBe(503);
    expect((await test.bridge.app.request('/readyz')).status).toBe(503);
    expect((await test.bridge.app.request('/healthz')).status).toBe(200);
    await stopped;
    expect((await postTo(test.bridge.app, body)).status).toBe(503);
    expect(await test.bridge.stop()).toEqual(await stopped);
  });

  it.each(['is away', 'hangs'] as const)('ends in time when the backend %s, and counts the undelivered spans', async (answer) => {
    const test = createTestBridge({ settings: { maxQueuedSpans: 10 } });
    test.backend.answer = answer;
    await test.bridge.start();
    await postAll(test, recordedBodies(RECORDING));
    test.pass(2 * HOURS_MS);
    await until(() => test.bridge.stats().exported.queuedSpans >= 10);
    const { undelivered } = await test.bridge.stop({ timeoutMs: 50 });
    expect(undelivered).toBeGreaterThanOrEqual(10);
    expect(test.lines.at(-1)).toMatchObject({ level: 'error', event: 'bridge_stopped', undelivered });
    expect(test.bridge.stats().state).toBe('stopped');
  });

  it('that never started counts the unread events', async () => {
    const test = createTestBridge();
    const accepted = await postAll(test, recordedBodies(RECORDING));
    expect(await test.bridge.stop({ timeoutMs: 10 })).toEqual({ undelivered: 0, unreadEvents: accepted, isKept: false });
  });
});

describe('a backend that is down', () => {
  it('fills the queue, then the journal, then causes 503 for Ray, and no accepted event is lost', async () => {
    const maxQueuedSpans = 60;
    const maxJournalBytes = 300_000;
    const test = createTestBridge({ settings: { maxQueuedSpans, maxJournalBytes } });
    test.backend.answer = 'is away';
    await test.bridge.start();
    const bodies = recordedBodies(RECORDING);
    const kept: string[] = [];
    let accepted = 0;
    let maxQueued = 0;
    let maxBytes = 0;
    for (let cluster = 0; cluster < 12; cluster += 1) {
      for (const body of bodies.map((text) => inSession(text, `session_${cluster}`))) {
        const { status, answer } = await postTo(test.bridge.app, body);
        if (status === 503) kept.push(body);
        else accepted += answer.accepted;
        const { exported, journal } = test.bridge.stats();
        maxQueued = Math.max(maxQueued, exported.queuedSpans);
        maxBytes = Math.max(maxBytes, journal.bytes);
      }
      // Old clusters are silent and close; their spans go nowhere.
      test.pass(2 * HOURS_MS);
    }
    expect(kept.length).toBeGreaterThan(20);
    expect(maxQueued).toBeGreaterThanOrEqual(maxQueuedSpans);
    expect(maxQueued).toBeLessThan(2 * maxQueuedSpans);
    expect(maxBytes).toBeGreaterThan(maxJournalBytes / 2);
    expect(maxBytes).toBeLessThanOrEqual(maxJournalBytes);
    // Logged once for each time that it starts: between two clusters the clock jumps, and all is
    // well for hours.
    const reported = test.lines.map(({ event }) => event).filter((event) => event === 'refusing' || event === 'accepting_again');
    expect(reported.length).toBeLessThan(kept.length / 2);
    expect(reported).toEqual(reported.map((_, index) => (index % 2 === 0 ? 'refusing' : 'accepting_again')));
    expect(test.backend.spans).toEqual([]);

    test.backend.answer = 'takes';
    // Ray sends again what was refused, in order, until it is taken.
    for (const body of kept) {
      for (;;) {
        const { status, answer } = await postTo(test.bridge.app, body);
        if (status !== 200) continue;
        accepted += answer.accepted;
        expect(answer.duplicates).toBe(0);
        break;
      }
    }
    expect(accepted).toBe(12 * 201);
    await closeAll(test);
    await test.bridge.stop();

    const keys = test.backend.spans.map(spanKey);
    expect(new Set(keys).size).toBe(keys.length);
    expect(test.bridge.stats().exported).toMatchObject({ exported: keys.length, refused: 0, queuedSpans: 0 });
    const jobs = test.backend.spans.filter(({ name }) => name.startsWith('job ') && !name.endsWith(' (in flight)'));
    expect(jobs).toHaveLength(12);
    expect(test.lines.filter(({ event }) => event === 'internal_error')).toEqual([]);
  }, 60_000);
});

it('too many open attempts cause 503 for Ray until some end', async () => {
  const test = createTestBridge({ settings: { maxOpenAttempts: 3 } });
  await test.bridge.start();
  let refused = 0;
  for (const body of recordedBodies(RECORDING)) {
    const { status } = await postTo(test.bridge.app, body);
    if (status === 503) refused += 1;
    await until(() => test.bridge.stats().journal.entries === 0);
  }
  expect(refused).toBeGreaterThan(0);
  const [body = ''] = recordedBodies('mix-ray-2.56.1.ndjson');
  const response = await test.bridge.app.request('/', { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await response.json()).toMatchObject({ error: { code: 'too_many_open_attempts' } });
  test.pass(2 * HOURS_MS);
  await until(() => test.bridge.stats().correlator.openAttempts < 3);
  expect((await postTo(test.bridge.app, body)).status).toBe(200);
  await test.bridge.stop();
});
