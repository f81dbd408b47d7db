import { createMemoryJournal } from '../../src/journal/index.ts';
import { describeJournalContract } from './journal-contract.ts';

describeJournalContract('memory', async (options) => ({ journal: createMemoryJournal(options), dispose: async () => {} }));
