import { constants } from 'node:fs';
import { access, open, rename, unlink } from 'node:fs/promises';
import { tokenLines } from '../options/index.ts';
import { describeFileError, errorMessage, failure, readSmallFile, type Result, success } from '../runtime/index.ts';

/** Checks the files that a command is about to read. Returns one problem for each unreadable file. */
export async function findUnreadable(files: readonly string[]): Promise<readonly string[]> {
  const checked = await Promise.all(
    files.map(async (file) => {
      if (file === '-') return undefined;
      try {
        await access(file, constants.R_OK);
        return undefined;
      } catch (error) {
        return `${file}: ${describeFileError(error)}`;
      }
    }),
  );
  return checked.filter((problem) => problem !== undefined);
}

/** Replaces a file with `lines` atomically: a reader sees the old file or the new one, never a part. */
export async function replaceFile(file: string, lines: Iterable<string>, stop: AbortSignal): Promise<Result<undefined>> {
  const partial = `${file}.${process.pid}.partial`;
  try {
    const handle = await open(partial, 'w');
    try {
      for (const line of lines) if (!stop.aborted) await handle.appendFile(line);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (stop.aborted) await unlink(partial);
    else await rename(partial, file);
    return success(undefined);
  } catch (error) {
    await unlink(partial).catch(() => undefined);
    return failure(errorMessage(error));
  }
}

/** Reads the first token of the file that `--read-token-file` names. */
export function readFirstToken(path: string): Result<string | undefined> {
  const read = readSmallFile(path);
  if (!read.ok) return failure(`--read-token-file: ${read.problem}`);
  const parsed = tokenLines(read.value);
  return parsed.ok ? success(parsed.value[0]) : failure(`--read-token-file: ${path} ${parsed.problem}`);
}
