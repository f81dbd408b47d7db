import { appendFile } from 'node:fs/promises';
import { placeOfId } from './entry.ts';
import { deleteFile, type EntryKind, fileNumbers, removalsFile } from './files.ts';
import { readFileEntries } from './read.ts';

/**
 * Takes entries out of the quarantine, also while a bridge writes. Their bytes leave the disk when a whole file is removed: at once where
 * nothing else is in it and the bridge has gone on to the next one, else by rotation. Ids that are not there are passed over. Rejects with
 * what the system says.
 */
export async function removeEntries(folder: string, ids: readonly string[]): Promise<void> {
  const offsetsOf = new Map<string, { kind: EntryKind; file: number; offsets: number[] }>();
  for (const place of ids.map(placeOfId)) {
    if (place === undefined) continue;
    const { kind, file, offset } = place;
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
