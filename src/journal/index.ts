export type * from './journal.ts';
export { createMemoryJournal, DEFAULT_JOURNAL_LIMIT_BYTES, type MemoryJournalOptions } from './memory-journal.ts';
