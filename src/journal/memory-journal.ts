import type { AppendOutcome, Journal, JournalCursor, JournalEntry, JournalStats } from './journal.ts';

/** Default of `MemoryJournalOptions.limitBytes`: 256 MiB. */
const DEFAULT_JOURNAL_LIMIT_BYTES = 256 * 1024 * 1024;

/** Room comes back as fast as the backend takes spans; a second is soon enough to ask again. */
const RETRY_AFTER_MS = 1000;

export interface MemoryJournalOptions {
  /** Bytes of accepted batches, as decoded from the wire, that may wait for the pump. Default 256 MiB. */
  readonly limitBytes?: number;
}

interface Batch {
  readonly firstCursor: JournalCursor;
  readonly entries: readonly JournalEntry[];
  readonly bytes: number;
}

/** A journal that lives as long as the process. What it holds when the process ends is lost. */
export function createMemoryJournal(options: MemoryJournalOptions = {}): Journal {
  const limitBytes = options.limitBytes ?? DEFAULT_JOURNAL_LIMIT_BYTES;
  const batches: Batch[] = [];
  const wakeUps = new Set<() => void>();
  let releasedCursor = 0;
  let endCursor = 0;
  let bytes = 0;
  let isClosed = false;

  function wakeAll(): void {
    for (const wake of wakeUps) wake();
  }

  async function append(entries: readonly JournalEntry[], batchBytes: number): Promise<AppendOutcome> {
    if (isClosed) {
      return { ok: false, code: 'journal_unavailable', message: 'the journal is closed', retryAfterMs: RETRY_AFTER_MS };
    }
    if (entries.length === 0) return { ok: true };
    if (batches.length > 0 && bytes + batchBytes > limitBytes) {
      const message = `the journal holds ${bytes} of ${limitBytes} bytes and has no room for ${batchBytes} more`;
      return { ok: false, code: 'journal_full', message, retryAfterMs: RETRY_AFTER_MS };
    }
    batches.push({ firstCursor: endCursor, entries: [...entries], bytes: batchBytes });
    endCursor += entries.length;
    bytes += batchBytes;
    wakeAll();
    return { ok: true };
  }

  async function read(cursor: JournalCursor, limit: number): Promise<readonly JournalEntry[]> {
    assertReachable(cursor, releasedCursor, endCursor);
    let found: readonly JournalEntry[] = [];
    for (let index = indexOfBatch(batches, cursor); index < batches.length && found.length < limit; index += 1) {
      const batch = batches[index];
      if (batch === undefined) break;
      const from = Math.max(0, cursor - batch.firstCursor);
      found = found.concat(batch.entries.slice(from, from + limit - found.length));
    }
    return found;
  }

  /** A batch gives its bytes back with its last entry: the limit errs on the safe side. */
  async function release(cursor: JournalCursor): Promise<void> {
    if (cursor > endCursor) throw new RangeError(`cursor ${cursor} is past the end of the journal, ${endCursor}`);
    releasedCursor = Math.max(releasedCursor, cursor);
    let done = 0;
    for (const batch of batches) {
      if (batch.firstCursor + batch.entries.length > releasedCursor) break;
      bytes -= batch.bytes;
      done += 1;
    }
    if (done > 0) batches.splice(0, done);
  }

  function stats(): JournalStats {
    const oldest = batches[0];
    const oldestEntry = oldest?.entries[Math.max(0, releasedCursor - oldest.firstCursor)];
    return {
      entries: endCursor - releasedCursor,
      bytes,
      limitBytes,
      releasedCursor,
      endCursor,
      ...(oldestEntry === undefined ? {} : { oldestReceivedAtMs: oldestEntry.receivedAtMs }),
    };
  }

  async function waitForEntries(cursor: JournalCursor, signal: AbortSignal): Promise<void> {
    if (endCursor > cursor || isClosed || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        if (endCursor <= cursor && !isClosed && !signal.aborted) return;
        wakeUps.delete(finish);
        signal.removeEventListener('abort', finish);
        resolve();
      };
      wakeUps.add(finish);
      signal.addEventListener('abort', finish);
    });
  }

  async function close(): Promise<void> {
    isClosed = true;
    wakeAll();
  }

  return { append, read, release, stats, waitForEntries, close };
}

function assertReachable(cursor: JournalCursor, releasedCursor: JournalCursor, endCursor: JournalCursor): void {
  if (cursor < releasedCursor) throw new RangeError(`cursor ${cursor} was released; the journal begins at ${releasedCursor}`);
  if (cursor > endCursor) throw new RangeError(`cursor ${cursor} is past the end of the journal, ${endCursor}`);
}

/** Index of the batch that holds `cursor`; the number of batches when none does. */
function indexOfBatch(batches: readonly Batch[], cursor: JournalCursor): number {
  let low = 0;
  let high = batches.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const batch = batches[middle];
    if (batch !== undefined && batch.firstCursor + batch.entries.length <= cursor) low = middle + 1;
    else high = middle;
  }
  return low;
}
