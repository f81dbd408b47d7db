export type * from './journal.ts';
export { createMemoryJournal, type MemoryJournalOptions } from './memory-journal.ts';
