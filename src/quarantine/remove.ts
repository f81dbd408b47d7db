import { appendFile } from 'node:fs/promises';
import { entryPosition } from './entry.ts';
import { deleteFile, type EntryKind, fileNumbers, removalsFile } from './files.ts';
import { readFileEntries } from './read.ts';

/**
 * Removes entries, also while a bridge writes. Ignores unknown ids. The bytes leave the disk with the whole file: immediately when
 * no other entry is in it and the bridge writes to a newer file, otherwise by rotation.
 *
 * @throws the system's error
 */
export async function removeEntries(folder: string, ids: readonly string[]): Promise<void> {
  const offsetsOf = new Map<string, { kind: EntryKind; file: number; offsets: number[] }>();
  for (const position of ids.map(entryPosition)) {
    if (position === undefined) continue;
    const { kind, file, offset } = position;
    const known = offsetsOf.get(`${kind}${file}`) ?? { kind, file, offsets: [] };
    offsetsOf.set(`${kind}${file}`, known);
    known.offsets.push(offset);
  }
  for (const { kind, file, offsets } of offsetsOf.values()) {
    const numbers = await fileNumbers(folder, kind);
    if (!numbers.includes(file)) continue;
    await appendFile(removalsFile(folder, kind, file), offsets.map((offset) => `${offset}\n`).join(''), { mode: 0o600 });
    const isClosed = file !== numbers.at(-1);
    if (isClosed && (await isEmpty(folder, kind, file))) await deleteFile(folder, kind, file);
  }
}

async function isEmpty(folder: string, kind: EntryKind, file: number): Promise<boolean> {
  for await (const _ of readFileEntries(folder, kind, file)) return false;
  return true;
}
