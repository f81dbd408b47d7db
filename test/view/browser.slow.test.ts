import { describe, expect, it } from 'vitest';
import { postTo, recordedBodies } from '../bridge/bridge-fixture.ts';
import { browse, hasChromium } from './chromium.ts';
import { accessibilityBreaches, feedLoad, framesWhileScrolling, openJob, openTab, shows, titles } from './page-fixture.ts';
import { feed } from './view-bridge.ts';

const features = 'features-ray-2.60.0.ndjson';

describe.runIf(hasChromium)('the page in Chromium (needs CHROMIUM_PATH or /usr/bin/chromium)', () => {
  it('the page shows the variables to set, and goes live with the first event', async () => {
    const { page, bridge, url, complaints } = await browse({}, { setupLines: ['export ADDR={url}', 'export B=1'] });
    await page.waitForSelector('#setup');
    expect(await page.textContent('#setup-lines')).toBe(`export ADDR=${url}/v1/events\nexport B=1`);
    expect(await accessibilityBreaches(page)).toEqual([]);
    await postTo(bridge.app, recordedBodies('job-submit-ray-2.60.0.ndjson')[0] ?? '');
    await page.waitForSelector('#setup', { state: 'detached' });
    expect(complaints).toEqual([]);
  });

  it('the setup lines contain a placeholder where the bridge requires a token', async () => {
    const { page } = await browse({}, { setupLines: ['{url}'], settings: { ingestTokens: ['the-sender-token-0123456789'] } });
    await page.waitForSelector('#setup');
    expect(await page.textContent('#setup-lines')).toMatch(/^http:\/\/ray:TOKEN@127\.0\.0\.1:\d+\/v1\/events$/);
  });

  it('the page lists jobs and updates them live', async () => {
    const { page, bridge, complaints } = await browse();
    const bodies = recordedBodies(features);
    for (const body of bodies.slice(0, 12)) await postTo(bridge.app, body);
    await page.waitForSelector('#jobs-list li .state.running');
    const before = await page.textContent('#jobs-list li .legend');
    for (const body of bodies.slice(12)) await postTo(bridge.app, body);
    await page.waitForSelector('#jobs-list li .state.finished');
    await shows(page, '#jobs-list li .legend', '3 failed');
    expect(await page.textContent('#jobs-list li .legend')).not.toBe(before);
    expect(await page.textContent('#health')).toContain('Rejected0');
    expect(complaints).toEqual([]);
  });

  it("the page hides Ray's own jobs until the reader asks for them", async () => {
    const fixture = await browse();
    const { page, complaints } = fixture;
    await feed(fixture, 'job-submit-ray-2.60.0.ndjson');
    await shows(page, '#jobs-internal', /^Show 1 job of Ray itself$/);
    const names = (): Promise<readonly string[]> => page.locator('#jobs-list a.name').allTextContents();
    await expect.poll(names).toHaveLength(2);
    expect(await page.title()).toMatch(/^0 running/);
    await page.click('#jobs-internal');
    await shows(page, '#jobs-internal', /^Hide 1 job of Ray itself$/);
    expect((await names()).at(-1)).toBe('01000000');
    expect(await page.locator('#jobs-list li').last().textContent()).toContain('job 01000000, of Ray itself');
    expect(await accessibilityBreaches(page)).toEqual([]);
    await page.click('#jobs-internal');
    expect(await names()).toHaveLength(2);
    expect(complaints).toEqual([]);
  });

  it('the page of a job shows its functions, pending tasks with reasons, failures, actors and tasks', async () => {
    const fixture = await browse({}, { settings: { traceUrl: 'http://jaeger.example/trace/{traceId}' } });
    const { page, complaints } = fixture;
    await feed(fixture, features);
    await openJob(page);
    await openTab(page, 'waiting');
    expect(await page.textContent('#waiting tbody')).toContain('a node with CPU 999: no node has as much');
    await openTab(page, 'failures');
    expect(await page.textContent('#failures tbody')).toContain('RuntimeError: boom: é unicode');
    await openTab(page, 'actors');
    expect(await page.textContent('#actors tbody')).toContain('#0 616 ms, ACTOR_FAILURE');
    await openTab(page, 'functions');
    expect(await page.$$eval('#functions tbody tr', (rows) => rows.length)).toBeGreaterThan(10);
    await openTab(page, 'timeline');
    await page.waitForSelector('.row .sign.finished');
    expect(await page.getAttribute('#job-facts a', 'href')).toMatch(/^http:\/\/jaeger\.example\/trace\/[0-9a-f]{32}$/);
    expect((await titles(page)).join('\n')).toMatch(/^parent\nleaf × 5 — .*\n/);
    await page.selectOption('select[name=order]', 'tree');
    await expect.poll(async () => (await titles(page)).join('\n')).toMatch(/^parent\n(leaf\n){5}/);
    expect(
      await page.evaluate("new Set([...document.querySelectorAll('.row .track span')].map((bar) => bar.className)).size"),
    ).toBeGreaterThan(4);
    expect(complaints).toEqual([]);
  });

  it('the list finds tasks by text, state and function', async () => {
    const fixture = await browse();
    const { page } = fixture;
    await feed(fixture, features);
    await openJob(page);
    await page.fill('input[name=search]', 'FLAKY ATTEMPT 0');
    await shows(page, '#tasks-note', /^1 task\.$/);
    await expect.poll(() => titles(page)).toEqual(['flaky (attempt 2)']);
    await page.fill('input[name=search]', '');
    await page.selectOption('select[name=state]', 'pending');
    await shows(page, '#tasks-note', /^1 task\.$/);
    await expect.poll(async () => (await titles(page)).join()).toContain('waits for a node with CPU 999');
    await page.selectOption('select[name=state]', '');
    await openTab(page, 'functions');
    await page.click('#functions tbody a >> text=Counter.inc');
    await shows(page, '#tasks-note', /^5 tasks\.$/);
  });

  it('the keyboard alone is enough to select a task, open it and copy its ids', async () => {
    const fixture = await browse({ permissions: ['clipboard-read', 'clipboard-write'] });
    const { page } = fixture;
    await feed(fixture, features);
    await openJob(page);
    await page.focus('#rows');
    for (const key of ['ArrowDown', 'ArrowDown', 'Home', '+', '+', 'ArrowRight', '0', 'Enter']) await page.keyboard.press(key);
    await page.waitForSelector('#details .chip');
    expect(await page.textContent('#details-title')).toBe('parent');
    const details = (await page.textContent('#details-body')) ?? '';
    expect(details).toMatch(/Statefinished \(FINISHED\)/);
    await page.click('#details >> [aria-label="Copy Task id"]');
    const copied = String(await page.evaluate('navigator.clipboard.readText()'));
    expect(copied).toMatch(/^[0-9a-f]{48}$/);
    expect(details).toContain(copied);
    await page.keyboard.press('Escape');
    await page.waitForSelector('#details', { state: 'detached' });
    await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('rows');
  });

  it('hostile names appear as plain text', async () => {
    const { page, bridge, complaints } = await browse();
    const hostile = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>{{7*7}}';
    const session = 'a/../b?c=d#e&<b>"';
    const renamed = recordedBodies(features).map((body) => {
      const events = JSON.parse(body) as Record<string, Record<string, unknown>>[];
      for (const event of events) {
        Object.assign(event, { sessionName: session });
        const definition = event['taskDefinitionEvent'] ?? event['actorTaskDefinitionEvent'];
        if (definition !== undefined) {
          definition['taskName'] = hostile;
          definition['actorTaskName'] = hostile;
          definition['taskFunc'] = { pythonFunctionDescriptor: { functionName: hostile, className: '', moduleName: '' } };
        }
        const error = event['taskLifecycleEvent']?.['rayErrorInfo'] as Record<string, unknown> | undefined;
        if (error !== undefined) error['errorMessage'] = hostile;
      }
      return JSON.stringify(events);
    });
    for (const body of renamed) await postTo(bridge.app, body);
    await page.waitForSelector('#jobs-list li a.name');
    await page.click('#jobs-list li a.name');
    await page.waitForSelector('.row.rollup');
    expect((await titles(page)).some((title) => title.startsWith(`${hostile} × `))).toBe(true);
    await page.selectOption('select[name=order]', 'tree');
    await page.waitForSelector('.row:not(.rollup) .sign.failed');
    expect(await page.textContent('#job-facts')).toContain(`of ${session}`);
    expect((await titles(page)).some((title) => title.startsWith(hostile))).toBe(true);
    await page.click('.row:not(.rollup) .sign.failed');
    await expect.poll(() => page.textContent('#details-title')).toBe(hostile);
    await openTab(page, 'failures');
    expect(await page.textContent('#failures tbody')).toContain(hostile);
    expect(await page.$$('img, main script')).toEqual([]);
    expect(await page.title()).not.toContain('owned');
    expect(complaints).toEqual([]);
  });

  it.each([
    ['light', { colorScheme: 'light', viewport: { width: 1280, height: 800 } }],
    ['dark', { colorScheme: 'dark', viewport: { width: 1280, height: 800 } }],
    ['on a phone', { colorScheme: 'light', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }],
  ] as const)('the page is readable %s: axe finds no violations, and nothing is wider than the screen', async (_name, options) => {
    const fixture = await browse(options);
    const { page } = fixture;
    await feed(fixture, features);
    await page.waitForSelector('#jobs-list li');
    expect(await accessibilityBreaches(page)).toEqual([]);
    const width = async (): Promise<unknown> => page.evaluate('document.documentElement.scrollWidth');
    expect(await width()).toBe(options.viewport.width);
    await openJob(page);
    expect(await accessibilityBreaches(page)).toEqual([]);
    expect(await width()).toBe(options.viewport.width);
    await page.locator('.row').first().click();
    expect(await accessibilityBreaches(page)).toEqual([]);
  });

  it('the address of an unknown job shows "Job not found" and nothing else, even after another job', async () => {
    const fixture = await browse();
    const { page, url, complaints } = fixture;
    await feed(fixture, features);
    await openJob(page);
    const verdict = await page.textContent('#verdict');
    expect(verdict).toContain('boom');
    for (const address of ['#/job/session_x/09000000', '#/job/session_x', '#/job/%E0%A4%A/01000000']) {
      await page.goto(`${url}/${address}`);
      await page.waitForSelector('#job-gone');
      expect(((await page.innerText('main')) ?? '').trim().split(/\s*\n\s*/)).toEqual(['All jobs', 'Job not found']);
      expect(await page.title()).toMatch(/^Job not found/);
    }
    expect(await accessibilityBreaches(page)).toEqual([]);
    await page.goBack();
    await page.goBack();
    await page.goBack();
    await page.waitForSelector('.row .sign.finished');
    expect(await page.isVisible('#job-gone')).toBe(false);
    expect(await page.textContent('#verdict')).toBe(verdict);
    expect(complaints).toEqual([]);
  });

  it('while the bridge is unreachable, the page keeps the last data greyed out with their time, and it recovers afterwards', async () => {
    const fixture = await browse();
    const { page } = fixture;
    await feed(fixture, features);
    await openJob(page);
    await shows(page, '#tasks-note', /^\d+ tasks, in \d+ rows/);
    const [note, rows] = [await page.textContent('#tasks-note'), await titles(page)];
    const giveBack = await fixture.takeAway();
    await page.fill('input[name=search]', 'nothing has this name');
    await shows(page, '#connection.lost', /^Bridge unreachable\. Data as of \d\d:\d\d:\d\d\.$/);
    expect(await page.textContent('#health')).toMatch(/^Bridgeunreachable/);
    expect([await page.textContent('#tasks-note'), await titles(page)]).toEqual([note, rows]);
    expect(await page.title()).toMatch(/^Bridge unreachable/);
    expect(await page.evaluate("getComputedStyle(document.querySelector('main')).filter")).toBe('grayscale(1)');
    expect(await accessibilityBreaches(page)).toEqual([]);
    await giveBack();
    await page.waitForSelector('#connection:not(.lost)', { state: 'attached' });
    await shows(page, '#tasks-note', /^No task matches\.$/);
    expect(await page.textContent('#health')).toMatch(/^Bridgerunning/);
    expect(await page.evaluate("getComputedStyle(document.querySelector('main')).filter")).toBe('none');
  });

  it('the page reports the bridge as unreachable when a request fails although the stream works, and when the bridge stops', async () => {
    const fixture = await browse();
    const { page } = fixture;
    await feed(fixture, features);
    await openJob(page);
    const rows = await titles(page);
    await page.route('**/api/v1/jobs/**', (route) => route.abort());
    await page.selectOption('select[name=order]', 'tree');
    await page.waitForSelector('#connection.lost');
    expect(await titles(page)).toEqual(rows);
    await page.unroute('**/api/v1/jobs/**');
    await page.waitForSelector('#connection:not(.lost)', { state: 'attached' });
    await fixture.bridge.stop({ timeoutMs: 0 });
    await page.waitForSelector('#connection.lost');
    expect(await page.textContent('#connection')).toContain('Bridge unreachable');
  });
});

