import { areCallersKnown } from '../callers/ancestry.ts';
import { FinalTrace } from '../callers/caller-chain.ts';
import type { AttemptOutcome } from '../finished.ts';
import type { ClosedAttempt } from './closed-attempt.ts';
import { type Session, Task } from '../entities/entities.ts';
import { TombstoneIndex } from './tombstone-index.ts';

/**
 * What is remembered of finished tasks, oldest first: a row of 64 B each, outside the heap (as objects they took 430 B each, and a million of them
 * were looked at by every collection). A row is 16 words: task id (6), parent's id (6), when it began to run (2), session (1), and flags beside
 * the attempt's number (1). A task that does not fit into a row stays an object; its row keeps its place among the others.
 */
const ROW_WORDS = 16;
const ID_WORDS = 6;
const ID_HEX = ID_WORDS * 8;
const PARENT = ID_WORDS;
const RUNNING_NS = PARENT + ID_WORDS;
const SESSION = RUNNING_NS + 2;
const FLAGS = SESSION + 1;

/** The row counts. */
const IS_LIVE = 1;
/** The row holds everything; otherwise the task is an object. */
const IS_WHOLE = 2;
const HAS_PARENT = 4;
const IS_AFTER_JOB = 8;
const OUTCOME_SHIFT = 4;
const IS_GUESS = 64;
const IS_PLACEHOLDER = 128;
const DEPTH_SHIFT = 8;
/** Of the depth of a task in its trace. */
export const MAX_ROW_DEPTH = 0x3ff;
const NUMBER_SHIFT = 18;
const MAX_NUMBER = 0x3fff;
const OUTCOMES: readonly AttemptOutcome[] = ['finished', 'failed', 'unfinished', 'cancelled'];

/** Rows in one piece of memory. */
const CHUNK_ROWS = 4_096;
/** Rows that are looked at for each new one, while rows are being moved. */
const ROWS_LOOKED_AT = 8;
/** Rows in one record of a checkpoint: 1,280 B, so that a portion of records stays small. */
const RECORD_ROWS = 20;

const ns = new BigUint64Array(1);
const nsWords = new Uint32Array(ns.buffer);
const scratch = new Uint32Array(ID_WORDS);
const parentScratch = new Uint32Array(ID_WORDS);

interface MovedRows {
  readonly from: number;
  readonly to: number;
}

interface SessionRows {
  readonly session: Session;
  /** Rows that count, closed attempts that are remembered besides, and bytes of definitions that are kept. */
  live: number;
  besides: number;
  kept: number;
}

export class Tombstones {
  readonly #chunks: Uint32Array[] = [];
  /** Of the oldest row, and behind the newest: rows are numbered on and on, and `#chunks` begins with the chunk of the oldest. */
  #first = 0;
  #end = 0;
  #spare: Uint32Array | undefined;
  readonly #index = new TombstoneIndex();
  /** While rows are being moved: the next one to look at, and where the next one that counts belongs. */
  #moved: MovedRows | undefined;
  #live = 0;
  #besides = 0;
  #keptBytes = 0;
  readonly #sessions = new Map<number, SessionRows>();
  readonly #spareRows: number;

  /** @param spareRows rows that do not count, up to which nothing is moved; default: one piece of memory */
  constructor(spareRows = CHUNK_ROWS) {
    this.#spareRows = spareRows;
  }

  /** Number of tasks whose attempts are all closed. */
  get size(): number {
    return this.#live;
  }

  /** Closed attempts that are remembered besides: earlier ones of tasks with several, and those of tasks that are open. */
  get besides(): number {
    return this.#besides;
  }

  /** Bytes of definitions that are kept of closed creations. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  noteKept(session: Session, bytes: number): void {
    this.#keptBytes += bytes;
    this.#rowsOf(session).kept += bytes;
  }

  /** Counts closed attempts of a session that are remembered besides, or are no more. */
  noteBesides(session: Session, count: number): void {
    this.#besides += count;
    this.#rowsOf(session).besides += count;
  }

  /** Rows, also those that were given up and are still between others. */
  get rows(): number {
    return this.#end - this.#first;
  }

