import { open, unlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const gzipAsync = promisify(gzip);

export type WriteOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: 'file_limit' | 'write_failed'; readonly message: string };

/** A POST as it goes into a recording: without secrets. */
export interface RecordedRequest {
  readonly receivedAtMs: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface RecordingWriter {
  /** One line; resolves when it was handed to the system. Calls are written in their order. */
  write(request: RecordedRequest): Promise<WriteOutcome>;
  /** On disk, before compression counted as written. */
  bytes(): number;
  /** Syncs to disk and closes. */
  close(): Promise<WriteOutcome>;
  /** Closes and takes the file away. */
  discard(): Promise<void>;
}

export type OpenedWriter =
  | { readonly ok: true; readonly writer: RecordingWriter }
  | { readonly ok: false; readonly exists: boolean; readonly message: string };

/**
 * Opens a new recording, readable by its owner only. A name that ends in `.gz` is compressed, each line as a gzip member of its own, so that a killed recorder leaves a whole file.
 * `maxFileBytes` bounds the file on disk: a line that does not fit is refused with `file_limit`.
 */
export async function createRecordingWriter(file: string, maxFileBytes: number): Promise<OpenedWriter> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(file, 'wx', 0o600);
  } catch (error) {
    return { ok: false, exists: isErrno(error, 'EEXIST'), message: errorText(error) };
  }
  const isCompressed = file.endsWith('.gz');
  let bytesWritten = 0;
  let last: Promise<unknown> = Promise.resolve();

  const writeLine = async (request: RecordedRequest): Promise<WriteOutcome> => {
    const line = Buffer.from(`${JSON.stringify(lineOf(request))}\n`);
    const data = isCompressed ? await gzipAsync(line) : line;
    if (bytesWritten + data.length > maxFileBytes) {
      return { ok: false, code: 'file_limit', message: `the file has reached its limit of ${maxFileBytes} bytes` };
    }
    try {
      await handle.appendFile(data);
      bytesWritten += data.length;
      return { ok: true };
    } catch (error) {
      return { ok: false, code: 'write_failed', message: errorText(error) };
    }
  };

  const writer: RecordingWriter = {
    write: (request) => {
      const written = last.then(() => writeLine(request));
      last = written;
      return written;
    },
    bytes: () => bytesWritten,
    close: async () => {
      await last;
      try {
        await handle.sync();
        await handle.close();
        return { ok: true };
      } catch (error) {
        return { ok: false, code: 'write_failed', message: errorText(error) };
      }
    },
    discard: async () => {
      await last;
      await handle.close();
      await unlink(file);
    },
  };
  return { ok: true, writer };
}

function lineOf({ receivedAtMs, path, headers, body }: RecordedRequest): Record<string, unknown> {
  return { receivedAt: receivedAtMs / 1000, path, headers, body };
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
