import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { PAGE_LIMITS } from '../../src/view/query.ts';
import { browse, hasChromium } from './chromium.ts';
import { accessibilityBreaches, feedLoad, framesWhileScrolling, openJob, openTab, shows, titles } from './page-fixture.ts';
import { feed } from './view-bridge.ts';

const features = 'features-ray-2.60.0.ndjson';
/** A page is slow on a busy machine. */
const PATIENCE = { timeout: 60_000 };

/** The level of each visible row, and for rollups whether it is expanded. */
async function levels(page: Page): Promise<readonly string[]> {
  const rows = await page.evaluate<readonly (readonly [number, string])[]>(
    "[...document.querySelectorAll('.row')].map((row) => [Number(row.dataset.key), [row.ariaLevel, row.ariaExpanded].join(' ')])",
  );
  return rows.toSorted((a, b) => a[0] - b[0]).map(([, level]) => level);
}

async function press(page: Page, ...keys: readonly string[]): Promise<void> {
  for (const key of keys) await page.keyboard.press(key);
}

describe.runIf(hasChromium)('the rolled-up task list in Chromium (needs CHROMIUM_PATH or /usr/bin/chromium)', () => {
  it('siblings of one function share one row, which the keyboard expands and collapses', async () => {
    const fixture = await browse();
    const { page, complaints } = fixture;
    await feed(fixture, features);
    await openJob(page);
    await shows(page, '#tasks-note', /^37 tasks, in \d\d rows\.$/);
    const names = async (): Promise<readonly string[]> => (await titles(page)).map((title) => title.replace(/ — .*/, ''));
    const collapsed = await names();
    expect(collapsed.slice(0, 3)).toEqual(['parent', 'leaf × 5', 'flaky (attempt 2)']);
    expect((await titles(page))[1]).toMatch(/^leaf × 5 — ran [\d.]+ s in total$/);
    expect((await levels(page)).slice(0, 3)).toEqual(['1 ', '2 false', '1 ']);
    await page.focus('#rows');
    await press(page, 'Home', 'ArrowDown', 'ArrowRight');
    await expect.poll(async () => (await levels(page)).slice(0, 8), PATIENCE).toEqual(['1 ', '2 true', '3 ', '3 ', '3 ', '3 ', '3 ', '1 ']);
    expect((await names()).slice(1, 4)).toEqual(['leaf × 5', 'leaf', 'leaf']);
    expect(await accessibilityBreaches(page)).toEqual([]);
    await press(page, 'ArrowLeft');
    await expect.poll(names, PATIENCE).toEqual(collapsed);
    await press(page, 'Enter');
    await expect.poll(names, PATIENCE).not.toEqual(collapsed);
    await press(page, ' ');
    await expect.poll(names, PATIENCE).toEqual(collapsed);
    await page.click('.row.rollup');
    await expect.poll(async () => (await levels(page)).filter((level) => level === '3 '), PATIENCE).toHaveLength(5);
    await page.locator('.row:not(.rollup)').first().click();
    await shows(page, '#details-title', 'parent');
    expect(complaints).toEqual([]);
  });

  it('search results are never rolled up', async () => {
    const fixture = await browse();
    const { page } = fixture;
    await feed(fixture, features);
    await openJob(page);
    await page.fill('input[name=search]', 'leaf');
    await expect.poll(async () => (await titles(page)).filter((title) => title.startsWith('leaf')).length, PATIENCE).toBeGreaterThan(6);
    expect((await titles(page)).filter((title) => title.includes('×'))).toEqual([]);
    await page.fill('input[name=search]', '');
    await expect.poll(async () => (await titles(page)).some((title) => title.startsWith('leaf × 5')), PATIENCE).toBe(true);
  });

  it('beyond the limit of expanded rows, the rows that were expanded first collapse', async () => {
    const fixture = await browse();
    const { page, complaints } = fixture;
    await feed(fixture, features);
    await openJob(page);
    await page.click('.row.rollup');
    await page.waitForSelector('.row.rollup[aria-expanded=true]');
    const others = Array.from({ length: PAGE_LIMITS.expandedKeys - 1 }, (_, index) => `,other.${index}`).join('');
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(`${page.url()}${encodeURIComponent(others)}`);
    await expect.poll(() => asked.some((url) => url.includes('other.98')), PATIENCE).toBe(true);
    await page.waitForSelector('.row.rollup[aria-expanded=true]');
    await page.goto(`${page.url()}${encodeURIComponent(',other.last')}`);
    await page.waitForSelector('.row.rollup[aria-expanded=true]', { state: 'detached' });
    expect(complaints).toEqual([]);
  });

  it('the critical path is marked by more than a colour, shows its shares, and links to its tasks', async () => {
    const fixture = await browse();
    const { page, complaints } = fixture;
    await feed(fixture, features);
    await openJob(page);
    await expect.poll(() => page.locator('.row.critical').count(), PATIENCE).toBeGreaterThan(3);
    const reportedInFlight = await page.locator('.row.critical').first().textContent();
    expect(reportedInFlight).toContain('◆');
    expect(reportedInFlight).toContain('on the critical path');
    expect(await page.locator('.row.critical.rollup').count()).toBeGreaterThan(0);
    expect(await page.locator('.row:not(.critical)').count()).toBeGreaterThan(0);
    await openTab(page, 'path');
    expect(await page.textContent('#path-title')).toBe('What determined the duration');
    await shows(page, '#path tbody', /driver/);
    expect(await page.getAttribute('#path-bar', 'aria-label')).toMatch(/tasks waited for arguments .*, driver itself [\d.]+ s$/);
    // The chain has only steps of 5 % and more.
    const steps = await page.locator('#path .chain li').allTextContents();
    expect(steps.length).toBeGreaterThan(2);
    for (const step of steps) expect(Number(/, (\d+) %/.exec(step)?.[1])).toBeGreaterThanOrEqual(5);
    await page.focus('#path-steps summary');
    await press(page, 'Enter');
    await page.locator('#path-list tbody a', { hasText: 'flaky' }).first().click();
    await shows(page, '#details-title', 'flaky');
    expect(await accessibilityBreaches(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('each node has a chart of running attempts over time, with a description in words', async () => {
    const fixture = await browse();
    const { page } = fixture;
    await feed(fixture, features);
    await openJob(page);
    await openTab(page, 'nodes');
    await page.waitForSelector('#nodes svg path');
    expect(await page.getAttribute('#nodes svg', 'aria-label')).toMatch(
      /^Running on vm over time: [\d.]+ on average, [\d.]+ at most, 4 CPUs$/,
    );
    expect(await page.getAttribute('#nodes svg path', 'd')).toMatch(/^M0 28(?:V[\d.]+H\d+){20,}V28Z$/);
    expect(await page.textContent('#nodes-note')).toMatch(/^From \d\d:\d\d:\d\d\.\d{3} to /);
  });

  it('the list stays responsive with 20,000 tasks, collapsed and expanded', { timeout: 240_000 }, async () => {
    const fixture = await browse();
    await feedLoad(fixture);
    const { page, complaints } = fixture;
    const tookMs: number[] = [];
    const sizes: number[] = [];
    page.on('response', (response) => {
      if (!response.url().includes('/tree?')) return;
      void response.finished().then(() => tookMs.push(response.request().timing().responseEnd));
      void response.body().then(
        (body) => sizes.push(body.byteLength),
        () => {},
      );
    });
    await openJob(page, 'load');
    await shows(page, '#tasks-note', /^20,000 tasks, in [23] rows\. 1 attempt has no row\.$/);
    expect((await titles(page))[0]).toMatch(/^t × (?:10,000|9,999) — /);
    await page.focus('#rows');
    await press(page, 'Home', 'ArrowRight');
    await shows(page, '#tasks-note', /^20,000 tasks, in 10,00\d rows\./);
    await press(page, 'End');
    await expect.poll(async () => (await titles(page)).at(-1), PATIENCE).toMatch(/^A\.m × /);
    await press(page, 'ArrowRight');
    await shows(page, '#tasks-note', /^20,000 tasks, in 20,00\d rows\./);
    await press(page, 'End');
    await shows(page, '.row:last-child .title', /^[^…]+$/);
    expect(await page.locator('.row').count()).toBeLessThan(100);
    const frames = await framesWhileScrolling(page);
    await press(page, 'Home');
    await expect.poll(async () => (await titles(page))[0], PATIENCE).toMatch(/^t × /);
    await press(page, 'ArrowLeft');
    await shows(page, '#tasks-note', /^20,000 tasks, in 10,00\d rows\./);
    expect(Math.max(...sizes)).toBeLessThan(300_000);
    // Wall-clock times are printed, not asserted.
    console.log(
      `${frames}; answers of the rolled-up tree: ${tookMs.length}, the longest after ${Math.max(...tookMs).toFixed(0)} ms, up to ${Math.max(...sizes)} bytes`,
    );
    expect(complaints).toEqual([]);
  });
});