  /** Adds a task whose attempts are all closed. Returns true if its row holds everything, so that the object can go. */
  add(task: Task): boolean {
    if (!readId(task.id, scratch)) return true;
    const row = this.#newRow(task.session);
    const words = this.#wordsOf(row);
    const at = offsetOf(row);
    words.set(scratch, at);
    task.tombstone = row;
    this.#countLive(task.session.number, 1);
    this.noteKept(task.session, task.keptDefinition?.bytes ?? 0);
    const closed = wholeOf(task);
    if (closed === undefined || !this.#index.add(scratch, row)) return false;
    ns[0] = closed.runningNs;
    words.set(nsWords, at + RUNNING_NS);
    const hasParent = task.parentTaskId !== undefined && readId(task.parentTaskId, parentScratch);
    if (hasParent) words.set(parentScratch, at + PARENT);
    words[at + FLAGS] =
      IS_LIVE |
      IS_WHOLE |
      (hasParent ? HAS_PARENT : 0) |
      (closed.isAfterJob ? IS_AFTER_JOB : 0) |
      (closed.isPlaceholder ? IS_PLACEHOLDER : 0) |
      (areCallersKnown(task) ? 0 : IS_GUESS) |
      (OUTCOMES.indexOf(closed.outcome) << OUTCOME_SHIFT) |
      (task.depth << DEPTH_SHIFT) |
      (closed.number << NUMBER_SHIFT);
    return true;
  }

  /** A finished task, made from its row: what is written to it is lost. */
  find(session: Session, id: string): Task | undefined {
    const row = this.#find(session, id);
    return row === undefined ? undefined : this.#taskOf(row, session, id);
  }

  /** Like `find`, and releases the row: the caller continues with the object. */
  take(session: Session, id: string): Task | undefined {
    const row = this.#find(session, id);
    if (row === undefined) return undefined;
    const task = this.#taskOf(row, session, id);
    this.#remove(row);
    return task;
  }

  /** A task without an open attempt, new or an object of those that are remembered, is open again. */
  release(task: Task): void {
    if (task.attemptCount > 0) {
      this.noteBesides(task.session, 1);
      this.noteKept(task.session, -(task.keptDefinition?.bytes ?? 0));
    }
    if (task.tombstone !== undefined) this.#remove(task.tombstone);
    task.tombstone = undefined;
  }

  forgetOldest(): void {
    while (this.#first < this.#end) {
      const row = this.#first;
      const counts = this.#isLive(row);
      if (this.#isTaken(row)) this.#forget(row);
      this.#dropFirst();
      if (counts) return;
    }
  }

  /** In one step: its rows count no more, and are left behind as they become the oldest ones. */
  forgetSession({ number }: Session): void {
    const rows = this.#sessions.get(number);
    if (rows === undefined) return;
    this.#live -= rows.live;
    this.#besides -= rows.besides;
    this.#keptBytes -= rows.kept;
    this.#sessions.delete(number);
  }

  /** Rows as bytes, for a checkpoint; sessions are numbered as `numbers` says. */
  *save(numbers: ReadonlyMap<Session, number>): Generator<Buffer> {
    let rows: number[] = [];
    for (let row = this.#first; row < this.#end; row += 1) {
      if (this.#isLive(row)) rows.push(row);
      if (rows.length === RECORD_ROWS || (row === this.#end - 1 && rows.length > 0)) {
        yield this.#bytesOf(rows, numbers);
        rows = [];
      }
    }
  }

  #bytesOf(rows: readonly number[], numbers: ReadonlyMap<Session, number>): Buffer {
    const words = new Uint32Array(rows.length * ROW_WORDS);
    for (const [index, row] of rows.entries()) {
      const at = offsetOf(row);
      words.set(this.#wordsOf(row).subarray(at, at + ROW_WORDS), index * ROW_WORDS);
      const rowsOf = this.#sessions.get(this.#word(row, SESSION));
      words[index * ROW_WORDS + SESSION] = (rowsOf === undefined ? undefined : numbers.get(rowsOf.session)) ?? 0;
    }
    return Buffer.from(words.buffer);
  }

  /** Restores rows of `save`. Calls `onObject` for the row of each task that is an object, because the objects follow. */
  restore(bytes: Uint8Array, sessionOf: (number: number) => Session, onObject: (session: Session, id: string, row: number) => void): void {
    const saved = new Uint32Array(Uint8Array.from(bytes).buffer);
    for (let from = 0; from + ROW_WORDS <= saved.length; from += ROW_WORDS) {
      const session = sessionOf(saved[from + SESSION] ?? 0);
      const row = this.#newRow(session);
      const words = this.#wordsOf(row);
      const at = offsetOf(row);
      words.set(saved.subarray(from, from + ROW_WORDS), at);
      words[at + SESSION] = session.number;
      this.#countLive(session.number, 1);
      if ((this.#word(row, FLAGS) & IS_WHOLE) === 0) onObject(session, this.#idAt(row, 0), row);
      else if (!this.#index.add(words.subarray(at, at + ID_WORDS), row)) this.#remove(row);
    }
  }

  #find(session: Session, id: string): number | undefined {
    if (this.#live === 0 || !readId(id, scratch)) return undefined;
    for (const found of this.#index.candidates(scratch)) {
      const row = this.#first + ((found - this.#first) >>> 0);
      const words = this.#wordsOf(row);
      const at = offsetOf(row);
      if (words[at + SESSION] === session.number && isSameId(words, at, scratch)) return row;
    }
    return undefined;
  }

  #taskOf(row: number, session: Session, id: string): Task {
    const task = new Task(session, id);
    const flags = this.#word(row, FLAGS);
    if ((flags & HAS_PARENT) !== 0) task.parentTaskId = this.#idAt(row, PARENT);
    const isGuess = (flags & IS_GUESS) !== 0;
    const job = session.jobs.get(task.ownJobId);
    task.trace = (isGuess ? job?.traces.guessed : job?.traces.known) ?? new FinalTrace(task.ownJobId, isGuess);
    task.depth = (flags >>> DEPTH_SHIFT) & MAX_ROW_DEPTH;
    nsWords[0] = this.#word(row, RUNNING_NS);
    nsWords[1] = this.#word(row, RUNNING_NS + 1);
    task.add({
      closed: true,
      number: flags >>> NUMBER_SHIFT,
      runningNs: ns[0] ?? 0n,
      outcome: OUTCOMES[(flags >>> OUTCOME_SHIFT) & 3] ?? 'finished',
      rollup: undefined,
      above: undefined,
      isAfterJob: (flags & IS_AFTER_JOB) !== 0,
      isPlaceholder: (flags & IS_PLACEHOLDER) !== 0,
      isHeldBack: false,
    });
    return task;
  }

  #newRow(session: Session): number {
    this.#rowsOf(session);
    this.#compactSome();
    const row = this.#end;
    if (this.#chunkOf(row) === this.#chunks.length) {
      this.#chunks.push(this.#spare ?? new Uint32Array(CHUNK_ROWS * ROW_WORDS));
      this.#spare = undefined;
    }
    const words = this.#wordsOf(row);
    const at = offsetOf(row);
    words.fill(0, at, at + ROW_WORDS);
    words[at + SESSION] = session.number;
    words[at + FLAGS] = IS_LIVE;
    this.#end = row + 1;
    return row;
  }

  #rowsOf(session: Session): SessionRows {
    let rows = this.#sessions.get(session.number);
    if (rows === undefined) this.#sessions.set(session.number, (rows = { session, live: 0, besides: 0, kept: 0 }));
    return rows;
  }

  #countLive(session: number, count: number): void {
    const rows = this.#sessions.get(session);
    if (rows === undefined) return;
    rows.live += count;
    this.#live += count;
  }

  #forget(row: number): void {
    const isWhole = (this.#word(row, FLAGS) & IS_WHOLE) !== 0;
    if (!isWhole) this.#forgetObject(this.#sessions.get(this.#word(row, SESSION))?.session, this.#idAt(row, 0));
    this.#remove(row);
  }

  #forgetObject(session: Session | undefined, id: string): void {
    const task = session?.tasks.get(id);
    if (session === undefined || task === undefined) return;
    this.noteBesides(session, 1 - task.attemptCount);
    this.noteKept(session, -(task.keptDefinition?.bytes ?? 0));
    session.tasks.delete(id);
  }

  #remove(row: number): void {
    const words = this.#wordsOf(row);
    const at = offsetOf(row);
    if (((words[at + FLAGS] ?? 0) & IS_WHOLE) !== 0) this.#index.remove(words.subarray(at, at + ID_WORDS), row);
    words[at + FLAGS] = 0;
    this.#countLive(words[at + SESSION] ?? 0, -1);
  }

  #dropFirst(): void {
    this.#first += 1;
    if (this.#first % CHUNK_ROWS === 0) this.#spare = this.#chunks.shift();
  }

  /**
   * Moves rows that count towards the oldest one, over rows that do not: those of tasks that were tried again, and of sessions
   * that were forgotten. A few at a time, in their order.
   */
  #compactSome(): void {
    if (this.#moved === undefined && this.rows > 2 * (this.#live + this.#spareRows)) this.#moved = { from: this.#first, to: this.#first };
    for (let looks = 0; looks < ROWS_LOOKED_AT && this.#moved !== undefined; looks += 1) this.#moved = this.#compactOne(this.#moved);
  }

  #compactOne({ from, to }: MovedRows): MovedRows | undefined {
    const row = Math.max(from, this.#first);
    const free = Math.max(to, this.#first);
    if (row >= this.#end) {
      this.#end = free;
      this.#chunks.length = Math.min(this.#chunks.length, this.#chunkOf(free) + 1);
      return undefined;
    }
    const isKept = this.#isLive(row);
    if (!isKept && this.#isTaken(row)) this.#remove(row);
    if (isKept && free < row) this.#move(row, free);
    return { from: row + 1, to: isKept ? free + 1 : free };
  }

  #move(from: number, to: number): void {
    const words = this.#wordsOf(from);
    const at = offsetOf(from);
    const row = words.subarray(at, at + ROW_WORDS);
    this.#wordsOf(to).set(row, offsetOf(to));
    if (((words[at + FLAGS] ?? 0) & IS_WHOLE) !== 0) this.#index.move(row.subarray(0, ID_WORDS), from, to);
    else {
      const task = this.#sessions.get(words[at + SESSION] ?? 0)?.session.tasks.get(this.#idAt(from, 0));
      if (task !== undefined) task.tombstone = to;
    }
    words[at + FLAGS] = 0;
  }

  /** It was not given up; its session may be forgotten. */
  #isTaken(row: number): boolean {
    return (this.#word(row, FLAGS) & IS_LIVE) !== 0;
  }

  #isLive(row: number): boolean {
    return this.#isTaken(row) && this.#sessions.has(this.#word(row, SESSION));
  }

  #word(row: number, offset: number): number {
    return this.#wordsOf(row)[offsetOf(row) + offset] ?? 0;
  }

  #idAt(row: number, offset: number): string {
    const at = offsetOf(row) + offset;
    return hexOf(this.#wordsOf(row).subarray(at, at + ID_WORDS));
  }

  #chunkOf(row: number): number {
    return Math.floor(row / CHUNK_ROWS) - Math.floor(this.#first / CHUNK_ROWS);
  }

  #wordsOf(row: number): Uint32Array {
    return this.#chunks[this.#chunkOf(row)] ?? NO_WORDS;
  }
}

