import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../runtime/index.ts';

export const ENTRY_KINDS = ['event', 'span'] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

/** Folder of the quarantine in the data folder of a bridge. */
export function quarantineFolder(dataDir: string): string {
  return join(dataDir, 'quarantine');
}

/** File of entries, one per line. See the README for why it needs no lock. */
export function entryFile(folder: string, kind: EntryKind, number: number): string {
  return join(folder, `${kind}s-${number}.ndjson`);
}

/** File with the offsets of removed entries, one per line. */
export function removalsFile(folder: string, kind: EntryKind, number: number): string {
  return join(folder, `${kind}s-${number}.removed`);
}

/** Numbers of the files of a kind, in ascending order. Empty when the folder does not exist yet. */
export async function fileNumbers(folder: string, kind: EntryKind, suffix: 'ndjson' | 'removed' = 'ndjson'): Promise<readonly number[]> {
  const pattern = new RegExp(String.raw`^${kind}s-(\d{1,15})\.${suffix}$`);
  const names = await readdir(folder).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  });
  return names
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => a - b);
}

/** Deletes a file and its removals. The entries go first, so that a crash in between cannot bring removed entries back. */
export async function deleteFile(folder: string, kind: EntryKind, number: number): Promise<void> {
  await rm(entryFile(folder, kind, number), { force: true });
  await rm(removalsFile(folder, kind, number), { force: true });
}

/** Offsets of the removed entries of a file. Ignores a last line without a line feed: it is still being written. */
export async function readRemovals(folder: string, kind: EntryKind, number: number): Promise<ReadonlySet<number>> {
  const text = (await readIfPresent(removalsFile(folder, kind, number)))?.toString('latin1') ?? '';
  const lines = text.split('\n').slice(0, -1);
  return new Set(lines.filter((line) => /^\d+$/.test(line)).map(Number));
}

/** Reads a file. Undefined when it does not exist, for example after rotation. */
export async function readIfPresent(file: string): Promise<Buffer | undefined> {
  return await readFile(file).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  });
}
