import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gunzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { postTo, type TestBridge, until } from '../bridge/bridge-fixture.ts';

export async function openJob(page: Page, name = 'w_basic'): Promise<void> {
  await page.getByRole('link', { name }).click();
  await page.waitForSelector('.row .sign.finished, .row .sign.running');
}

/** Opens a tab of the page of a job. */
export async function openTab(page: Page, tab: string): Promise<void> {
  await page.click(`#tab-${tab}`);
  await page.waitForSelector(`#panel-${tab}`);
}

/** Titles of the visible rows, in order. */
export async function titles(page: Page): Promise<readonly string[]> {
  const rows = await page.evaluate<readonly (readonly [number, string])[]>(
    "[...document.querySelectorAll('.row')].map((row) => [Number(row.dataset.key), row.querySelector('.title').textContent])",
  );
  return rows.toSorted((a, b) => a[0] - b[0]).map(([, title]) => title);
}

/** Waits until the text appears. The page's content security policy allows no scripts from tests, so it polls from outside. */
export async function shows(page: Page, selector: string, text: string | RegExp): Promise<void> {
  await expect.poll(async () => (await page.textContent(selector)) ?? '', { timeout: 60_000 }).toMatch(text);
}

export async function accessibilityBreaches(page: Page): Promise<readonly string[]> {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  // The page's content security policy blocks scripts, so axe runs outside it.
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: axe });
  const { result } = await session.send('Runtime.evaluate', {
    expression: `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ')))`,
    awaitPromise: true,
    returnByValue: true,
  });
  return result.value as readonly string[];
}

export async function feedLoad({ bridge }: TestBridge): Promise<void> {
  const bytes = readFileSync(new URL('../fixtures/recordings/load-20k-tasks-ray-2.60.0.ndjson.gz', import.meta.url));
  const lines = gunzipSync(bytes).toString('utf8').trim().split('\n');
  for (const line of lines) await postTo(bridge.app, (JSON.parse(line) as { body: string }).body);
  await until(() => bridge.stats().journal.entries === 0);
}

/** Scrolls through the whole list in 120 frames, and describes how long they took. */
export async function framesWhileScrolling(page: Page): Promise<string> {
  const frames = await page.evaluate<readonly number[]>(`new Promise((resolve) => {
    const box = document.getElementById('rows');
    const times = [];
    let last = performance.now();
    const step = (now) => {
      times.push(now - last);
      last = now;
      box.scrollTop += box.scrollHeight / 120;
      if (times.length < 120) requestAnimationFrame(step);
      else resolve(times.sort((a, b) => a - b));
    };
    requestAnimationFrame(step);
  })`);
  const times = [60, 114, 119].map((at) => frames[at]?.toFixed(1) ?? '');
  return `frames while scrolling: p50 ${times[0]} ms, p95 ${times[1]} ms, max ${times[2]} ms`;
}
