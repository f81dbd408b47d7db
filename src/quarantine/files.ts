import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

export const ENTRY_KINDS = ['event', 'span'] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

/** Where the quarantine of a bridge stands in its data folder. */
export function quarantineFolder(dataDir: string): string {
  return join(dataDir, 'quarantine');
}

/**
 * Files are numbered and only ever appended to by the one bridge that owns the folder; no entry moves, so that file and offset are its id
 * for good. Whoever removes an entry appends its offset to the file of removals beside it. So nobody needs a lock.
 */
export function entryFile(folder: string, kind: EntryKind, number: number): string {
  return join(folder, `${kind}s-${number}.ndjson`);
}

/** Offsets of removed entries, one a line. */
export function removalsFile(folder: string, kind: EntryKind, number: number): string {
  return join(folder, `${kind}s-${number}.removed`);
}

/** Numbers of the files of a kind, in ascending order. Empty when there is no folder yet. */
export async function fileNumbers(folder: string, kind: EntryKind, suffix: 'ndjson' | 'removed' = 'ndjson'): Promise<readonly number[]> {
  const pattern = new RegExp(String.raw`^${kind}s-(\d{1,15})\.${suffix}$`);
  const names = await readdir(folder).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  return names
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => a - b);
}

/** Entries first: removals without entries do no harm, entries without their removals would come back. */
export async function deleteFile(folder: string, kind: EntryKind, number: number): Promise<void> {
  await rm(entryFile(folder, kind, number), { force: true });
  await rm(removalsFile(folder, kind, number), { force: true });
}

/** A line that is not ended is still being written, and left out. */
export async function readRemovals(folder: string, kind: EntryKind, number: number): Promise<ReadonlySet<number>> {
  const text = (await readIfThere(removalsFile(folder, kind, number)))?.toString('latin1') ?? '';
  const lines = text.split('\n').slice(0, -1);
  return new Set(lines.filter((line) => /^\d+$/.test(line)).map(Number));
}

/** Undefined when there is no such file: it was rotated out meanwhile. */
export async function readIfThere(file: string): Promise<Buffer | undefined> {
  return await readFile(file).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
