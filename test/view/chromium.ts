import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterEach } from 'vitest';
import type { BridgeOptions } from '../../src/bridge/bridge.ts';
import { listen, type ListeningServer } from '../../src/http/server.ts';
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

export interface Browser {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the browser complained of: errors of scripts, breaches of the policy, requests that failed. */
  readonly complaints: string[];
  close(): Promise<void>;
}

/** A browser of its own that looks at a page. */
export async function openBrowser(options: BrowserContextOptions, url: string): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'ray-otel-chromium-'));
  const context = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args, ...options });
  const page = await context.newPage();
  // A page is slow on a busy machine.
  page.setDefaultTimeout(100_000);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  const close = async (): Promise<void> => {
    await context.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  await page.goto(url);
  return { page, context, complaints, close };
}

export interface BrowsedBridge extends TestBridge, Browser {
  readonly url: string;
  /** Cuts every connection and accepts no new one until the returned function is called. */
  readonly takeAway: () => Promise<() => Promise<void>>;
}

/** A bridge with a view, and a browser of its own that looks at its page; both end after the test. */
export async function browse(options: BrowserContextOptions = {}, bridgeOptions: BridgeOptions = {}): Promise<BrowsedBridge> {
  const fixture = await startViewBridge(bridgeOptions);
  const serve = async (port: number): Promise<ListeningServer> => {
    const listening = await listen(fixture.bridge.app.fetch, { host: '127.0.0.1', port });
    if (!listening.ok) throw new Error(listening.problem);
    return listening.value;
  };
  let server = await serve(0);
  const { url } = server;
  closers.push(() => server.close(0));
  const takeAway = async (): Promise<() => Promise<void>> => {
    await server.close(0);
    return async () => {
      server = await serve(Number(new URL(url).port));
    };
  };
  const browser = await openBrowser(options, url);
  closers.push(() => browser.close());
  return { ...fixture, ...browser, url, takeAway };
}
