import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { JsonPieces, type PieceOrProblem } from './json-pieces.ts';
import { describeFileError, errorCode } from '../runtime/index.ts';
import { Lines } from './lines.ts';

/** Twice the default limit of a request body: a recording holds a body as one string with escaped quotes. */
const MAX_LINE_BYTES = 128 * 2 ** 20;

interface Position {
  /** File name as the user gave it. `-` is standard input. */
  readonly file: string;
  /** Line number, from 1. */
  readonly line: number;
}

/** A recorded POST. */
export interface RecordedPost extends Position {
  readonly kind: 'post';
  readonly receivedAtMs: number;
  /** Body of the request as text, not parsed. */
  readonly body: string;
}

/** An event of a file without recorded POSTs. */
export interface RecordedEvent extends Position {
  readonly kind: 'event';
  readonly event: unknown;
}

/** Something unreadable. Reading continues after it if possible. `line` is 0 when the problem is the whole file. */
export interface RecordingProblem extends Position {
  readonly kind: 'problem';
  readonly message: string;
}

export type RecordingItem = RecordedPost | RecordedEvent | RecordingProblem;

/** Counts the bytes read from disk, before decompression. */
export interface ReadProgress {
  bytesRead: number;
}

export interface ReadOptions {
  /** Stream for the file name `-`. */
  readonly stdin?: Readable;
  readonly progress?: ReadProgress;
  /** Maximum size of a line or value. Default 128 MiB. */
  readonly maxLineBytes?: number;
}

/**
 * Reads a file of Ray events as a stream. The file may be plain or gzip, and holds one of:
 *
 * - a recording: one POST per line, `{"receivedAt": unix seconds, "path", "headers", "body"}`
 * - a JSON array of events, or one event
 * - JSON lines of events or of arrays of events
 *
 * Never throws: gives a problem instead.
 */
export async function* readRecording(file: string, options: ReadOptions = {}): AsyncGenerator<RecordingItem> {
  try {
    const bytes = uncompressed(counted(openFile(file, options), options.progress));
    for await (const piece of piecesOf(bytes, options.maxLineBytes ?? MAX_LINE_BYTES)) yield* itemsOf(piece, file);
  } catch (error) {
    yield { kind: 'problem', file, line: 0, message: describeError(error) };
  }
}

/** Sum of the files' sizes on disk. Undefined when one of them is standard input or has no size. */
export async function recordingSizeBytes(files: readonly string[]): Promise<number | undefined> {
  if (files.includes('-')) return undefined;
  try {
    const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
    return sizes.reduce((sum, size) => sum + size, 0);
  } catch {
    return undefined;
  }
}

function openFile(file: string, options: ReadOptions): Readable {
  return file === '-' && options.stdin !== undefined ? options.stdin : createReadStream(file, { highWaterMark: 2 ** 18 });
}

async function* counted(source: Readable, progress: ReadProgress | undefined): AsyncGenerator<Buffer> {
  for await (const chunk of source as AsyncIterable<Buffer | string>) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (progress !== undefined) progress.bytesRead += bytes.length;
    yield bytes;
  }
}

/** Decompresses gzip, which is recognised by its first two bytes and not by the file name. */
async function* uncompressed(source: AsyncGenerator<Buffer>): AsyncGenerator<Uint8Array> {
  let head = Buffer.alloc(0);
  while (head.length < 2) {
    const next = await source.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  const whole = prepend(head, source);
  yield* head[0] === 0x1f && head[1] === 0x8b ? gunzipped(whole) : whole;
}

async function* prepend(head: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  yield* rest;
}

/** The reader receives every error of the source and the data, so the callback is empty. */
function gunzipped(source: AsyncGenerator<Buffer>): AsyncIterable<Uint8Array> {
  return pipeline(source, createGunzip(), () => {});
}

async function* piecesOf(source: AsyncGenerator<Uint8Array>, maxBytes: number): AsyncGenerator<PieceOrProblem> {
  let head = Buffer.alloc(0);
  let splitter: JsonPieces | Lines | undefined;
  for await (const chunk of source) {
    if (splitter !== undefined) {
      yield* splitter.push(chunk);
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (!isEnoughFor(head)) continue;
    splitter = splitterFor(head, maxBytes);
    yield* splitter.push(withoutByteOrderMark(head));
  }
  if (splitter === undefined) {
    splitter = splitterFor(head, maxBytes);
    yield* splitter.push(withoutByteOrderMark(head));
  }
  yield* splitter.end();
}

/** Bytes that decide how a file is split. */
const HEAD_BYTES = 4096;

/** The first characters of a file. `trimStart` also removes a byte order mark. */
function startOfText(head: Buffer): string {
  return head.subarray(0, HEAD_BYTES).toString('utf8').trimStart();
}

function withoutByteOrderMark(head: Buffer): Buffer {
  return head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? head.subarray(3) : head;
}

/** Whether `head` is enough to choose between lines and JSON values. */
function isEnoughFor(head: Buffer): boolean {
  return head.length >= HEAD_BYTES || startOfText(head).length >= 2;
}

/** Splits at line feeds, which survives a broken line. An array or an indented object spans lines, so brackets split it. */
function splitterFor(head: Buffer, maxBytes: number): JsonPieces | Lines {
  const start = startOfText(head);
  return start.startsWith('[') || /^\{[ \t]*\r?\n/.test(start) ? new JsonPieces(maxBytes) : new Lines(maxBytes);
}

function* itemsOf(piece: PieceOrProblem, file: string): Generator<RecordingItem> {
  const position = { file, line: piece.line };
  if ('problem' in piece) {
    yield { kind: 'problem', ...position, message: piece.problem };
    return;
  }
  let value: unknown;
  try {
    value = JSON.parse(piece.text);
  } catch (error) {
    yield { kind: 'problem', ...position, message: `not JSON: ${parseMessage(error)}` };
    return;
  }
  if (Array.isArray(value)) for (const event of value) yield { kind: 'event', ...position, event };
  else if (isRecord(value) && 'body' in value) yield postOf(value, position);
  else if (isRecord(value)) yield { kind: 'event', ...position, event: value };
  else yield { kind: 'problem', ...position, message: 'neither an event nor a recorded POST: expected an object or an array' };
}

function postOf(value: Record<string, unknown>, position: Position): RecordingItem {
  const { receivedAt, body } = value;
  if (typeof body !== 'string') return { kind: 'problem', ...position, message: 'the "body" of a recorded POST must be text' };
  if (typeof receivedAt !== 'number' || !Number.isFinite(receivedAt)) {
    return { kind: 'problem', ...position, message: 'the "receivedAt" of a recorded POST must be a number of seconds' };
  }
  return { kind: 'post', ...position, receivedAtMs: receivedAt * 1000, body };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Describes an error of `JSON.parse` without V8's message, which quotes the text and may contain a secret. */
export function parseMessage(error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  const position = /at position \d+/.exec(message)?.[0];
  return position === undefined ? 'the text ends too early or is not JSON' : `wrong ${position}`;
}

const GZIP_ERRORS: Readonly<Record<string, string>> = {
  Z_BUF_ERROR: 'the gzip data ends too early: the file was cut off',
  Z_DATA_ERROR: 'the gzip data is damaged',
};

function describeError(error: unknown): string {
  return GZIP_ERRORS[errorCode(error) ?? ''] ?? describeFileError(error);
}
