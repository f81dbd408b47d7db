import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterEach } from 'vitest';
import type { BridgeOptions } from '../../src/bridge.ts';
import { listen, type ListeningServer } from '../../src/command/http-server.ts';
import type { TestBridge } from '../bridge/bridge-fixture.ts';
import { startViewBridge } from './view-bridge.ts';

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';

/** Tests in a browser run where there is one. */
export const hasChromium = existsSync(executablePath);

const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

export interface BrowsedBridge extends TestBridge {
  readonly url: string;
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the browser complained of: errors of scripts, breaches of the policy, requests that failed. */
  readonly complaints: string[];
}

/** A bridge with a view, and a browser of its own that looks at its page. */
export async function browse(browser: BrowserContextOptions = {}, options: BridgeOptions = {}): Promise<BrowsedBridge> {
  const fixture = await startViewBridge(options);
  const listening = await listen(fixture.bridge.app.fetch, { host: '127.0.0.1', port: 0 });
  if (!listening.ok) throw new Error(listening.problem);
  const { server }: { server: ListeningServer } = listening;
  closers.push(() => server.close(0));
  const profile = mkdtempSync(join(tmpdir(), 'ray-otel-chromium-'));
  closers.push(() => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }));
  const context = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args, ...browser });
  closers.push(() => context.close());
  const page = await context.newPage();
  // On a machine that is busy a page takes its time.
  page.setDefaultTimeout(100_000);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.goto(server.url);
  return { ...fixture, url: server.url, page, context, complaints };
}
