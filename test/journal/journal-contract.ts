import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RayEvent } from '../../src/event/index.ts';
import type { Journal, JournalEntry } from '../../src/journal/index.ts';

/** Makes an empty journal with this limit; `dispose` removes what it left behind. */
export type JournalFactory = (options: {
  readonly limitBytes: number;
}) => Promise<{ readonly journal: Journal; readonly dispose: () => Promise<void> }>;

/** Small enough for random batches to reach it. */
const MODEL_LIMIT_BYTES = 1000;

/** What every journal engine promises, whatever it is made of. */
export function describeJournalContract(name: string, createJournal: JournalFactory): void {
  async function withJournal(limitBytes: number, use: (journal: Journal) => Promise<void>): Promise<void> {
    const { journal, dispose } = await createJournal({ limitBytes });
    try {
      await use(journal);
    } finally {
      await journal.close();
      await dispose();
    }
  }

  describe(`${name}: journal contract`, () => {
    it('gives back what was appended, in order, in pieces of any size', () =>
      withJournal(10_000, async (journal) => {
        await journal.append([entry(0), entry(1)], 100);
        await journal.append([entry(2)], 50);
        expect(await journal.read(0, 10)).toEqual([entry(0), entry(1), entry(2)]);
        expect(await journal.read(1, 1)).toEqual([entry(1)]);
        expect(await journal.read(1, 2)).toEqual([entry(1), entry(2)]);
        expect(await journal.read(3, 10)).toEqual([]);
        expect(journal.stats()).toMatchObject({ entries: 3, bytes: 150, limitBytes: 10_000, releasedCursor: 0, endCursor: 3 });
      }));

    it('refuses a batch past its limit whole, and takes it after a release', () =>
      withJournal(100, async (journal) => {
        expect(await journal.append([entry(0), entry(1)], 60)).toEqual({ ok: true });
        const refused = await journal.append([entry(2), entry(3)], 41);
        expect(refused).toMatchObject({ ok: false, code: 'journal_full' });
        expect(refused.ok ? 0 : refused.retryAfterMs).toBeGreaterThan(0);
        expect(await journal.read(0, 10)).toEqual([entry(0), entry(1)]);
        await journal.release(2);
        expect(await journal.append([entry(2), entry(3)], 41)).toEqual({ ok: true });
        expect(await journal.read(2, 10)).toEqual([entry(2), entry(3)]);
      }));

    it('takes a batch that fills it exactly', () =>
      withJournal(100, async (journal) => {
        await journal.append([entry(0)], 60);
        expect(await journal.append([entry(1)], 40)).toEqual({ ok: true });
        expect(journal.stats().bytes).toBe(100);
      }));

    it('takes a batch larger than its limit when it is empty, so that a repeating sender gets through', () =>
      withJournal(100, async (journal) => {
        expect(await journal.append([entry(0)], 500)).toEqual({ ok: true });
        expect(await journal.append([entry(1)], 1)).toMatchObject({ ok: false, code: 'journal_full' });
        await journal.release(1);
        expect(await journal.append([entry(1)], 500)).toEqual({ ok: true });
      }));

    it('keeps the bytes of a batch until its last entry is released', () =>
      withJournal(100, async (journal) => {
        await journal.append([entry(0), entry(1)], 90);
        await journal.release(1);
        expect(journal.stats()).toMatchObject({ entries: 1, bytes: 90, releasedCursor: 1 });
        await journal.release(2);
        expect(journal.stats()).toMatchObject({ entries: 0, bytes: 0, releasedCursor: 2 });
      }));

    it('tells the receive time of its oldest entry', () =>
      withJournal(1000, async (journal) => {
        expect(journal.stats().oldestReceivedAtMs).toBeUndefined();
        await journal.append([entry(7)], 1);
        await journal.append([entry(9)], 1);
        expect(journal.stats().oldestReceivedAtMs).toBe(entry(7).receivedAtMs);
        await journal.release(1);
        expect(journal.stats().oldestReceivedAtMs).toBe(entry(9).receivedAtMs);
      }));

    it('calls a released cursor and one past the end a mistake of the caller', () =>
      withJournal(1000, async (journal) => {
        await journal.append([entry(0), entry(1)], 1);
        await journal.release(1);
        await expect(journal.read(0, 1)).rejects.toThrow(RangeError);
        await expect(journal.read(3, 1)).rejects.toThrow(RangeError);
        await expect(journal.release(3)).rejects.toThrow(RangeError);
        await journal.release(0);
        expect(journal.stats().releasedCursor).toBe(1);
      }));

    it('wakes a waiting reader at an append, not before', () =>
      withJournal(1000, async (journal) => {
        await journal.append([entry(0)], 1);
        const { signal } = new AbortController();
        await journal.waitForEntries(0, signal);
        let isAwake = false;
        const waiting = journal.waitForEntries(1, signal).then(() => (isAwake = true));
        await Promise.resolve();
        expect(isAwake).toBe(false);
        await journal.append([], 0);
        await Promise.resolve();
        expect(isAwake).toBe(false);
        await journal.append([entry(1)], 1);
        await waiting;
      }));

    it('wakes a waiting reader when its signal aborts and when the journal closes', () =>
      withJournal(1000, async (journal) => {
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
      withJournal(1000, async (journal) => {
        await journal.close();
        await journal.close();
        expect(await journal.append([entry(0)], 1)).toMatchObject({ ok: false, code: 'journal_unavailable' });
        expect(journal.stats().entries).toBe(0);
      }));

    it('does what a plain array does, whatever is asked of it', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(action, { maxLength: 60 }), (actions) =>
          withJournal(MODEL_LIMIT_BYTES, async (journal) => {
            const model = createModel(MODEL_LIMIT_BYTES);
            for (const { kind, amount, bytes } of actions) {
              if (kind === 'append') {
                const entries = Array.from({ length: amount }, (_, index) => entry(model.end() + index));
                expect((await journal.append(entries, bytes)).ok).toBe(model.append(entries, bytes));
              } else if (kind === 'read') {
                const cursor = model.released() + Math.min(amount, model.end() - model.released());
                expect(await journal.read(cursor, bytes)).toEqual(model.read(cursor, bytes));
              } else {
                const cursor = Math.min(model.released() + amount, model.end());
                await journal.release(cursor);
                model.release(cursor);
              }
              expect(journal.stats()).toMatchObject(model.stats());
            }
          }),
        ),
        { numRuns: 200 },
      );
    });
  });
}

