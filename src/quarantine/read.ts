import { entryId, parseEntry, type QuarantineEntry } from './entry.ts';
import { ENTRY_KINDS, type EntryKind, entryFile, fileNumbers, readIfPresent, readRemovals } from './files.ts';

export interface QuarantineProblem {
  readonly kind: 'problem';
  readonly id: string;
  readonly message: string;
}

const LINE_FEED = 0x0a;

/**
 * Reads the quarantine: events first, then spans, each kind in the order of arrival, without removed entries. Works while a bridge
 * writes: ignores a last line without a line feed.
 *
 * @throws the system's error when a file cannot be read
 */
export async function* readQuarantine(folder: string): AsyncGenerator<QuarantineEntry | QuarantineProblem, void, undefined> {
  for (const kind of ENTRY_KINDS) {
    for (const number of await fileNumbers(folder, kind)) yield* readFileEntries(folder, kind, number);
  }
}

/** Entries of one file, without removed ones. Reads the file as a whole: it is at most 16 MiB. */
export async function* readFileEntries(
  folder: string,
  kind: EntryKind,
  number: number,
): AsyncGenerator<QuarantineEntry | QuarantineProblem, void, undefined> {
  const removed = await readRemovals(folder, kind, number);
  const bytes = await readIfPresent(entryFile(folder, kind, number));
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
