import { access, constants, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../runtime/index.ts';
import { listedTables } from './repair-store.ts';

/** Maximum number of missing files in a message. */
const MAX_NAMED_FILES = 5;

/** Device and inode of the folder and its lock file. They stay the same while LevelDB is open. */
export interface FolderIdentity {
  readonly folder: string;
  readonly lock: string;
}

/**
 * - `folder`: the folder was removed or replaced, so writes are lost. Only restoring the folder
 *   fixes it.
 * - `files`: LevelDB's files were removed from the folder. A repair fixes it.
 */
export interface FolderProblem {
  readonly kind: 'folder' | 'files';
  readonly reason: string;
}

/** Throws when the folder or its lock file is missing. */
export async function identify(folder: string): Promise<FolderIdentity> {
  const [own, lock] = await Promise.all([stat(folder), stat(join(folder, 'LOCK'))]);
  return { folder: keyOf(own), lock: keyOf(lock) };
}

function keyOf({ dev, ino }: { readonly dev: number; readonly ino: number }): string {
  return `${dev}:${ino}`;
}

/**
 * Checks the folder of an open LevelDB. LevelDB itself does not notice removed files: it keeps
 * writing to its open file descriptors.
 */
export async function findProblem(
  folder: string,
  identity: FolderIdentity,
  tables: () => string | null | undefined,
): Promise<FolderProblem | undefined> {
  return (await findFolderProblem(folder, identity)) ?? (await findMissingFiles(folder, identity, tables));
}

/** Undefined when the folder is still the opened one, and is writable. */
export async function findFolderProblem(folder: string, identity: FolderIdentity): Promise<FolderProblem | undefined> {
  try {
    if (keyOf(await stat(folder)) !== identity.folder)
      return { kind: 'folder', reason: `another folder has replaced ${folder}: put the original back, or restart to use this one` };
    await access(folder, constants.W_OK);
    return undefined;
  } catch (error) {
    const isGone = errorCode(error) === 'ENOENT';
    const reason = isGone ? `${folder} was removed: put it back, or restart with an empty journal` : `${folder} is not writable`;
    return { kind: 'folder', reason: isGone ? reason : `${reason}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

async function findMissingFiles(
  folder: string,
  identity: FolderIdentity,
  tables: () => string | null | undefined,
): Promise<FolderProblem | undefined> {
  // LevelDB may have removed a table in the meantime. A table that is missing twice is in use.
  const first = await missingFiles(folder, identity, tables());
  if (first.length === 0) return undefined;
  const again = new Set(await missingFiles(folder, identity, tables()));
  const missing = first.filter((name) => again.has(name));
  if (missing.length === 0) return undefined;
  // The whole folder may be being removed.
  const gone = await findFolderProblem(folder, identity);
  if (gone !== undefined) return gone;
  const more = missing.length > MAX_NAMED_FILES ? ` and ${missing.length - MAX_NAMED_FILES} more` : '';
  return { kind: 'files', reason: `files were removed from ${folder}: ${missing.slice(0, MAX_NAMED_FILES).join(', ')}${more}` };
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
