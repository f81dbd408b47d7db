import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node';

/** The reason at the end of a title: `(needs openssl)`, `(absent: ray-2.60.0; to get it: ...)`, `(Ray 2.50 and later)`. */
const REASON = /\(([^()]*(?:needs|absent: |and later)[^()]*)\)/;

/** Prints, after all results, a line for each reason why tests were skipped. */
export default class SkippedReporter implements Reporter {
  #isFiltered = false;

  onInit(vitest: Vitest): void {
    // `-t` skips all tests that do not match: these need no reason.
    this.#isFiltered = vitest.config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    if (this.#isFiltered) return;
    for (const line of skippedLines(modules.flatMap((module) => [...module.children.allTests('skipped')]))) console.log(line);
  }
}

/** One line a reason, as `3 skipped: needs openssl (export/proxy, export/wrong-protocol)`. */
export function skippedLines(tests: readonly Pick<TestCase, 'fullName' | 'module' | 'result'>[]): string[] {
  const byReason = new Map<string, { count: number; readonly files: Set<string> }>();
  for (const test of tests) {
    const { note } = test.result() as { readonly note?: string };
    const reason = note ?? REASON.exec(test.fullName)?.[1] ?? 'the title gives no reason';
    const row = byReason.get(reason) ?? { count: 0, files: new Set() };
    row.count += 1;
    row.files.add(test.module.relativeModuleId.replace(/^test\/|(?:\.(?:slow|sized))?\.test\.ts$/g, ''));
    byReason.set(reason, row);
  }
  return [...byReason].map(([reason, { count, files }]) => `${count} skipped: ${reason} (${[...files].join(', ')})`);
}
