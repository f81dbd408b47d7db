import type { AppendOutcome, JournalCursor } from './journal.ts';

/**
 * The journal drains as fast as the backend accepts spans, so a retry after a second is soon
 * enough.
 */
export const RETRY_AFTER_MS = 1000;

export const JOURNAL_CLOSED: AppendOutcome = {
  ok: false,
  code: 'journal_unavailable',
  message: 'the journal is closed',
  retryAfterMs: RETRY_AFTER_MS,
};

export function assertReachable(cursor: JournalCursor, releasedCursor: JournalCursor, endCursor: JournalCursor): void {
  if (cursor < releasedCursor) throw new RangeError(`cursor ${cursor} was released; the journal begins at ${releasedCursor}`);
  if (cursor > endCursor) throw new RangeError(`cursor ${cursor} is past the end of the journal, ${endCursor}`);
}
