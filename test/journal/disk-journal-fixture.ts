import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type DiskJournalLimits,
  type DiskJournalOptions,
  type Durable,
  type Journal,
  type JournalEvent,
  openDiskJournal,
} from '../../src/journal/index.ts';

export interface OpenJournal {
  readonly journal: Journal & { readonly durable: Durable };
  readonly events: JournalEvent[];
}

/** Time that passes only when the test says so. */
export const sleepUntilAborted: DiskJournalOptions['sleep'] = (_, signal) =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });

export async function newFolder(): Promise<string> {
  return await mkdtemp(join(tmpdir(), 'journal-'));
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

/** All records of the checkpoint. */
export async function recordsOf(
  { durable }: Pick<OpenJournal['journal'], 'durable'>,
  signal = new AbortController().signal,
): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const portion of durable.readCheckpoint(signal)) found.push(...portion);
  return found;
}

export async function openJournal(
  folder: string,
  over: Omit<Partial<DiskJournalOptions>, 'limits'> & { readonly limits?: Partial<DiskJournalLimits> } = {},
): Promise<OpenJournal> {
  const events: JournalEvent[] = [];
  const opened = await openDiskJournal({
    folder,
    sync: 'always',
    syncIntervalMs: 1000,
    now: () => performance.now(),
    epochMs: Date.now,
    sleep: sleepUntilAborted,
    onEvent: (event) => events.push(event),
    ...over,
    // The sleep of tests does not end by itself.
    limits: { groupMs: 0, ...over.limits },
  });
  if (!opened.ok) throw new Error(`${opened.code}: ${opened.message}`);
  return { journal: opened.journal, events };
}
