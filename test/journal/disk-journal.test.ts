import type { Journal, JournalCursor } from '../../src/journal/index.ts';
import { newFolder, openJournal, removeFolder } from './disk-journal-fixture.ts';
import { describeJournalContract, type JournalUnderTest } from './journal-contract.ts';

describeJournalContract('disk', async ({ limitBytes, now }) => {
  const folder = await newFolder();
  async function open(): Promise<JournalUnderTest> {
    const { journal } = await openJournal(folder, { now, epochMs: now, limits: { limitBytes } });
    return {
      journal,
      giveBack: (cursor) => giveBack(journal, cursor),
      reopen: open,
      dispose: () => removeFolder(folder),
    };
  }
  return await open();
});

async function giveBack(journal: Journal, cursor: JournalCursor): Promise<void> {
  journal.release(cursor);
  await journal.durable?.saveCheckpoint({
    cursor,
    position: { spans: 0, outputs: 0 },
    options: undefined,
    records: [],
    pause: async () => {},
  });
}
