import { access, readdir, readFile, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { errorCode } from '../runtime/index.ts';

/** Where LevelDB's repair puts the files that it replaced: logs that it made tables of, and what it could not read. */
const REPLACED_FOLDER = 'lost';

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message;
}

/**
 * How the engine reports a table file that is shorter than it was, no file any more, or not there: as trouble of the disk, though no disk is at fault.
 * Anchored, because a path may hold any word.
 */
const CUT_TABLE = /^IO error: .*\d\.(?:ldb|sst): (?:Invalid argument|No such device|Is a directory|No such file or directory)$/s;

/** The engine read bytes that it did not write, or fewer. Its texts of other trouble name paths, which may hold any word. */
export function isCorruption(error: unknown): boolean {
  const reason = reasonOf(error);
  return errorCode(error) === 'LEVEL_CORRUPTION' || reason.startsWith('Corruption: ') || CUT_TABLE.test(reason);
}

/** What a person can do about trouble that is there after a repair; empty when it is of another kind. */
export function remedyOf(error: unknown): string {
  return isCorruption(error) ? '; it is damaged beyond repair: move the folder away to start with an empty journal' : '';
}

/** Trouble that a repair ends; any other, such as a full disk, a repair would make worse. */
export async function isRepairable(folder: string, error: unknown): Promise<boolean> {
  return isCorruption(error) || (await pointsNowhere(folder));
}

/** Without `CURRENT` the engine takes a folder for an empty one, and removes the tables in it. */
export async function lacksCurrent(folder: string): Promise<boolean> {
  const names = await readdir(folder);
  return !names.includes('CURRENT') && names.some((name) => /^(?:\d{6,}\.(?:ldb|sst)|MANIFEST-\d{6,})$/.test(name));
}

/**
 * Which table is shorter than the engine's list of files says, in words; undefined when none is. The engine itself would find out when it reads there. It
 * removes tables after it took them off its list, so a table that is still on the list afterwards should have been whole.
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

/** Of the first name that is there; 0 when none is. */
async function sizeOf(folder: string, names: readonly string[]): Promise<number> {
  for (const name of names) {
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found !== undefined) return found.size;
  }
  return 0;
}

/** Of the property `leveldb.sstables`: a line for each table that is in use, ` NUMBER:BYTES[...]`. Its file has one of two endings. */
export function listedTables(
  property: string | null | undefined,
): readonly { readonly names: readonly string[]; readonly bytes: number }[] {
  return Array.from((property ?? '').matchAll(/^ (\d+):(\d+)\[/gm), ([, number = '', bytes]) => {
    const base = number.padStart(6, '0');
    return { names: [`${base}.ldb`, `${base}.sst`], bytes: Number(bytes) };
  });
}

/**
 * LevelDB makes its list of files anew from the files, and leaves out what it cannot read. Throws when the disk has no room for that: a
 * table that cannot be copied would be given up. The files that were replaced stay in `lost`: see `removeReplaced`.
 */
export async function repairStore(folder: string): Promise<void> {
  await rm(join(folder, REPLACED_FOLDER), { recursive: true, force: true });
  const [neededBytes, { bavail, bsize }] = await Promise.all([bytesIn(folder), statfs(folder)]);
  const freeBytes = bavail * bsize;
  if (freeBytes < neededBytes)
    throw new Error(`it is damaged; to repair it, the disk needs ${neededBytes} bytes free and has ${freeBytes}: make room`);
  await ClassicLevel.repair(folder);
}

/**
 * Removes what a repair replaced, once the repaired store could be read: no limit of the journal counts it. What it says is for people; undefined when
 * there was nothing.
 */
export async function removeReplaced(folder: string): Promise<string | undefined> {
  const place = join(folder, REPLACED_FOLDER);
  try {
    const bytes = await bytesIn(place);
    await rm(place, { recursive: true, force: true });
    return `files that its repair replaced, ${bytes} bytes, were removed`;
  } catch {
    // Not there, which is the rule; or it cannot be removed, and the next repair will try.
    return undefined;
  }
}

/** `CURRENT` names the list of files; damaged, it names one that is not there. */
async function pointsNowhere(folder: string): Promise<boolean> {
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
