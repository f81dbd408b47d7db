import { describe, expect, it } from 'vitest';
import { taskSpanId } from '../../src/span/index.ts';
import { browse, hasChromium } from './chromium.ts';
import { openJob } from './page-fixture.ts';
import { feed } from './view-bridge.ts';

const features = 'features-ray-2.60.0.ndjson';
/** A page is slow on a busy machine. */
const PATIENCE = { timeout: 60_000 };

describe.runIf(hasChromium)('links and choices of the page in Chromium (needs CHROMIUM_PATH or /usr/bin/chromium)', () => {
  it('each attempt of a task links to its span, and its ids can be copied', async () => {
    const fixture = await browse({}, { settings: { traceUrl: 'http://jaeger.example/trace/{traceId}?uiFind={spanId}' } });
    const { page, complaints } = fixture;
    await feed(fixture, features);
    await openJob(page);
    await page.fill('input[name=search]', 'flaky attempt 0');
    await expect.poll(() => page.locator('.row').count(), PATIENCE).toBe(1);
    await page.locator('.row').first().click();
    await page.waitForSelector('#details .chip');
    const links = await Promise.all((await page.locator('#details-body a[target=_blank]').all()).map((link) => link.getAttribute('href')));
    const ids = await page.locator('#details-body dd .id').allTextContents();
    const session = /of (session_\S+)/.exec((await page.textContent('#job-facts')) ?? '')?.[1]?.replace(/trace$/, '') ?? '';
    const [taskId = ''] = ids;
    const traceId = await page.textContent('#job-facts .id');
    expect(links).toEqual(
      [2, 1, 0].map((attempt) => `http://jaeger.example/trace/${traceId}?uiFind=${taskSpanId(session, taskId, attempt)}`),
    );
    expect(ids).toContain(traceId);
    expect(ids).toContain(taskSpanId(session, taskId, 0));
    expect(complaints).toEqual([]);
  });

  it('the keyboard switches between light and dark, and the page remembers the choice', async () => {
    const { page, url, complaints } = await browse({ colorScheme: 'light' });
    const ground = async (): Promise<unknown> => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await ground();
    const label = async (): Promise<unknown> => page.getAttribute('#scheme', 'aria-label');
    // From the system's colours to light, to dark, and back.
    await page.focus('#scheme');
    await page.keyboard.press('Enter');
    await expect.poll(label, PATIENCE).toBe('Colours: light');
    await page.keyboard.press('Enter');
    await expect.poll(ground, PATIENCE).not.toBe(light);
    const dark = await ground();
    await page.goto(`${url}?again`);
    expect([await ground(), await label()]).toEqual([dark, 'Colours: dark']);
    await page.click('#scheme');
    await expect.poll(ground, PATIENCE).toBe(light);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await ground()).toBe(dark);
    await page.click('#scheme');
    await expect.poll(ground, PATIENCE).toBe(light);
    expect(complaints).toEqual([]);
  });

  it('the page works in a browser that blocks storage', async () => {
    const { page, context, url, complaints } = await browse({ colorScheme: 'light' });
    await context.addInitScript(
      "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('denied', 'SecurityError'); } })",
    );
    await page.goto(`${url}?again`);
    await page.click('#scheme');
    await page.click('#scheme');
    expect(await page.evaluate('document.documentElement.dataset.scheme')).toBe('dark');
    expect(complaints).toEqual([]);
  });
});
