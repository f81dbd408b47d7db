import type { RayEvent } from '../event/index.ts';
import { createWaiters } from '../runtime/index.ts';
import { createJournalClock } from './journal-clock.ts';
import type { AppendOutcome, Journal, JournalCursor, JournalSlice, JournalStats } from './journal.ts';
import { assertReachable, JOURNAL_CLOSED, RETRY_AFTER_MS } from './outcomes.ts';
import { Tail } from './tail.ts';

/** Default of `MemoryJournalOptions.limitBytes`: 256 MiB. */
const DEFAULT_JOURNAL_LIMIT_BYTES = 256 * 1024 * 1024;

export interface MemoryJournalOptions {
  /** Maximum size of waiting batches, as decompressed bodies. Default 256 MiB. */
  readonly limitBytes?: number;
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => number;
}

/** A journal in memory. Its entries are lost when the process ends. */
export function createMemoryJournal(options: MemoryJournalOptions = {}): Journal {
  const limitBytes = options.limitBytes ?? DEFAULT_JOURNAL_LIMIT_BYTES;
  const now = options.now ?? Date.now;
  const clock = createJournalClock(now, now());
  const tail = new Tail();
  const waiters = createWaiters();
  let releasedCursor = 0;
  let endCursor = 0;
  let isClosed = false;

  async function append(events: readonly RayEvent[], bytes: number): Promise<AppendOutcome> {
    if (isClosed) return JOURNAL_CLOSED;
    if (events.length === 0) return { ok: true };
    if (!tail.isEmpty && tail.bytes + bytes > limitBytes) {
      const message = `the journal holds ${tail.bytes} of ${limitBytes} bytes and has no room for ${bytes} more`;
      return { ok: false, code: 'journal_full', message, retryAfterMs: RETRY_AFTER_MS };
    }
    const receivedAtMs = clock.stamp();
    const epochMs = now();
    tail.push({ firstCursor: endCursor, entries: events.map((event) => ({ event, receivedAtMs, epochMs })), bytes });
    endCursor += events.length;
    waiters.changed();
    return { ok: true };
  }

  async function read(cursor: JournalCursor, limit: number): Promise<JournalSlice> {
    assertReachable(cursor, releasedCursor, endCursor);
    return tail.slice(cursor, limit);
  }

  function release(cursor: JournalCursor): void {
    if (cursor > endCursor) throw new RangeError(`cursor ${cursor} is past the end of the journal, ${endCursor}`);
    releasedCursor = Math.max(releasedCursor, cursor);
    tail.release(releasedCursor);
  }

  function stats(): JournalStats {
    const oldestMs = tail.oldest?.entries[0]?.receivedAtMs;
    return {
      entries: endCursor - releasedCursor,
      bytes: tail.bytes,
      limitBytes,
      releasedCursor,
      endCursor,
      oldestAgeMs: oldestMs === undefined ? 0 : Math.max(0, clock.nowMs() - oldestMs),
    };
  }

  return {
    append,
    read,
    release,
    advanceWatermark: () => clock.advanceWatermark(undefined),
    nowMs: () => clock.nowMs(),
    stats,
    waitForEntries: (cursor, signal) => waiters.until(() => endCursor > cursor || isClosed, signal),
    async close() {
      isClosed = true;
      waiters.changed();
    },
  };
}
