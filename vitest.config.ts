import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Four suites: `npm test` is the fast one and needs nothing but Node. `npm run test:slow` runs what takes longer: browsers, whole
// processes, memory measurements, the site of the documentation, the README, and properties at full size.
// `npm run test:crash` kills real processes for a minute or two. `npm run test:e2e` needs the parts that test/e2e/parts/install.sh
// makes (a real Ray, a real Collector) and takes minutes.
//
// The name of a file says where it runs: `*.test.ts` in the fast suite, `*.slow.test.ts` in the slow one, `*.sized.test.ts` in both,
// with the sizes of test/support/sized.ts. `*.steps.test.ts` runs in the slow one, each file in a process of its own: it counts steps
// (test/support/steps.ts), which works only for code that nothing else has loaded before, and slows down what runs after it.
export default defineConfig({
  test: {
    reporters: ['default', './test/support/skipped-reporter.ts'],
    globalSetup: ['test/support/build-page.ts'],
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/crash/**', 'test/**/*.slow.test.ts', 'test/**/*.steps.test.ts'],
          maxWorkers: availableParallelism(),
          // The files of a worker share its modules: loading them for each file would take longer than the tests.
          isolate: false,
          testTimeout: 60_000,
          setupFiles: ['test/setup.ts'],
        },
      },
      {
        test: {
          name: 'slow',
          include: ['test/**/*.slow.test.ts', 'test/**/*.sized.test.ts', 'test/**/*.steps.test.ts'],
          exclude: ['test/e2e/**', 'test/crash/**'],
          maxWorkers: availableParallelism(),
          env: { TEST_SIZE: 'full' },
          testTimeout: 600_000,
          hookTimeout: 600_000,
          setupFiles: ['test/setup.ts'],
          sequence: { groupOrder: 1 },
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
          sequence: { groupOrder: 2 },
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
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