describe.runIf(hasChromium)('a job of 20,000 tasks in Chromium (needs CHROMIUM_PATH or /usr/bin/chromium)', () => {
  it('the list draws only visible rows while it scrolls', { timeout: 240_000 }, async () => {
    const fixture = await browse();
    await feedLoad(fixture);
    const { page } = fixture;
    const sizes: number[] = [];
    page.on('response', (response) => {
      if (response.url().includes('/tasks?'))
        void response.body().then(
          (body) => sizes.push(body.byteLength),
          () => {},
        );
    });
    await openJob(page, 'load');
    await shows(page, '#tasks-note', /^20,0\d\d tasks/);
    await page.selectOption('select[name=order]', 'tree');
    await shows(page, '#tasks-note', /^20,0\d\d tasks\./);
    await expect.poll(() => page.locator('.row').count()).toBeGreaterThan(20);
    expect(await page.locator('.row').count()).toBeLessThan(100);
    const frames = await framesWhileScrolling(page);
    await page.focus('#rows');
    await page.keyboard.press('End');
    await shows(page, '.row:last-child .title', /^[^…]+$/);
    expect(Math.max(...sizes)).toBeLessThan(300_000);
    // Wall-clock times are printed, not asserted: the number of drawn rows is what bounds them.
    console.log(`${frames}; answers up to ${Math.max(...sizes)} bytes`);
  });
});
