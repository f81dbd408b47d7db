import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { failure, type Result, success } from './result.ts';

/** Larger than any token file or chain of certificates. */
const MAX_SMALL_FILE_BYTES = 1024 * 1024;

/**
 * Reads a small text file that the user named. A problem names the file. Only plain files are read, without blocking: opening a pipe
 * waits for a writer, and reading a device may never end.
 */
export function readSmallFile(path: string): Result<string> {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    if (!fstatSync(descriptor).isFile()) return failure(`${path} is not a file`);
    const text = readAll(descriptor);
    return text === undefined ? failure(`${path} is larger than ${MAX_SMALL_FILE_BYTES} bytes: is it the right file?`) : success(text);
  } catch (error) {
    return failure(fileProblem(path, error));
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Undefined beyond the limit. Counts what it reads, because files in /proc report a size of 0. */
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
  if (code === 'EACCES' || code === 'EPERM') return `this user cannot read ${path}`;
  // A socket, or a device without a driver.
  if (code === 'ENXIO') return `${path} is not a file`;
  return `cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`;
}
