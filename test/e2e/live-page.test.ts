import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CriticalPathAnswer, NodeUseAnswer } from '../../src/view/shapes.ts';
import { type Browser, hasChromium, openBrowser } from '../view/chromium.ts';
import { openTab, shows, titles } from '../view/page-fixture.ts';
import { type ServingBridge, startBridge } from './support/bridge.ts';
import { needing } from './support/parts.ts';
import { RayCluster } from './support/ray-cluster.ts';

// A real Ray runs a job, `serve` receives its events, and a real browser looks at the page of `serve` while the job runs.

const VERSION = '2.60.0';
/** Events come once a second, and what is made of all tasks of a job is asked for every 3 s. */
const PATIENCE = { timeout: 60_000 };
const { title, skip } = needing('is seen live in a browser (also needs CHROMIUM_PATH or /usr/bin/chromium)', ['build', `ray-${VERSION}`]);

describe.skipIf(skip || !hasChromium)(`a job of Ray ${VERSION}`, () => {
  let folder = '';
  let bridge: ServingBridge;
  let cluster: RayCluster;
  let browser: Browser;
  let page: Page;
  let setupLines = '';
  let driver: Promise<string>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ray-otel-bridge-e2e-'));
    bridge = await startBridge(
      ['--data-dir', join(folder, 'data'), '--trace-url', 'http://jaeger.example/trace/{traceId}?uiFind={spanId}', '--settle', '1s'],
      { OTEL_TRACES_EXPORTER: 'none' },
    );
    browser = await openBrowser({}, bridge.url);
    ({ page } = browser);
    // The first events of the cluster replace this part of the page.
    setupLines = (await page.textContent('#setup-lines')) ?? '';
    cluster = await RayCluster.start(VERSION, bridge.rayVariables);
  });

  afterAll(async () => {
    writeFileSync(join(folder, 'go'), '');
    await driver?.catch(() => '');
    await browser?.close();
    await cluster?.destroy();
    await bridge?.program.destroy();
    rmSync(folder, { recursive: true, force: true });
  });

  it(title, async () => {
    expect(setupLines).toContain('RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR');
    driver = cluster.runDriver('watched_job.py', { E2E_FOLDER: folder });

    // The page turns live by itself, and the job shows while it runs.
    await page.waitForSelector('#jobs-list li .state.running');
    await page.locator('#jobs-list li', { hasText: 'watched_job' }).locator('a.name').click();
    await expect.poll(() => rowOf(page, 'prepare × 12'), PATIENCE).toMatch(/running|pending/);

    // What holds the job is running, and its row turns to finished when it is let go: nobody reloads anything.
    await expect.poll(() => rowOf(page, 'hold'), PATIENCE).toMatch(/^▶running/);
    await expect.poll(() => rowOf(page, 'prepare × 12'), PATIENCE).not.toMatch(/running|pending/);
    await expect.poll(() => rowOf(page, 'broken'), PATIENCE).toContain('ValueError: <b>not a tag</b>');
    await openTab(page, 'path');
    await shows(page, '#path-title', 'What determines the duration so far');
    await openTab(page, 'timeline');
    await expect.poll(() => rowOf(page, 'hold'), PATIENCE).toContain('◆');
    await page.fill('input[name=search]', 'combine');
    await expect.poll(() => titles(page), PATIENCE).toEqual(['combine']);
    await page.fill('input[name=search]', '');
    // A task failed, so the verdict comes before the state.
    expect(await page.locator('#job-title .state.running').textContent()).toContain('Failing');
    expect(await page.textContent('#verdict .sentence')).toMatch(/^Running, but 1 task failed \(1 ValueError in broken\)\.$/);

    writeFileSync(join(folder, 'go'), '');
    expect(await driver).toContain('done');
    await page.waitForSelector('#job-title .state.finished');
    await expect.poll(() => rowOf(page, 'hold'), PATIENCE).toMatch(/^✓finished/);

    // The path leads through the last of the tasks that the second stage waited for, and through what held the job.
    await openTab(page, 'path');
    await shows(page, '#path-title', /^What determined the duration$/);
    const [session = '', job = ''] = new URL(page.url()).hash.replace(/\?.*/, '').split('/').slice(-2).map(decodeURIComponent);
    const ask = async (what: string): Promise<unknown> =>
      (await fetch(`${bridge.url}/api/v1/jobs/${job}/${what}?session=${encodeURIComponent(session)}`)).json();
    const path = (await ask('critical-path')) as CriticalPathAnswer;
    // An actor's call may have waited for the actor to be made, or for its turn there.
    const onPath = path.steps.flatMap((step) => (step.function === 'Counter.__init__' ? [] : (step.function ?? [])));
    const withoutRepetition = onPath.filter((name, index) => name !== onPath[index - 1]);
    expect(withoutRepetition).toEqual(['prepare', 'combine', 'Counter.add', 'broken', 'hold', 'combine']);
    expect(path.steps.find((step) => step.function === 'combine' && step.isHandedOn)).toBeDefined();
    // Twelve of half a second on four CPUs: the last one waited for a node for about a second.
    const prepare = path.shares.find((share) => share.function === 'prepare');
    expect(prepare?.nodeMs).toBeGreaterThan(prepare?.runningMs ?? Number.POSITIVE_INFINITY);
    await shows(page, '#path tbody', /prepare/);
    await openTab(page, 'timeline');
    await expect.poll(() => rowOf(page, 'prepare × 12'), PATIENCE).toContain('◆');

    const use = (await ask('node-use')) as NodeUseAnswer;
    expect(use.nodes).toHaveLength(1);
    expect(use.nodes[0]?.cpus).toBe(4);
    expect(Math.max(...(use.nodes[0]?.running ?? []))).toBeGreaterThan(1.5);
    await openTab(page, 'nodes');
    await page.waitForSelector('#nodes svg path[d*=V]');
    await openTab(page, 'timeline');

    await page.locator('.row', { hasText: 'hold' }).click();
    const link = await page.locator('#details-body a[target=_blank]').getAttribute('href');
    const hold = path.steps.find((step) => step.function === 'hold');
    expect(link).toMatch(new RegExp(`^http://jaeger\\.example/trace/[0-9a-f]{32}\\?uiFind=${hold?.spanId}$`));
    expect(browser.complaints).toEqual([]);
  });
});

/** What the row with this beginning says; empty while no such row exists. */
async function rowOf(page: Page, name: string): Promise<string> {
  const rows = await page.locator('.row').allTextContents();
  return rows.find((text) => text.includes(name)) ?? '';
}