const action = fc.record({
  kind: fc.constantFrom('append', 'append', 'read', 'release'),
  amount: fc.integer({ min: 0, max: 20 }),
  bytes: fc.integer({ min: 1, max: 400 }),
});

/** The journal as simply as it can be said: all entries ever, and the batches that were not released. */
function createModel(limitBytes: number) {
  const all: JournalEntry[] = [];
  let batches: { readonly end: number; readonly bytes: number }[] = [];
  let releasedCursor = 0;
  const bytesHeld = (): number => batches.reduce((sum, batch) => sum + batch.bytes, 0);
  return {
    end: () => all.length,
    released: () => releasedCursor,
    append(entries: readonly JournalEntry[], bytes: number): boolean {
      if (entries.length === 0) return true;
      if (batches.length > 0 && bytesHeld() + bytes > limitBytes) return false;
      all.push(...entries);
      batches.push({ end: all.length, bytes });
      return true;
    },
    read: (cursor: number, limit: number) => all.slice(cursor, cursor + limit),
    release(cursor: number): void {
      releasedCursor = cursor;
      batches = batches.filter((batch) => batch.end > cursor);
    },
    stats: () => ({ entries: all.length - releasedCursor, bytes: bytesHeld(), releasedCursor, endCursor: all.length }),
  };
}

/** An entry that can be told from all others. */
function entry(number: number): JournalEntry {
  const event: RayEvent = {
    type: 'job_lifecycle',
    eventId: `event-${number}`,
    session: 'session_contract',
    jobId: '01000000',
    transitions: [{ state: 'CREATED', timeNs: 1_790_000_000_123_456_789n + BigInt(number) }],
  };
  return { event, receivedAtMs: 1_790_000_000_000 + number };
}
