import { describe, expect, it } from 'vitest';
import { rawEvent } from '../receiver/receiver-fixture.ts';
import { createTestBridge, postTo, until } from './bridge-fixture.ts';

describe('a bridge at a limit', () => {
  it('logs once that it refuses posts, and once that it accepts them again', async () => {
    const test = createTestBridge({ settings: { maxJournalBytes: 1000 } });
    const post = async (number: number): Promise<number> => (await postTo(test.bridge.app, JSON.stringify([rawEvent(number)]))).status;
    const reported = (): unknown[] => test.lines.filter(({ event }) => event === 'refusing' || event === 'accepting_again');
    let number = 0;
    while ((await post(number)) === 200) number += 1;
    for (let again = 0; again < 5; again += 1) expect(await post(number)).toBe(503);
    expect(reported()).toMatchObject([{ level: 'warn', event: 'refusing', code: 'journal_full' }]);

    await test.bridge.start();
    await until(() => test.bridge.stats().journal.entries === 0);
    expect(await post(number)).toBe(200);
    test.pass(10_000);
    for (let next = 1; next <= 3; next += 1) {
      await until(() => test.bridge.stats().journal.entries === 0);
      expect(await post(number + next)).toBe(200);
    }
    expect(reported().slice(1)).toMatchObject([{ level: 'info', event: 'accepting_again', refusedPosts: 6 }]);
    await test.bridge.stop();
  });
});
