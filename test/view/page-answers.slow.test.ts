import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { JobsAnswer } from '../../src/view/index.ts';
import { postTo, until } from '../bridge/bridge-fixture.ts';
import { browse, type BrowsedBridge, hasChromium } from './chromium.ts';
import { accessibilityBreaches, openTab, shows, titles } from './page-fixture.ts';

const features = 'features-ray-2.60.0.ndjson';
const nodeDeath = 'node-death-three-jobs-ray-2.60.0.ndjson';
/** A page is slow on a busy machine. */
const PATIENCE = { timeout: 60_000 };
const DESK = { colorScheme: 'light', viewport: { width: 1280, height: 800 } } as const;
const DARK = { colorScheme: 'dark', viewport: { width: 1280, height: 800 } } as const;
const PHONE = { colorScheme: 'light', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true } as const;

/** Posts a share of a recording, and waits until the bridge has processed it. */
async function feedShare({ bridge }: BrowsedBridge, recording: string, share = 1): Promise<void> {
  const bytes = readFileSync(new URL(`../fixtures/recordings/${recording}`, import.meta.url));
  const lines = (recording.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8').trim().split('\n');
  for (const line of lines.slice(0, Math.ceil(lines.length * share))) await postTo(bridge.app, (JSON.parse(line) as { body: string }).body);
  await until(() => bridge.stats().journal.entries === 0);
}

async function addressOf({ url }: BrowsedBridge, job: string): Promise<string> {
  const { jobs } = (await (await fetch(`${url}/api/v1/jobs`)).json()) as JobsAnswer;
  const session = jobs.find((row) => row.job === job)?.session ?? '';
  return `${url}/#/job/${encodeURIComponent(session)}/${job}`;
}

/** Whether an element is within the first screen, without scrolling. */
async function isInSight(page: Page, selector: string): Promise<boolean> {
  const box = await page.locator(selector).first().boundingBox();
  const height = page.viewportSize()?.height ?? 0;
  return box !== null && box.y >= 0 && box.y + box.height <= height;
}

interface Scenario {
  readonly recording: string;
  readonly share?: number;
  readonly job: string;
  readonly verdict: RegExp;
  readonly chip: RegExp;
}

const SCENARIOS: readonly (readonly [name: string, scenario: Scenario])[] = [
  [
    'a task that needs more than any node has',
    {
      recording: features,
      share: 0.87,
      job: '01000000',
      verdict: /^Blocked for \d+ s: leaf needs CPU 999; the largest node has 4\.$/,
      chip: /Blocked/,
    },
  ],
  [
    'the death of a node',
    {
      recording: nodeDeath,
      job: '01000000',
      verdict: /^Node 192\.0\.2\.2 died \d\d:\d\d:38: 1 task and 7 actor calls failed; actor W restarted\.$/,
      chip: /failures/,
    },
  ],
  [
    'failed tasks',
    {
      recording: features,
      job: '01000000',
      verdict: /^Finished; 3 tasks failed \(1 WORKER_DIED in die, .*\); 1 never started\.$/,
      chip: /failures/,
    },
  ],
  [
    'a driver that was killed',
    { recording: 'job-outcomes-ray-2.60.0.ndjson.gz', job: '04000000', verdict: /^The driver ended without shutting down/, chip: /Failed/ },
  ],
];

describe.runIf(hasChromium)('the page answers first (needs CHROMIUM_PATH or /usr/bin/chromium)', () => {
  it.each(
    SCENARIOS.flatMap(([name, scenario]) => [[name, 'on a desk', scenario, DESK] as const, [name, 'on a phone', scenario, PHONE] as const]),
  )(
    'the verdict on %s is visible %s without scrolling, in the list and at the head of the job',
    async (_name, _where, { recording, share, job, verdict, chip }, options: BrowserContextOptions) => {
      const fixture = await browse(options);
      const { page, complaints } = fixture;
      await feedShare(fixture, recording, share);
      const card = page.locator('#jobs-list li', { hasText: `job ${job}` });
      await expect.poll(() => card.locator('.why').textContent(), PATIENCE).toMatch(verdict);
      expect(await card.locator('.chip').textContent()).toMatch(chip);
      await page.goto(await addressOf(fixture, job));
      await expect.poll(() => page.textContent('#verdict .sentence'), PATIENCE).toMatch(verdict);
      expect(await page.textContent('#job-title .chip')).toMatch(chip);
      expect(await isInSight(page, '#verdict .sentence')).toBe(true);
      expect(complaints).toEqual([]);
    },
  );

  it.each([
    ['light', DESK],
    ['dark', DARK],
    ['on a phone', PHONE],
  ] as const)('axe finds no violations in any tab, %s, and nothing is wider than the screen', async (_name, options) => {
    const fixture = await browse(options);
    const { page } = fixture;
    await feedShare(fixture, nodeDeath);
    await page.goto(await addressOf(fixture, '01000000'));
    for (const tab of ['failures', 'functions', 'actors', 'nodes', 'path', 'timeline']) {
      await openTab(page, tab);
      if (tab === 'path') await page.waitForSelector('#path');
      expect(await accessibilityBreaches(page), tab).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth'), tab).toBe(options.viewport.width);
    }
  });

  it('the deaths are lines in the timeline and stand above the failures that they caused', async () => {
    const fixture = await browse(DESK);
    const { page } = fixture;
    await feedShare(fixture, nodeDeath);
    await page.goto(await addressOf(fixture, '01000000'));
    await shows(page, '.marks .death', /^node 192\.0\.2\.2 died \d\d:\d\d:38$/);
    await openTab(page, 'failures');
    expect(await page.textContent('#failures > :first-child')).toMatch(
      /^node 192\.0\.2\.2 died .*1 task failed; 7 actor calls failed; restarted: W/,
    );
    expect(await page.textContent('#failures tbody tr')).toMatch(/^25W\.stepACTOR_UNAVAILABLEnode 192\.0\.2\.2 died: /);
    await openTab(page, 'nodes');
    expect(await page.textContent('#nodes tbody tr.dead')).toMatch(/192\.0\.2\.2workerDEAD \d\d:\d\d:50: UNEXPECTED_TERMINATION/);
  });

  it('the address holds the tab, the filters, the order, the zoom, the expanded rows and the open task, across reload and Back', async () => {
    const fixture = await browse(DESK);
    const { page, complaints } = fixture;
    await feedShare(fixture, features);
    await page.goto(await addressOf(fixture, '01000000'));
    await page.waitForSelector('.row .sign.finished');
    await page.click('.row.rollup');
    await page.waitForSelector('.row.rollup[aria-expanded=true]');
    await page.click('[data-zoom=in]');
    await page.locator('.row:not(.rollup)').first().click();
    await page.waitForSelector('#details .chip');
    const [address, rows, width] = [page.url(), await titles(page), await page.textContent('.axis .width')];
    expect(new URL(address.replace('#/', '')).searchParams.get('task')).toMatch(/^[0-9a-f]{48}$/);
    await page.reload();
    await page.waitForSelector('#details .chip');
    await expect.poll(() => titles(page), PATIENCE).toEqual(rows);
    expect(await page.textContent('.axis .width')).toBe(width);
    await openTab(page, 'failures');
    // A link to a failure filters by function and state.
    await page.locator('#failures tbody a.fn', { hasText: 'boom' }).click();
    await expect.poll(() => titles(page), PATIENCE).toEqual([expect.stringMatching(/^boom — RuntimeError/)]);
    expect([await page.inputValue('select[name=state]'), await page.inputValue('select[name=name]')]).toEqual(['failed', 'boom']);
    await page.goBack();
    await page.waitForSelector('#failures');
    await page.goBack();
    await expect.poll(() => page.url(), PATIENCE).toBe(address);
    await expect.poll(() => titles(page), PATIENCE).toEqual(rows);
    expect(complaints).toEqual([]);
  });

  it('the keyboard alone finds, opens and closes tasks, leads to the next failure, and shows its help', async () => {
    const fixture = await browse(DESK);
    const { page, complaints } = fixture;
    await feedShare(fixture, features);
    await page.goto(await addressOf(fixture, '01000000'));
    await page.waitForSelector('.row .sign.finished');
    const active = (): Promise<unknown> => page.evaluate('document.activeElement.id || document.activeElement.name');
    await page.keyboard.press('j');
    expect(await active()).toBe('rows');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    await expect.poll(() => page.getAttribute('#rows', 'aria-activedescendant'), PATIENCE).toBe('row-0');
    await page.keyboard.press('n');
    await page.waitForSelector('#details .err');
    const first = await page.textContent('#details-title');
    await page.keyboard.press('n');
    await expect.poll(() => page.textContent('#details-title'), PATIENCE).not.toBe(first);
    await page.keyboard.press('Escape');
    await page.waitForSelector('#details', { state: 'detached' });
    await page.keyboard.press('?');
    await page.waitForSelector('#help[open]');
    expect(await accessibilityBreaches(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.keyboard.press('/');
    await expect.poll(active, PATIENCE).toBe('search');
    await page.keyboard.type('nothing has this name');
    await shows(page, '#tasks-note', /^No task matches\.$/);
    await page.click('#clear');
    await shows(page, '#tasks-note', /^37 tasks/);
    expect(complaints).toEqual([]);
  });

  it('dragging over the bars and the wheel zoom the time axis, and a task is not opened by a drag', async () => {
    const fixture = await browse(DESK);
    const { page } = fixture;
    await feedShare(fixture, features);
    await page.goto(await addressOf(fixture, '01000000'));
    await page.waitForSelector('.row .sign.finished');
    const width = async (): Promise<string> => (await page.textContent('.axis .width')) ?? '';
    const whole = await width();
    const track = await page.locator('.row .track').first().boundingBox();
    if (track === null) throw new Error('no bars');
    await page.mouse.move(track.x + track.width * 0.2, track.y + 5);
    await page.mouse.down();
    await page.mouse.move(track.x + track.width * 0.4, track.y + 5, { steps: 4 });
    await page.mouse.up();
    await expect.poll(width, PATIENCE).not.toBe(whole);
    expect(await page.$('#details')).toBeNull();
    await page.waitForSelector('.mini .window');
    const dragged = await width();
    await page.mouse.move(track.x + track.width * 0.5, track.y - 12);
    await page.mouse.wheel(0, -200);
    await expect.poll(width, PATIENCE).not.toBe(dragged);
    await page.keyboard.press('Escape');
    await page.focus('#rows');
    await page.keyboard.press('0');
    await expect.poll(width, PATIENCE).toBe(whole);
  });

  it('the jobs can be searched and sorted, and two jobs of one name differ by id and start', async () => {
    const fixture = await browse(DESK);
    const { page } = fixture;
    await feedShare(fixture, nodeDeath);
    const names = (): Promise<readonly string[]> => page.locator('#jobs-list a.name').allTextContents();
    await expect.poll(names, PATIENCE).toHaveLength(3);
    const cards = await page.locator('#jobs-list li', { hasText: 'python drv.py' }).allTextContents();
    expect(new Set(cards.map((card) => /started .*?, took/.exec(card)?.[0])).size).toBe(2);
    await page.fill('input[name=search]', 'died');
    await expect.poll(names, PATIENCE).toEqual(['nightly']);
    await page.reload();
    await expect.poll(names, PATIENCE).toEqual(['nightly']);
    await page.fill('input[name=search]', 'nothing');
    await shows(page, '.empty', /^No job matches\./);
    await page.click('.empty button');
    await page.selectOption('select[name=sort]', 'start');
    await expect.poll(async () => (await names())[0], PATIENCE).toBe('python drv.py');
  });

  it('the health of the bridge is one pill that opens its figures', async () => {
    const { page } = await browse(DESK);
    await shows(page, '#health-pill', /^healthy/);
    expect(await page.isVisible('#health')).toBe(false);
    await page.click('#health-pill');
    expect(await page.isVisible('#health')).toBe(true);
    expect(await accessibilityBreaches(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.waitForSelector('#health', { state: 'hidden' });
  });

  it('before the first event, the variables are there for a shell, for Docker and for KubeRay', async () => {
    const { page, url } = await browse(DESK, { setupLines: ['export RAY_A=1', "export ADDR='{url}'"] });
    await page.waitForSelector('#setup');
    await page.click('#way-docker');
    await shows(page, '#setup-lines', `docker run \\\n  --env RAY_A=1 \\\n  --env ADDR=${url}/v1/events \\\n  rayproject/ray`);
    await page.click('#way-kuberay');
    await shows(page, '#setup-lines', `  - name: ADDR\n    value: "${url}/v1/events"`);
    expect(await accessibilityBreaches(page)).toEqual([]);
  });
});
