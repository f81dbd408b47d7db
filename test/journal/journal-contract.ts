import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RayEvent } from '../../src/event/index.ts';
import type { Journal, JournalCursor } from '../../src/journal/index.ts';

/** One engine, as the contract sees it. */
export interface JournalUnderTest {
  readonly journal: Journal;
  /** Everything before `cursor` is needed no more, and its room is free again. */
  readonly giveBack: (cursor: JournalCursor) => Promise<void>;
  /**
   * The same journal after the end of the process that had it; undefined when it does not outlive
   * that.
   */
  readonly reopen?: () => Promise<JournalUnderTest>;
  /** Removes what is left. */
  readonly dispose: () => Promise<void>;
}

/** Makes an empty journal with this limit. */
export type JournalFactory = (options: { readonly limitBytes: number; readonly now: () => number }) => Promise<JournalUnderTest>;

const ROOMY_BYTES = 1_000_000;
const START_MS = 1_790_000_000_000;

/** What every journal engine promises, whatever it is made of. */
export function describeJournalContract(name: string, createJournal: JournalFactory): void {
  const clock = { nowMs: START_MS };

  async function withJournal(limitBytes: number, use: (underTest: JournalUnderTest) => Promise<void>): Promise<void> {
    clock.nowMs = START_MS;
    const underTest = await createJournal({ limitBytes, now: () => clock.nowMs });
    try {
      await use(underTest);
    } finally {
      await underTest.journal.close();
      await underTest.dispose();
    }
  }

  async function read(journal: Journal, cursor: JournalCursor, limit: number): Promise<readonly RayEvent[]> {
    const { from, entries } = await journal.read(cursor, limit);
    expect(from).toBe(cursor);
    return entries.map((entry) => entry.event);
  }

  /** All from `cursor` on, in as many pieces as the engine likes. */
  async function readAll(journal: Journal, cursor: JournalCursor): Promise<readonly RayEvent[]> {
    const events: RayEvent[] = [];
    for (;;) {
      const piece = await read(journal, cursor + events.length, 1000);
      if (piece.length === 0) return events;
      events.push(...piece);
    }
  }

  /** What one batch of these events takes of this engine's limit. */
  async function sizeOf(events: readonly RayEvent[], bytes: number): Promise<number> {
    let size = 0;
    await withJournal(ROOMY_BYTES, async ({ journal }) => {
      await journal.append(events, bytes);
      size = journal.stats().bytes;
    });
    return size;
  }

  describe(`${name}: journal contract`, () => {
    it('returns appended events in order', () =>
      withJournal(ROOMY_BYTES, async ({ journal }) => {
        await journal.append([event(0), event(1)], 100);
        await journal.append([event(2)], 50);
        expect(await readAll(journal, 0)).toEqual([event(0), event(1), event(2)]);
        expect(await read(journal, 1, 1)).toEqual([event(1)]);
        expect(await read(journal, 2, 2)).toEqual([event(2)]);
        expect(await read(journal, 3, 10)).toEqual([]);
        expect(journal.stats()).toMatchObject({ entries: 3, limitBytes: ROOMY_BYTES, releasedCursor: 0, endCursor: 3 });
      }));

    it('reads the entries after a cursor, never more than the limit, also after reopening', () =>
      withJournal(ROOMY_BYTES, async (underTest) => {
        const { journal, reopen } = underTest;
        const expectLimited = async (opened: Journal): Promise<void> => {
          for (let cursor = 0; cursor < 8; cursor += 1) {
            for (let limit = 1; limit <= 9; limit += 1) {
              const events = await read(opened, cursor, limit);
              expect(events.length).toBeGreaterThan(0);
              expect(events.length).toBeLessThanOrEqual(limit);
              expect(events).toEqual(events.map((_, index) => event(cursor + index)));
            }
          }
        };
        await journal.append([event(0), event(1), event(2), event(3)], 100);
        await journal.append([event(4)], 50);
        await journal.append([event(5), event(6), event(7)], 100);
        await expectLimited(journal);
        if (reopen === undefined) return;
        await journal.close();
        const again = await reopen();
        await expectLimited(again.journal);
        await again.journal.close();
      }));

    it('returns values of every kind unchanged', () =>
      withJournal(ROOMY_BYTES, async ({ journal }) => {
        const rich: RayEvent = {
          type: 'task_definition',
          eventId: 'é日本',
          session: 'session_contract',
          taskId: 'ab'.repeat(24),
          attempt: 0,
          taskType: 'NORMAL_TASK',
          name: '段階 "1"\\',
          language: 'PYTHON',
          requiredResources: { CPU: 0.5, __proto__x: 1e300 },
          isDetachedActor: false,
        };
        await journal.append([rich, event(1)], 1);
        expect(await readAll(journal, 0)).toEqual([rich, event(1)]);
      }));

    it('refuses a batch above its limit as a whole, and accepts it when there is room again', async () => {
      const size = await sizeOf([event(0), event(1)], 60);
      await withJournal(Math.floor(size * 1.5), async ({ journal, giveBack }) => {
        expect(await journal.append([event(0), event(1)], 60)).toEqual({ ok: true });
        const refused = await journal.append([event(2), event(3)], 60);
        expect(refused).toMatchObject({ ok: false, code: 'journal_full' });
        expect(refused.ok ? 0 : refused.retryAfterMs).toBeGreaterThan(0);
        expect(await readAll(journal, 0)).toEqual([event(0), event(1)]);
        await giveBack(2);
        expect(await journal.append([event(2), event(3)], 60)).toEqual({ ok: true });
        expect(await readAll(journal, 2)).toEqual([event(2), event(3)]);
      });
    });

    it('accepts a batch that fills it exactly', async () => {
      const size = await sizeOf([event(0)], 60);
      await withJournal(size * 2, async ({ journal }) => {
        await journal.append([event(0)], 60);
        expect(await journal.append([event(1)], 60)).toEqual({ ok: true });
        expect(journal.stats().bytes).toBe(size * 2);
      });
    });

    it('accepts a batch larger than its limit when empty, so that Ray can deliver it eventually', () =>
      withJournal(10, async ({ journal, giveBack }) => {
        expect(await journal.append([event(0)], 500)).toEqual({ ok: true });
        expect(await journal.append([event(1)], 11)).toMatchObject({ ok: false, code: 'journal_full' });
        await giveBack(1);
        expect(await journal.append([event(1)], 500)).toEqual({ ok: true });
      }));

    it('reports the age of its oldest entry', () =>
      withJournal(ROOMY_BYTES, async ({ journal }) => {
        expect(journal.stats().oldestAgeMs).toBe(0);
        await journal.append([event(7)], 1);
        clock.nowMs += 2000;
        await journal.append([event(9)], 1);
        clock.nowMs += 5000;
        expect(journal.stats().oldestAgeMs).toBeWithin(6990, 7000);
        await journal.read(1, 1);
        journal.release(1);
        expect(journal.stats().oldestAgeMs).toBeWithin(4990, 5000);
        journal.release(2);
        expect(journal.stats().oldestAgeMs).toBe(0);
      }));

    it('throws for a released cursor and for one past the end', () =>
      withJournal(ROOMY_BYTES, async ({ journal }) => {
        await journal.append([event(0), event(1)], 1);
        journal.release(1);
        await expect(journal.read(0, 1)).rejects.toThrow(RangeError);
        await expect(journal.read(3, 1)).rejects.toThrow(RangeError);
        expect(() => journal.release(3)).toThrow(RangeError);
        journal.release(0);
        expect(journal.stats().releasedCursor).toBe(1);
      }));

    it('advances the watermark: later batches have later receive times, and time never runs backwards', () =>
      withJournal(ROOMY_BYTES, async ({ journal }) => {
        await journal.append([event(0)], 1);
        clock.nowMs += 5;
        const watermarkMs = journal.advanceWatermark();
        clock.nowMs -= 10_000;
        await journal.append([event(1)], 1);
        clock.nowMs += 20_000;
        await journal.append([event(2)], 1);
        const { entries } = await journal.read(0, 1);
        const later = [...(await journal.read(1, 1)).entries, ...(await journal.read(2, 1)).entries].map(
          ({ receivedAtMs }) => receivedAtMs,
        );
        expect(entries[0]?.receivedAtMs).toBeLessThanOrEqual(watermarkMs);
        expect(later[0]).toBeGreaterThan(watermarkMs);
        expect(later[1]).toBeGreaterThan(later[0] ?? Number.NaN);
      }));

    it('wakes a waiting reader after an append, not before', () =>
      withJournal(ROOMY_BYTES, async ({ journal }) => {
        await journal.append([event(0)], 1);
        const { signal } = new AbortController();
        await journal.waitForEntries(0, signal);
        let isAwake = false;
        const waiting = journal.waitForEntries(1, signal).then(() => (isAwake = true));
        await journal.append([], 0);
        expect(isAwake).toBe(false);
        await journal.append([event(1)], 1);
        await waiting;
      }));

    it('wakes a waiting reader when its signal aborts and when the journal closes', () =>
      withJournal(ROOMY_BYTES, async ({ journal }) => {
        const controller = new AbortController();
        const aborted = journal.waitForEntries(0, controller.signal);
        const closed = journal.waitForEntries(0, new AbortController().signal);
        controller.abort();
        await aborted;
        await journal.waitForEntries(0, controller.signal);
        await journal.close();
        await closed;
      }));

    it('refuses appends once closed', () =>
      withJournal(ROOMY_BYTES, async ({ journal }) => {
        await journal.close();
        await journal.close();
        expect(await journal.append([event(0)], 1)).toMatchObject({ ok: false, code: 'journal_unavailable' });
        expect(journal.stats().entries).toBe(0);
      }));

    it('behaves like an array for any sequence of operations, also when the process ends at any point', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
          clock.nowMs = START_MS;
          let underTest = await createJournal({ limitBytes: ROOMY_BYTES, now: () => clock.nowMs });
          const all: RayEvent[] = [];
          let released = 0;
          let kept = 0;
          try {
            for (const { kind, amount } of actions) {
              clock.nowMs += amount;
              const cursor = Math.min(released + amount, all.length);
              if (kind === 'append') {
                const batches = amount % 3 === 0 ? [amount, 1] : [amount];
                const events = batches.map((length, batch) =>
                  Array.from({ length }, (_, index) => event(all.length + (batch === 0 ? 0 : amount) + index)),
                );
                const outcomes = await Promise.all(events.map((batch) => underTest.journal.append(batch, 10)));
                expect(outcomes).toEqual(events.map(() => ({ ok: true })));
                all.push(...events.flat());
              } else if (kind === 'read') {
                expect(await readAll(underTest.journal, cursor)).toEqual(all.slice(cursor));
              } else if (kind === 'release') {
                underTest.journal.release(cursor);
                released = cursor;
              } else if (kind === 'giveBack') {
                await underTest.giveBack(cursor);
                released = cursor;
                kept = cursor;
              } else if (underTest.reopen !== undefined) {
                await underTest.journal.close();
                underTest = await underTest.reopen();
                // What was only released is there again.
                released = kept;
              }
              expect(underTest.journal.stats()).toMatchObject({
                entries: all.length - released,
                releasedCursor: released,
                endCursor: all.length,
              });
            }
            expect(await readAll(underTest.journal, released)).toEqual(all.slice(released));
          } finally {
            await underTest.journal.close();
            await underTest.dispose();
          }
        }),
        { numRuns: 30 },
      );
    });
  });
}

const action = fc.record({
  kind: fc.constantFrom('append', 'append', 'append', 'read', 'release', 'giveBack', 'reopen'),
  amount: fc.integer({ min: 0, max: 20 }),
});

expect.extend({
  toBeWithin(received: number, least: number, most: number) {
    return { pass: received >= least && received <= most, message: () => `${received} is not from ${least} to ${most}` };
  },
});

declare module 'vitest' {
  interface Matchers {
    toBeWithin(least: number, most: number): void;
  }
}

/** An event that differs from all others. */
export function event(number: number): RayEvent {
  return {
    type: 'job_lifecycle',
    eventId: `event-${String(number).padStart(6, '0')}`,
    session: 'session_contract',
    jobId: '01000000',
    transitions: [{ state: 'CREATED', timeNs: 1_790_000_000_123_456_789n + BigInt(number) }],
  };
}
