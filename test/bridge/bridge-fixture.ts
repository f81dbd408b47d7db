import { readFileSync } from 'node:fs';
import { ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Hono } from 'hono';
import { type Bridge, type BridgeOptions, createBridge } from '../../src/bridge/bridge.ts';
import { type Clock, systemClock } from '../../src/runtime/index.ts';
import { createTelemetry } from '../../src/telemetry/telemetry.ts';

export interface LogLine extends Record<string, unknown> {
  readonly event: string;
  readonly level: string;
}

/** A backend that is there, or away, or has a mind of its own. */
export interface TestBackend extends SpanExporter {
  answer: 'takes' | 'is away' | 'hangs';
  readonly spans: ReadableSpan[];
  calls: number;
  isShutDown: boolean;
}

export function createBackend(): TestBackend {
  const backend: TestBackend = {
    answer: 'takes',
    spans: [],
    calls: 0,
    isShutDown: false,
    export(spans, done) {
      backend.calls += 1;
      if (backend.answer === 'hangs') return;
      if (backend.answer === 'is away')
        return done({ code: ExportResultCode.FAILED, error: Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' }) });
      backend.spans.push(...spans);
      done({ code: ExportResultCode.SUCCESS });
    },
    shutdown: async () => {
      backend.isShutDown = true;
    },
  };
  return backend;
}

export interface TestBridge {
  readonly bridge: Bridge;
  readonly backend: TestBackend;
  readonly lines: LogLine[];
  /** Puts the bridge's clock forward. */
  readonly pass: (ms: number) => void;
}

export function createTestBridge(options: BridgeOptions = {}): TestBridge {
  const backend = createBackend();
  const lines: LogLine[] = [];
  let aheadMs = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
  const telemetry = createTelemetry({
    logLevel: 'info',
    now: clock.now,
    destination: { write: (line) => lines.push(JSON.parse(line) as LogLine) },
  });
  const exportLimits = { lingerMs: 0, initialBackoffMs: 1, maxBackoffMs: 1, shutdownTimeoutMs: 1, ...options.exportLimits };
  const bridge = createBridge({ exporter: backend, env: {}, clock, telemetry, ...options, exportLimits });
  return {
    bridge,
    backend,
    lines,
    pass: (ms) => {
      aheadMs += ms;
    },
  };
}

/** The bodies that a real Ray posted, in order. */
export function recordedBodies(name: string): readonly string[] {
  const text = readFileSync(new URL(`../fixtures/recordings/${name}`, import.meta.url), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { readonly body: string }).body);
}

/** A recorded body as another cluster would have posted it. */
export function inSession(body: string, session: string): string {
  const events = JSON.parse(body) as { sessionName: string; eventId: string }[];
  for (const event of events) event.sessionName = session;
  return JSON.stringify(events);
}

export interface PostAnswer {
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: number;
}

export async function postTo(app: Hono, body: string, path = '/'): Promise<{ readonly status: number; readonly answer: PostAnswer }> {
  const response = await app.request(path, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  return { status: response.status, answer: (await response.json()) as PostAnswer };
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
  }
}

export const HOURS_MS = 3_600_000;

export function spanKey(span: ReadableSpan): string {
  const { traceId, spanId } = span.spanContext();
  return `${traceId}:${spanId}`;
}
