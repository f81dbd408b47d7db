import { open, unlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { errorCode, errorMessage, failure, type Result, success } from '../runtime/index.ts';

const gzipAsync = promisify(gzip);

export interface WriteProblem {
  readonly code: 'file_limit' | 'write_failed';
  readonly message: string;
}

type WriteOutcome = Result<undefined, WriteProblem>;

/** A POST to record, already without secrets. */
export interface RecordedRequest {
  readonly receivedAtMs: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface RecordingWriter {
  /** Appends a line. Resolves when the system has the line. Lines keep the order of the calls. */
  write(request: RecordedRequest): Promise<WriteOutcome>;
  /** Bytes written to the file, after compression. */
  bytes(): number;
  /** Syncs the file to disk and closes it. */
  close(): Promise<WriteOutcome>;
  /** Closes and deletes the file. */
  discard(): Promise<void>;
}

export interface OpenProblem {
  /** Whether the file exists already. */
  readonly exists: boolean;
  readonly message: string;
}

/**
 * Creates a recording that only its owner can read. A name that ends in `.gz` is compressed, each line as its own gzip member, so
 * that a killed recorder leaves a valid file. `maxFileBytes` limits the file on disk: a line that does not fit gives `file_limit`.
 */
export async function createRecordingWriter(file: string, maxFileBytes: number): Promise<Result<RecordingWriter, OpenProblem>> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(file, 'wx', 0o600);
  } catch (error) {
    return failure({ exists: errorCode(error) === 'EEXIST', message: errorMessage(error) });
  }
  const isCompressed = file.endsWith('.gz');
  let bytesWritten = 0;
  let last: Promise<unknown> = Promise.resolve();

  const writeLine = async (request: RecordedRequest): Promise<WriteOutcome> => {
    const line = Buffer.from(`${JSON.stringify(lineOf(request))}\n`);
    const data = isCompressed ? await gzipAsync(line) : line;
    if (bytesWritten + data.length > maxFileBytes) {
      return failure({ code: 'file_limit', message: `the file has reached its limit of ${maxFileBytes} bytes` });
    }
    try {
      await handle.appendFile(data);
      bytesWritten += data.length;
      return success(undefined);
    } catch (error) {
      return failure({ code: 'write_failed', message: errorMessage(error) });
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
        return success(undefined);
      } catch (error) {
        return failure({ code: 'write_failed', message: errorMessage(error) });
      }
    },
    discard: async () => {
      await last;
      await handle.close();
      await unlink(file);
    },
  };
  return success(writer);
}

function lineOf({ receivedAtMs, path, headers, body }: RecordedRequest): Record<string, unknown> {
  return { receivedAt: receivedAtMs / 1000, path, headers, body };
}
