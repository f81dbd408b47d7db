import { expect, it } from 'vitest';
import { densityOf } from '../../src/view/density.ts';
import type { AttemptView } from '../../src/view/records.ts';
import type { SessionNow } from '../../src/view/session-now.ts';

const now = { untilMs: ({ endMs }: AttemptView) => (Number.isNaN(endMs) ? 960 : endMs) } as unknown as SessionNow;

function attempt(startMs: number, runningMs: number, endMs: number, over: Partial<AttemptView> = {}): AttemptView {
  return { startMs, runningMs, endMs, stage: 'finished', ...over } as AttemptView;
}

function sum(values: readonly number[]): number {
  return Math.round(values.reduce((total, each) => total + each, 0) * 10);
}

it('the density of a rollup counts running and waiting attempts over time, each for as long as it took', () => {
  // 96 buckets of 10 ms.
  const members = [attempt(0, 0, 960), attempt(0, 480, 960), attempt(95, 100, 105)];
  const { bucketMs, running, waiting, failed } = densityOf(members, { startMs: 0, endMs: 960 }, now);
  expect(bucketMs).toBe(10);
  expect([running[0], running[47], running[48], running[95], running[10]]).toEqual([1, 1, 2, 2, 1.5]);
  expect([waiting[0], waiting[9], waiting[48]]).toEqual([1, 1.5, 0]);
  expect([sum(running), sum(waiting)]).toEqual([960 + 480 + 5, 480 + 5]);
  expect(sum(failed)).toBe(0);
});

it('the density marks when attempts failed, also earlier attempts of a task', () => {
  const previous = attempt(0, 0, 15, { stage: 'failed' });
  const { failed } = densityOf([attempt(20, 30, 960, { previous })], { startMs: 0, endMs: 960 }, now);
  expect(failed.flatMap((count, index) => (count > 0 ? [index] : []))).toEqual([1]);
});

it('attempts that take no time, or have no times, do not break the density', () => {
  const members = [attempt(5, 5, 5), attempt(Number.NaN, Number.NaN, Number.NaN), attempt(5, Number.NaN, Number.NaN)];
  const { running, waiting } = densityOf(members, { startMs: 5, endMs: 5 }, now);
  for (const value of [...running, ...waiting]) expect(value).toBeGreaterThanOrEqual(0);
});
