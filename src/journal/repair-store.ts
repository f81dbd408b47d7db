import { access, readdir, readFile, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';

/** Where LevelDB's repair puts the files that it replaced: logs that it made tables of, and what it could not read. */
const REPLACED_FOLDER = 'lost';

/** LevelDB's own code stands in the cause. */
export function codeOf(error: unknown): unknown {
  const own = error instanceof Error && 'code' in error ? error.code : undefined;
  return error instanceof Error && error.cause !== undefined ? (codeOf(error.cause) ?? own) : own;
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message;
}

/** The engine read bytes that it did not write. Its texts of other trouble name paths, which may hold any word. */
export function isCorruption(error: unknown): boolean {
  return codeOf(error) === 'LEVEL_CORRUPTION' || reasonOf(error).startsWith('Corruption: ');
}

/** What a person can do about trouble that is there after a repair; empty when it is of another kind. */
export function remedyOf(error: unknown): string {
  return isCorruption(error) ? '; it is damaged beyond repair: move it away to begin an empty one' : '';
}

/** Trouble that a repair ends; any other, such as a full disk, a repair would make worse. */
export async function isRepairable(folder: string, error: unknown): Promise<boolean> {
  return isCorruption(error) || (await pointsNowhere(folder));
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
