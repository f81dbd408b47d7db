import type { Hono } from 'hono';
import { afterEach } from 'vitest';
import type { BridgeOptions } from '../../src/bridge/bridge.ts';
import { createTestBridge, postTo, recordedBodies, type TestBridge, until } from '../bridge/bridge-fixture.ts';

const started: TestBridge[] = [];

afterEach(async () => {
  for (const { bridge } of started.splice(0)) await bridge.stop({ timeoutMs: 0 });
});

/** The parts of answers that tests read without a more specific type. */
interface AnyBody {
  readonly error: { readonly code: string };
  readonly job: unknown;
  readonly tasks: readonly unknown[];
}

export interface ReadAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: AnyBody;
}

/** Starts a bridge with a view, and stops it after the test. */
export async function startViewBridge(options: BridgeOptions = {}): Promise<TestBridge> {
  const fixture = createTestBridge({ ...options, settings: { view: 'on', ...options.settings } });
  started.push(fixture);
  await fixture.bridge.start();
  return fixture;
}

/** Posts a recording and waits until the bridge has processed it. */
export async function feed({ bridge }: TestBridge, recording: string): Promise<void> {
  for (const body of recordedBodies(recording)) await postTo(bridge.app, body);
  await until(() => bridge.stats().journal.entries === 0);
}

export async function read(app: Hono, path: string, headers: Record<string, string> = {}): Promise<ReadAnswer> {
  const response = await app.request(path, { headers });
  return { status: response.status, headers: response.headers, body: (await response.json()) as AnyBody };
}
