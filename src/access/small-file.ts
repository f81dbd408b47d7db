import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';

/** Larger than any token file or chain of certificates. */
const smallFileMaxBytes = 1024 * 1024;

export type ReadSmallFile = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string };

/** Reads a small text file that the user named; the problem names it too. */
export function readSmallFile(path: string): ReadSmallFile {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    const status = fstatSync(descriptor);
    if (!status.isFile()) return { ok: false, problem: `${path} is not a file` };
    if (status.size > smallFileMaxBytes)
      return { ok: false, problem: `${path} is larger than ${smallFileMaxBytes} bytes: is it the right file?` };
    return { ok: true, text: readFileSync(descriptor, 'utf8') };
  } catch (error) {
    return { ok: false, problem: fileProblem(path, error) };
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function fileProblem(path: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return `${path}: no such file`;
  if (code === 'EACCES' || code === 'EPERM') return `${path} cannot be read by this user`;
  return `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}
