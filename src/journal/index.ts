export type * from './journal.ts';
export type { JournalEvent } from './journal-event.ts';
export { type DiskJournalOptions, openDiskJournal } from './disk-journal.ts';
export type { DiskJournalLimits } from './limits.ts';
export { createMemoryJournal, type MemoryJournalOptions } from './memory-journal.ts';
