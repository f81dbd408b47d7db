import { defineConfig } from 'vitest/config';

// Four suites: `npm test` is the fast one and needs nothing but Node; `npm run test:slow` tries very many inputs, builds the docs site and follows the README for some minutes;
// `npm run test:crash` kills real processes for a minute or two; `npm run test:e2e` needs the parts that test/e2e/parts/install.sh makes (a real Ray, a real Collector) and takes minutes.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/crash/**', 'test/slow/**'],
          testTimeout: 60_000,
          setupFiles: ['test/setup.ts'],
        },
      },
      {
        test: {
          name: 'slow',
          include: ['test/slow/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          setupFiles: ['test/setup.ts'],
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          // One file at a time: each runs whole clusters on the cores that there are.
          fileParallelism: false,
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: 'crash',
          include: ['test/crash/**/*.test.ts'],
          // They wait more than they work.
          maxConcurrency: 16,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
