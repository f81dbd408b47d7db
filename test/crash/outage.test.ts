import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPrograms, type Programs } from './build.ts';
import { runOutage } from './outage.ts';

let programs: Programs;
beforeAll(async () => {
  programs = await buildPrograms();
});
afterAll(() => programs.remove());

describe('a long outage of the backend, with the bridge killed meanwhile (npm run outage: 1,000,000 events)', () => {
  it('ends with a span for each attempt, within the memory limit, and with the disk space freed', async () => {
    const result = await runOutage({ programs, events: 50_000, seed: 1, killed: true });
    expect(result).toMatchObject({ missing: 0, conflicting: 0, resent: 0 });
    expect(result.attempts).toBeGreaterThan(10_000);
    expect(result.peakRssBytes).toBeLessThan(768 * 1024 * 1024);
    expect(result.mostDiskBytes).toBeGreaterThan(1024 * 1024);
    expect(result.leftDiskBytes).toBeLessThan(16 * 1024 * 1024);
  });
});
