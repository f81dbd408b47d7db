import { access, constants, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../runtime/index.ts';
import { listedTables } from './repair-store.ts';

/** Names of missing files that a message lists. */
const NAMED_FILES_MAX = 5;

/** What the file system says of a folder and of the lock file in it: while the engine is open, they are the same ones. */
export interface FolderIdentity {
  readonly folder: string;
  readonly lock: string;
}

/**
 * `folder`: what is written goes nowhere, or elsewhere, and nothing but the folder's return ends that. `files`: the folder is there, and files of the
 * engine in it are not: a repair ends that.
 */
export interface FolderProblem {
  readonly kind: 'folder' | 'files';
  readonly reason: string;
}

/** Throws when one of them is not there. */
export async function identify(folder: string): Promise<FolderIdentity> {
  const [own, lock] = await Promise.all([stat(folder), stat(join(folder, 'LOCK'))]);
  return { folder: keyOf(own), lock: keyOf(lock) };
}

function keyOf({ dev, ino }: { readonly dev: number; readonly ino: number }): string {
  return `${dev}:${ino}`;
}

/**
 * What is wrong with the folder of an open engine. The engine itself would not notice: it writes into files that it has open, also when they
 * have been removed.
 */
export async function findProblem(
  folder: string,
  identity: FolderIdentity,
  tables: () => string | null | undefined,
): Promise<FolderProblem | undefined> {
  return (await findFolderProblem(folder, identity)) ?? (await findMissingFiles(folder, identity, tables));
}

/** Undefined when the folder is the one that was opened, and can be written. */
export async function findFolderProblem(folder: string, identity: FolderIdentity): Promise<FolderProblem | undefined> {
  try {
    if (keyOf(await stat(folder)) !== identity.folder)
      return { kind: 'folder', reason: `another folder is in the place of ${folder}: put the first one back, or restart to use this one` };
    await access(folder, constants.W_OK);
    return undefined;
  } catch (error) {
    const isGone = errorCode(error) === 'ENOENT';
    const reason = isGone ? `${folder} was removed: put it back, or restart to begin an empty one` : `${folder} cannot be written`;
    return { kind: 'folder', reason: isGone ? reason : `${reason}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

async function findMissingFiles(
  folder: string,
  identity: FolderIdentity,
  tables: () => string | null | undefined,
): Promise<FolderProblem | undefined> {
  // A table that the engine gave up meanwhile is gone rightly: what is missing twice is in use.
  const first = await missingFiles(folder, identity, tables());
  if (first.length === 0) return undefined;
  const again = new Set(await missingFiles(folder, identity, tables()));
  const missing = first.filter((name) => again.has(name));
  if (missing.length === 0) return undefined;
  // The folder may be on its way out.
  const gone = await findFolderProblem(folder, identity);
  if (gone !== undefined) return gone;
  const more = missing.length > NAMED_FILES_MAX ? ` and ${missing.length - NAMED_FILES_MAX} more` : '';
  return { kind: 'files', reason: `files were removed from ${folder}: ${missing.slice(0, NAMED_FILES_MAX).join(', ')}${more}` };
}

async function missingFiles(folder: string, identity: FolderIdentity, tables: string | null | undefined): Promise<readonly string[]> {
  const names = new Set(await readdir(folder).catch(() => []));
  const manifest = (await readFile(join(folder, 'CURRENT'), 'latin1').catch(() => '')).trim();
  const lock = await stat(join(folder, 'LOCK')).then(keyOf, () => '');
  const hasLog = [...names].some((name) => name.endsWith('.log'));
  return [
    ...(lock === identity.lock ? [] : ['LOCK']),
    ...(names.has('CURRENT') ? [] : ['CURRENT']),
    ...(manifest === '' || names.has(manifest) ? [] : [manifest]),
    ...(hasLog ? [] : ['the log']),
    ...listedTables(tables).flatMap((table) => (table.names.some((name) => names.has(name)) ? [] : table.names.slice(0, 1))),
  ];
}
