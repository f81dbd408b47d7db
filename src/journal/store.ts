import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { errorCode } from '../runtime/index.ts';
import { isOurKey, KEYS } from './keys.ts';
import { findCutTable, isRepairable, lacksCurrent, reasonOf, remedyOf, repairStore } from './repair-store.ts';
import { decodeValue, encodeValue } from './stored-value.ts';

/** The format that this release writes. A journal with a higher format is refused. */
export const JOURNAL_FORMAT = 3;
/** Older formats that this release can read. New values are written in the current format. */
const FORMER_FORMATS: readonly unknown[] = [1, 2];

/** Size of LevelDB's log at which it is written to a table file. */
const WRITE_BUFFER_BYTES = 16 * 1024 * 1024;

export type Level = ClassicLevel<Buffer, Buffer>;

/** Why a journal cannot be used. */
export type OpenProblem = 'journal_locked' | 'journal_newer_format' | 'journal_not_ours' | 'journal_unusable';

export type OpenedStore =
  | { readonly ok: true; readonly level: Level; readonly damages: readonly string[] }
  | { readonly ok: false; readonly code: OpenProblem; readonly message: string };

/**
 * Opens the LevelDB in `folder`, creating it if missing. Only one process may use it. Repairs it
 * when opening finds damage, or at once when reading has found damage (`isDamaged`).
 */
export async function openStore(folder: string, isDamaged = false): Promise<OpenedStore> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return isDamaged ? await openRepaired(folder, 'an unreadable block') : await openOrRepair(folder);
  } catch (error) {
    return openProblem(folder, error);
  }
}

async function openOrRepair(folder: string): Promise<OpenedStore> {
  if (await lacksCurrent(folder)) return await openRepaired(folder, 'the file CURRENT is missing');
  try {
    const opened = await openLevel(folder);
    const cut = opened.ok ? await findCutTable(folder, () => opened.level.getProperty('leveldb.sstables')) : undefined;
    if (!opened.ok || cut === undefined) return opened;
    await opened.level.close();
    return await openRepaired(folder, cut);
  } catch (error) {
    if (!(await isRepairable(folder, error))) throw error;
    return await openRepaired(folder, reasonOf(error));
  }
}

async function openRepaired(folder: string, reason: string): Promise<OpenedStore> {
  await repairStore(folder);
  const opened = await openLevel(folder);
  return opened.ok ? { ...opened, damages: [`its files were repaired after: ${reason}`, ...opened.damages] } : opened;
}

async function openLevel(folder: string): Promise<OpenedStore> {
  const level: Level = new ClassicLevel(folder, { keyEncoding: 'buffer', valueEncoding: 'buffer', writeBufferSize: WRITE_BUFFER_BYTES });
  await level.open();
  try {
    const format = await formatOf(level);
    const isFormer = FORMER_FORMATS.includes(format);
    if (isFormer) await level.put(KEYS.format, encodeValue(JOURNAL_FORMAT), { sync: true });
    if (format === JOURNAL_FORMAT || isFormer) return { ok: true, level, damages: await droppedByEngine(folder) };
    await level.close();
    return format === undefined ? notOurs(folder) : newerFormat(folder, format);
  } catch (error) {
    await level.close();
    throw error;
  }
}

function notOurs(folder: string): OpenedStore {
  const message = `${folder} contains a database that is not a journal of ray-otel-bridge: choose another folder`;
  return { ok: false, code: 'journal_not_ours', message };
}

function newerFormat(folder: string, format: number): OpenedStore {
  const message = `the journal in ${folder} has format ${format}, but this release supports formats up to ${JOURNAL_FORMAT}: use the release that wrote it, or another folder`;
  return { ok: false, code: 'journal_newer_format', message };
}

function openProblem(folder: string, error: unknown): OpenedStore {
  const reason = reasonOf(error);
  if (errorCode(error) === 'LEVEL_LOCKED')
    return {
      ok: false,
      code: 'journal_locked',
      message: `another process uses the journal in ${folder}: stop it, or choose another folder`,
    };
  return { ok: false, code: 'journal_unusable', message: `the journal in ${folder} cannot be opened: ${reason}${remedyOf(error)}` };
}

/** Returns the format, and writes it to a new store. Undefined for the store of another program. */
async function formatOf(level: Level): Promise<number | undefined> {
  const value = await level.get(KEYS.format);
  if (value !== undefined) {
    const content = decodeValue(value)?.content;
    // The value is damaged, but the key shows that the store is ours.
    return typeof content === 'number' ? content : JOURNAL_FORMAT;
  }
  const [first] = await level.keys({ limit: 1 }).all();
  // A repair may have lost the format. The other keys show whether the store is ours.
  if (first !== undefined && !isOurKey(first)) return undefined;
  await level.put(KEYS.format, encodeValue(JOURNAL_FORMAT), { sync: true });
  return JOURNAL_FORMAT;
}

/** Finds damage that LevelDB skipped in its log. It reports that in its text log only. */
async function droppedByEngine(folder: string): Promise<string[]> {
  const text = await readFile(join(folder, 'LOG'), 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => /\d+\.log: (dropping \d+ bytes.*)$/.exec(line)?.[1] ?? []);
}
