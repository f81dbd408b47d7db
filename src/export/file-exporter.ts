import { type FileHandle, open } from 'node:fs/promises';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import { otlpJsonLines } from './json-lines.ts';
import { type ExportOutcome, report } from './outcome.ts';

/**
 * Appends spans to a file as OTLP JSON lines. A failed write is an export failure, and what it left in the file is taken back, so that no
 * half line stays in front of the retry. Not synced to the disk: a file is a convenience, the journal is what must survive.
 */
export function createFileExporter(path: string): SpanExporter {
  let file: Promise<FileHandle> | undefined;
  const append = async (text: string): Promise<void> => {
    file ??= openForLines(path);
    const handle = await file.catch((error: unknown) => {
      file = undefined;
      throw error;
    });
    await appendWhole(handle, text);
  };
  // One write at a time, in the order of the calls.
  let last: Promise<void> = Promise.resolve();
  const appendAfter = async (previous: Promise<void>, spans: ReadableSpan[]): Promise<ExportOutcome> => {
    await previous;
    await append([...otlpJsonLines(spans)].join(''));
    return { kind: 'delivered' };
  };
  return {
    export: (spans, callback) => {
      last = report(appendAfter(last, spans), callback);
    },
    forceFlush: () => last,
    shutdown: async () => {
      await last;
      await (await file)?.close();
      file = undefined;
    },
  };
}

/** All of the text or nothing of it. */
export async function appendWhole(handle: Pick<FileHandle, 'appendFile' | 'stat' | 'truncate'>, text: string): Promise<void> {
  const { size } = await handle.stat();
  try {
    await handle.appendFile(text);
  } catch (error) {
    // Another process may append too, but a half line of ours would spoil the file for both.
    await handle.truncate(size).catch(() => undefined);
    throw error;
  }
}

const LINE_FEED = 0x0a;

/** Opens for appending, and ends a line that a crash left unfinished. `mode` is that of a new file. */
export async function openForLines(path: string, mode?: number): Promise<FileHandle> {
  const handle = await open(path, 'a+', mode);
  const { size } = await handle.stat();
  if (size === 0) return handle;
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  if (buffer[0] !== LINE_FEED) await handle.appendFile('\n');
  return handle;
}
