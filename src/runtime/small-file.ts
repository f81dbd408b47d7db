import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** Larger than any token file or chain of certificates. */
const MAX_SMALL_FILE_BYTES = 1024 * 1024;

export type ReadSmallFile = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string };

/**
 * Reads a small text file that the user named; the problem names it too. Anything but a plain file is refused, and never waited for: to open a
 * pipe blocks until somebody writes to it, and to read a device may never end.
 */
export function readSmallFile(path: string): ReadSmallFile {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    if (!fstatSync(descriptor).isFile()) return { ok: false, problem: `${path} is not a file` };
    const text = readAll(descriptor);
    return text === undefined
      ? { ok: false, problem: `${path} is larger than ${MAX_SMALL_FILE_BYTES} bytes: is it the right file?` }
      : { ok: true, text };
  } catch (error) {
    return { ok: false, problem: fileProblem(path, error) };
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Undefined beyond the limit, whatever size the file says that it has: those of /proc say 0. */
function readAll(descriptor: number): string | undefined {
  const buffer = Buffer.allocUnsafe(MAX_SMALL_FILE_BYTES + 1);
  let length = 0;
  for (let read = -1; read !== 0 && length < buffer.length; length += read) {
    read = readSync(descriptor, buffer, length, buffer.length - length, null);
  }
  return length > MAX_SMALL_FILE_BYTES ? undefined : buffer.toString('utf8', 0, length);
}

function fileProblem(path: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return `${path}: no such file`;
  if (code === 'EACCES' || code === 'EPERM') return `${path} cannot be read by this user`;
  // A socket, or a device without a driver.
  if (code === 'ENXIO') return `${path} is not a file`;
  return `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}
