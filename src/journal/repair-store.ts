import { access, readdir, readFile, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { errorCode } from '../runtime/index.ts';

/**
 * LevelDB's repair moves the replaced files here: logs that it converted to tables, and unreadable
 * files.
 */
const REPLACED_FOLDER = 'lost';

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message;
}

/**
 * LevelDB's message for a table file that is truncated, missing, or not a file. It calls this an
 * I/O error, although the disk works. Anchored, because a path can contain any word.
 */
const CUT_TABLE = /^IO error: .*\d\.(?:ldb|sst): (?:Invalid argument|No such device|Is a directory|No such file or directory)$/s;

/**
 * True when LevelDB read other or fewer bytes than it wrote. Messages of other errors contain
 * paths, which can contain any word.
 */
export function isCorruption(error: unknown): boolean {
  const reason = reasonOf(error);
  return errorCode(error) === 'LEVEL_CORRUPTION' || reason.startsWith('Corruption: ') || CUT_TABLE.test(reason);
}

/** The fix for corruption that remains after a repair; empty for other errors. */
export function remedyOf(error: unknown): string {
  return isCorruption(error) ? '; it is damaged beyond repair: move the folder away to start with an empty journal' : '';
}

/** True for errors that a repair fixes. A repair would make others worse, such as a full disk. */
export async function isRepairable(folder: string, error: unknown): Promise<boolean> {
  return isCorruption(error) || (await lacksManifest(folder));
}

/** Without `CURRENT`, LevelDB treats the folder as empty and removes the tables in it. */
export async function lacksCurrent(folder: string): Promise<boolean> {
  const names = await readdir(folder);
  return !names.includes('CURRENT') && names.some((name) => /^(?:\d{6,}\.(?:ldb|sst)|MANIFEST-\d{6,})$/.test(name));
}

/**
 * Describes the first table that is shorter than LevelDB's list says; undefined when all are whole.
 * LevelDB itself would notice only when it reads there. It removes tables after it took them off
 * the list, so a table that is still listed afterwards should be complete.
 */
export async function findCutTable(folder: string, tables: () => string | null | undefined): Promise<string | undefined> {
  for (const { names, bytes } of listedTables(tables())) {
    const size = await sizeOf(folder, names);
    if (size >= bytes) continue;
    const isListed = listedTables(tables()).some((table) => table.names[0] === names[0]);
    if (isListed) return `the table ${names[0]} has ${size} of ${bytes} bytes`;
  }
  return undefined;
}

/** Size of the first existing file; 0 if none exists. */
async function sizeOf(folder: string, names: readonly string[]): Promise<number> {
  for (const name of names) {
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found !== undefined) return found.size;
  }
  return 0;
}

/**
 * Parses the property `leveldb.sstables`: one line per table in use, ` NUMBER:BYTES[...]`. Its file
 * has one of two extensions.
 */
export function listedTables(
  property: string | null | undefined,
): readonly { readonly names: readonly string[]; readonly bytes: number }[] {
  return Array.from((property ?? '').matchAll(/^ (\d+):(\d+)\[/gm), ([, number = '', bytes]) => {
    const base = number.padStart(6, '0');
    return { names: [`${base}.ldb`, `${base}.sst`], bytes: Number(bytes) };
  });
}

/**
 * Lets LevelDB rebuild its list of files from the files, without the unreadable ones. Throws when
 * the disk has too little space, because LevelDB drops a table that it cannot copy. The replaced
 * files stay in `lost`: see `removeReplaced`.
 */
export async function repairStore(folder: string): Promise<void> {
  await rm(join(folder, REPLACED_FOLDER), { recursive: true, force: true });
  const [neededBytes, { bavail, bsize }] = await Promise.all([bytesIn(folder), statfs(folder)]);
  const freeBytes = bavail * bsize;
  if (freeBytes < neededBytes)
    throw new Error(
      `it is damaged, and a repair needs ${neededBytes} bytes of free disk space, but there are ${freeBytes}: free disk space`,
    );
  await ClassicLevel.repair(folder);
}

/**
 * Removes the files that a repair replaced, after the repaired store was read. No limit of the
 * journal includes them. Returns a text for people; undefined if there was nothing to remove.
 */
export async function removeReplaced(folder: string): Promise<string | undefined> {
  const replaced = join(folder, REPLACED_FOLDER);
  try {
    const bytes = await bytesIn(replaced);
    await rm(replaced, { recursive: true, force: true });
    return `${bytes} bytes of files that a repair replaced were removed`;
  } catch {
    // Usually the folder does not exist. If it cannot be removed, the next repair tries again.
    return undefined;
  }
}

/** True when `CURRENT` does not name an existing manifest, LevelDB's list of files. */
async function lacksManifest(folder: string): Promise<boolean> {
  const name = await readFile(join(folder, 'CURRENT'), 'latin1').catch(() => undefined);
  if (name === undefined) return false;
  if (!/^MANIFEST-\d+\n$/.test(name)) return true;
  return await access(join(folder, name.trim())).then(
    () => false,
    () => true,
  );
}

async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder);
  const sizes = await Promise.all(
    names.map(async (name) => {
      const { size } = await stat(join(folder, name));
      return size;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
