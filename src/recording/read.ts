import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { JsonPieces, type PieceOrProblem } from './json-pieces.ts';
import { Lines } from './lines.ts';

/** Twice the receiver's limit of a body, which a recording holds as one string with its quotes escaped. */
const maxRecordLineBytes = 128 * 2 ** 20;

interface Place {
  /** As given by the user; `-` is standard input. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** One recorded POST. */
export interface RecordedPost extends Place {
  readonly kind: 'post';
  readonly receivedAtMs: number;
  /** The request's body as text, not parsed. */
  readonly body: string;
}

/** One event of a plain list of events. */
export interface RecordedEvent extends Place {
  readonly kind: 'event';
  readonly event: unknown;
}

/** A line that can't be read; reading goes on after it where that is possible. `line` is 0 when the file as a whole is meant. */
export interface RecordingProblem extends Place {
  readonly kind: 'problem';
  readonly message: string;
}

export type RecordingItem = RecordedPost | RecordedEvent | RecordingProblem;

/** Counts what was read from disk, before decompression. */
export interface ReadProgress {
  bytesRead: number;
}

export interface ReadOptions {
  /** What the file name `-` stands for. */
  readonly stdin?: Readable;
  readonly progress?: ReadProgress;
  /** Default `maxRecordLineBytes`. */
  readonly maxLineBytes?: number;
}

/**
 * Reads a file of Ray events, a piece at a time, in any of the forms that people have them in, gzip or not:
 * a recording (a line a POST: `{"receivedAt": unix seconds, "path", "headers", "body"}`), a JSON array of events, one event, or JSON lines of events or of arrays.
 */
export async function* readRecording(file: string, options: ReadOptions = {}): AsyncGenerator<RecordingItem> {
  try {
    const bytes = uncompressed(counted(openFile(file, options), options.progress));
    for await (const piece of pieces(bytes, options.maxLineBytes ?? maxRecordLineBytes)) yield* itemsOf(piece, file);
  } catch (error) {
    yield { kind: 'problem', file, line: 0, message: describeReadError(error) };
  }
}

/** Sum of the files' sizes on disk, or undefined when one of them is standard input or can't be told. */
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

/** Gzip is told by its first two bytes, whatever the file is called. */
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

/** An error of the source or of the data reaches the reader; the callback has nothing to add. */
function gunzipped(source: AsyncGenerator<Buffer>): AsyncIterable<Uint8Array> {
  return pipeline(source, createGunzip(), () => {});
}

async function* pieces(source: AsyncGenerator<Uint8Array>, maxBytes: number): AsyncGenerator<PieceOrProblem> {
  let head = Buffer.alloc(0);
  let cutter: JsonPieces | Lines | undefined;
  for await (const chunk of source) {
    if (cutter !== undefined) {
      yield* cutter.push(chunk);
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (!canTellForm(head)) continue;
    cutter = cutterFor(head, maxBytes);
    yield* cutter.push(withoutByteOrderMark(head));
  }
  if (cutter === undefined) {
    cutter = cutterFor(head, maxBytes);
    yield* cutter.push(withoutByteOrderMark(head));
  }
  yield* cutter.end();
}

const formBytes = 4096;

/** `trimStart` takes a byte order mark for white space. */
function startOfText(head: Buffer): string {
  return head.subarray(0, formBytes).toString('utf8').trimStart();
}

function withoutByteOrderMark(head: Buffer): Buffer {
  return head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? head.subarray(3) : head;
}

function canTellForm(head: Buffer): boolean {
  return head.length >= formBytes || startOfText(head).length >= 2;
}

/** Lines survive a broken line, so they are preferred; a value that spans lines (an array, or an indented object) is followed by its brackets. */
function cutterFor(head: Buffer, maxBytes: number): JsonPieces | Lines {
  const start = startOfText(head);
  return start.startsWith('[') || /^\{[ \t]*\r?\n/.test(start) ? new JsonPieces(maxBytes) : new Lines(maxBytes);
}

function* itemsOf(piece: PieceOrProblem, file: string): Generator<RecordingItem> {
  const place = { file, line: piece.line };
  if ('problem' in piece) {
    yield { kind: 'problem', ...place, message: piece.problem };
    return;
  }
  let value: unknown;
  try {
    value = JSON.parse(piece.text);
  } catch (error) {
    yield { kind: 'problem', ...place, message: `not JSON: ${parseMessage(error)}` };
    return;
  }
  if (Array.isArray(value)) for (const event of value) yield { kind: 'event', ...place, event };
  else if (isRecord(value) && 'body' in value) yield postOf(value, place);
  else if (isRecord(value)) yield { kind: 'event', ...place, event: value };
  else yield { kind: 'problem', ...place, message: 'neither an event nor a recorded POST: an object or an array is expected' };
}

function postOf(value: Record<string, unknown>, place: Place): RecordingItem {
  const { receivedAt, body } = value;
  if (typeof body !== 'string') return { kind: 'problem', ...place, message: 'the "body" of a recorded POST must be text' };
  if (typeof receivedAt !== 'number' || !Number.isFinite(receivedAt)) {
    return { kind: 'problem', ...place, message: 'the "receivedAt" of a recorded POST must be a number of seconds' };
  }
  return { kind: 'post', ...place, receivedAtMs: receivedAt * 1000, body };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** V8 repeats a part of the text in its message, which may hold a secret. */
export function parseMessage(error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  const position = /at position \d+/.exec(message)?.[0];
  return position === undefined ? 'the text ends too early or is no JSON' : `wrong ${position}`;
}

const readErrors: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EISDIR: 'is a folder, not a file',
  EACCES: 'may not be read by this user',
  Z_BUF_ERROR: 'the gzip data ends too early: the file was cut off',
  Z_DATA_ERROR: 'the gzip data is damaged',
};

function describeReadError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  return readErrors[code] ?? error.message;
}
