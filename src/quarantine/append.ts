import { mkdir, stat } from 'node:fs/promises';
import { appendWhole, openForLines } from '../export/index.ts';
import { deleteFile, type EntryKind, entryFile, fileNumbers } from './files.ts';
import type { QuarantineLimits } from './limits.ts';

/**
 * Appends lines to the newest file of their kind, or to a new file when they do not fit. Returns how many full files it removed
 * to make room. Opens the file for each call, so it still works after the folder was removed. Does not sync: nobody was promised
 * that quarantined entries survive a power failure.
 *
 * @throws the system's error
 */
export async function appendLines(
  folder: string,
  kind: EntryKind,
  lines: readonly string[],
  { maxFileBytes, maxFiles }: Pick<QuarantineLimits, 'maxFileBytes' | 'maxFiles'>,
): Promise<number> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const text = lines.join('');
  const newest = (await fileNumbers(folder, kind)).at(-1) ?? 1;
  const size = await sizeOf(entryFile(folder, kind, newest));
  const isFull = size > 0 && size + Buffer.byteLength(text) > maxFileBytes;
  const number = isFull ? newest + 1 : newest;
  const removedFiles = isFull ? await removeOld(folder, kind, number - maxFiles) : 0;
  const handle = await openForLines(entryFile(folder, kind, number), 0o600);
  try {
    await appendWhole(handle, text);
  } finally {
    await handle.close();
  }
  return removedFiles;
}

async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch(() => undefined);
  return found?.size ?? 0;
}

/** Removes files up to number `last`, and also files of removals whose entries are gone. Returns the number of entry files. */
async function removeOld(folder: string, kind: EntryKind, last: number): Promise<number> {
  const [entries, removals] = await Promise.all([fileNumbers(folder, kind), fileNumbers(folder, kind, 'removed')]);
  const isOld = (number: number): boolean => number <= last;
  for (const number of new Set([...entries, ...removals].filter(isOld))) await deleteFile(folder, kind, number);
  return entries.filter(isOld).length;
}
