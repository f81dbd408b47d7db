import { expect, it } from 'vitest';
import { skippedLines } from './skipped-reporter.ts';

type Skipped = Parameters<typeof skippedLines>[0][number];

function skipped(path: string, fullName: string, note?: string): Skipped {
  return { fullName, module: { relativeModuleId: path }, result: () => ({ state: 'skipped', note }) } as unknown as Skipped;
}

it('the report ends with one line for each reason why tests were skipped', () => {
  const tests = [
    skipped('test/export/proxy.test.ts', 'through a proxy: grpc (needs openssl) > a proxy is used'),
    skipped('test/export/proxy.test.ts', 'a proxy that never answers (needs openssl)'),
    skipped('test/view/browser.slow.test.ts', 'the page (needs CHROMIUM_PATH or /usr/bin/chromium) > opens'),
    skipped('test/cli/access.slow.test.ts', 'serve (needs openssl) > has a certificate'),
    skipped('test/e2e/real-ray.test.ts', 'Ray 2.49.2 > shows both lives of an actor (Ray 2.50 and later)'),
    skipped('test/e2e/doctor.test.ts', 'the doctor', 'no network'),
    skipped('test/a.test.ts', 'works'),
  ];
  expect(skippedLines(tests)).toEqual([
    '3 skipped: needs openssl (export/proxy, cli/access)',
    '1 skipped: needs CHROMIUM_PATH or /usr/bin/chromium (view/browser)',
    '1 skipped: Ray 2.50 and later (e2e/real-ray)',
    '1 skipped: no network (e2e/doctor)',
    '1 skipped: the title gives no reason (a)',
  ]);
});

it('no line follows the results when nothing was skipped', () => {
  expect(skippedLines([])).toEqual([]);
});
