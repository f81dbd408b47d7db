import { mkdir, stat } from 'node:fs/promises';
import { appendWhole, openForLines } from '../export/index.ts';
import { deleteFile, type EntryKind, entryFile, fileNumbers } from './files.ts';
import type { QuarantineLimits } from './limits.ts';

export interface AppendedLines {
  /** Full files that were removed to make room. */
  readonly removedFiles: number;
}

/**
 * Appends whole lines to the newest file of their kind, or to a new one when they do not fit. Opens the file each time, so that it goes on
 * when somebody cleared the folder away. Not synced: what is in quarantine was never promised. Throws what the system says.
 */
export async function appendLines(
  folder: string,
  kind: EntryKind,
  lines: readonly string[],
  { maxFileBytes, maxFiles }: Pick<QuarantineLimits, 'maxFileBytes' | 'maxFiles'>,
): Promise<AppendedLines> {
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
  return { removedFiles };
}

async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch(() => undefined);
  return found?.size ?? 0;
}

/** Also removals whose entries are gone. */
async function removeOld(folder: string, kind: EntryKind, last: number): Promise<number> {
  const [entries, removals] = await Promise.all([fileNumbers(folder, kind), fileNumbers(folder, kind, 'removed')]);
  const isOld = (number: number): boolean => number <= last;
  for (const number of new Set([...entries, ...removals].filter(isOld))) await deleteFile(folder, kind, number);
  return entries.filter(isOld).length;
}
