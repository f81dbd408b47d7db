import { createMemoryJournal } from '../../src/journal/index.ts';
import { describeJournalContract } from './journal-contract.ts';

describeJournalContract('memory', async (options) => {
  const journal = createMemoryJournal(options);
  return { journal, giveBack: async (cursor) => journal.release(cursor), dispose: async () => {} };
});
