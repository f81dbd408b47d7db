import { open, rename, unlink } from 'node:fs/promises';

export type Written = { readonly ok: true } | { readonly ok: false; readonly message: string };

/** Writes beside the file and puts the result in its place at the end: whoever looks sees the old file or the new one, never half of it. */
export async function replaceFile(file: string, lines: Iterable<string>, stop: AbortSignal): Promise<Written> {
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
    return { ok: true };
  } catch (error) {
    await unlink(partial).catch(() => undefined);
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}