const NO_WORDS = new Uint32Array(0);

function offsetOf(row: number): number {
  return (row % CHUNK_ROWS) * ROW_WORDS;
}

/** The attempt of a task that fits into a row. */
function wholeOf(task: Task): ClosedAttempt | undefined {
  const only = task.lastClosed;
  if (only === undefined || task.attemptCount > 1 || only.rollup !== undefined || only.isHeldBack || only.number > MAX_NUMBER)
    return undefined;
  if (!(task.trace instanceof FinalTrace) || task.trace.jobId !== task.ownJobId) return undefined;
  return task.keptDefinition === undefined ? only : undefined;
}

/** False for what is no task id; Ray's have 24 bytes, and none that was decoded has others. */
function readId(id: string, words: Uint32Array): boolean {
  if (id.length !== ID_HEX) return false;
  for (let index = 0; index < ID_WORDS; index += 1) {
    let word = 0;
    for (let digit = index * 8; digit < index * 8 + 8; digit += 1) {
      const code = id.charCodeAt(digit);
      const value = code >= 48 && code <= 57 ? code - 48 : code >= 97 && code <= 102 ? code - 87 : -1;
      if (value < 0) return false;
      word = (word << 4) | value;
    }
    words[index] = word;
  }
  return true;
}

function hexOf(words: Uint32Array): string {
  return words.reduce((hex, word) => hex + word.toString(16).padStart(8, '0'), '');
}

function isSameId(words: Uint32Array, at: number, id: Uint32Array): boolean {
  for (let index = 0; index < ID_WORDS; index += 1) if (words[at + index] !== id[index]) return false;
  return true;
}
