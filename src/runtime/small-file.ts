import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { failure, type Result, success } from './result.ts';
import { describeFileError } from './system-error.ts';

/** Default limit: larger than any token file or chain of certificates. */
const MAX_SMALL_FILE_BYTES = 1024 * 1024;

/**
 * Reads a small text file that the user named. A problem names the file. Only plain files are read,
 * without blocking: opening a pipe waits for a writer, and reading a device may never end.
 */
export function readSmallFile(path: string, maxBytes = MAX_SMALL_FILE_BYTES): Result<string> {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    if (!fstatSync(descriptor).isFile()) return failure(`${path} is not a file`);
    const text = readAll(descriptor, maxBytes);
    return text === undefined ? failure(`${path} is larger than ${maxBytes} bytes: is it the right file?`) : success(text);
  } catch (error) {
    return failure(`${path}: ${describeFileError(error)}`);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Undefined beyond the limit. Counts what it reads, because files in /proc report a size of 0. */
function readAll(descriptor: number, maxBytes: number): string | undefined {
  const buffer = Buffer.allocUnsafe(maxBytes + 1);
  let length = 0;
  for (let read = -1; read !== 0 && length < buffer.length; length += read) {
    read = readSync(descriptor, buffer, length, buffer.length - length, null);
  }
  return length > maxBytes ? undefined : buffer.toString('utf8', 0, length);
}
