import { entryId, parseEntry, type QuarantineEntry } from './entry.ts';
import { ENTRY_KINDS, type EntryKind, entryFile, fileNumbers, readIfThere, readRemovals } from './files.ts';

export interface QuarantineProblem {
  readonly kind: 'problem';
  readonly id: string;
  readonly message: string;
}

const LINE_FEED = 0x0a;

/**
 * What is in quarantine: events, then spans, each kind in the order in which it came, removed entries left out. Works while a bridge
 * writes: a line that is not ended yet is left out. Rejects with what the system says when a file cannot be read.
 */
export async function* readQuarantine(folder: string): AsyncGenerator<QuarantineEntry | QuarantineProblem, void, undefined> {
  for (const kind of ENTRY_KINDS) {
    for (const number of await fileNumbers(folder, kind)) yield* readFileEntries(folder, kind, number);
  }
}

/** Entries of one file that are not removed. A file is 16 MiB at most, and read as a whole. */
export async function* readFileEntries(
  folder: string,
  kind: EntryKind,
  number: number,
): AsyncGenerator<QuarantineEntry | QuarantineProblem, void, undefined> {
  const removed = await readRemovals(folder, kind, number);
  const bytes = await readIfThere(entryFile(folder, kind, number));
  if (bytes === undefined) return;
  let start = 0;
  for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
    if (end > start && !removed.has(start)) {
      const id = entryId(kind, number, start);
      yield parseEntry(id, kind, bytes.toString('utf8', start, end)) ?? { kind: 'problem', id, message: 'the line is damaged' };
    }
    start = end + 1;
  }
}
