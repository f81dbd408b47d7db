import { rawEventsOf, readRecording, type RecordingItem } from '../recording/index.ts';
import { printable } from '../runtime/index.ts';
import { formatCount, formatDurationNs } from '../terminal/index.ts';
import type { CommandContext } from './command.ts';
import type { Progress } from './output.ts';
import type { Poster } from './poster.ts';

/** Ray's own batch size from 2.55. */
export const EVENTS_PER_POST = 1000;

interface Totals {
  posts: number;
  events: number;
  accepted: number;
  duplicates: number;
  rejected: number;
  problems: number;
}

export interface ReplayOptions {
  readonly context: Pick<CommandContext, 'now' | 'sleep' | 'stop' | 'stdin'>;
  readonly speed: number;
  readonly maxProblems: number;
  readonly progress: Progress;
  readonly poster: Poster;
  readonly totalBytes: number | undefined;
}

/** Posts recorded files and sums up the answers. */
export class Replay {
  readonly totals: Totals = { posts: 0, events: 0, accepted: 0, duplicates: 0, rejected: 0, problems: 0 };
  readonly #options: ReplayOptions;
  readonly #startMs: number;
  readonly #read = { bytesRead: 0 };
  #batch: unknown[] = [];
  #batchPosition = '';

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#startMs = options.context.now();
  }

  /** Posts a file. Returns a problem when the replay cannot continue. */
  async file(file: string): Promise<string | undefined> {
    const { context } = this.#options;
    let firstAtMs: number | undefined;
    const fileStartMs = context.now();
    for await (const item of readRecording(file, { stdin: context.stdin, progress: this.#read })) {
      if (context.stop.aborted) return undefined;
      if (item.kind === 'post') {
        firstAtMs ??= item.receivedAtMs;
        await this.#pace(fileStartMs, item.receivedAtMs - firstAtMs);
        if (context.stop.aborted) return undefined;
      }
      const failure = await this.#item(item);
      if (failure !== undefined) return failure;
    }
    return await this.#postBatch();
  }

  summary(): string {
    const { posts, events, accepted, duplicates, rejected } = this.totals;
    return `${formatCount(posts, 'post')} with ${formatCount(events, 'event')} in ${this.#elapsed()}: ${accepted} accepted, ${duplicates} duplicates, ${rejected} rejected`;
  }

  async #item(item: RecordingItem): Promise<string | undefined> {
    if (item.kind === 'problem') {
      this.#problem(item.file, item.line, item.message);
      return undefined;
    }
    if (item.kind === 'post') return (await this.#postBatch()) ?? (await this.#post(item.body, positionOf(item.file, item.line)));
    if (this.#batch.length === 0) this.#batchPosition = positionOf(item.file, item.line);
    const events = rawEventsOf(item);
    if (events.ok) this.#batch.push(...events.value);
    return this.#batch.length >= EVENTS_PER_POST ? await this.#postBatch() : undefined;
  }

  async #postBatch(): Promise<string | undefined> {
    if (this.#batch.length === 0) return undefined;
    const body = JSON.stringify(this.#batch);
    this.#batch = [];
    return await this.#post(body, this.#batchPosition);
  }

  async #post(body: string, position: string): Promise<string | undefined> {
    const { poster, progress, context } = this.#options;
    const answer = await poster.post(body, (waiting) => progress.update(() => `${this.#soFar()} | ${waiting}`));
    if (answer.kind === 'stopped') return undefined;
    if (answer.kind === 'gave_up') return `${position}: ${answer.message}`;
    if (answer.kind === 'refused') {
      this.#problem(position, 0, answer.message);
      return undefined;
    }
    const { totals } = this;
    totals.posts += 1;
    totals.events += answer.accepted + answer.duplicates + answer.rejected;
    totals.accepted += answer.accepted;
    totals.duplicates += answer.duplicates;
    totals.rejected += answer.rejected;
    if (!context.stop.aborted) progress.update(() => this.#soFar());
    return undefined;
  }

  async #pace(fileStartMs: number, recordedMs: number): Promise<void> {
    const { context, speed } = this.#options;
    const waitMs = fileStartMs + recordedMs / speed - context.now();
    if (waitMs >= 1) await context.sleep(waitMs, context.stop);
  }

  #problem(file: string, line: number, message: string): void {
    const { progress, maxProblems } = this.#options;
    this.totals.problems += 1;
    if (this.totals.problems <= maxProblems) progress.line(`${line > 0 ? positionOf(file, line) : printable(file)}: ${printable(message)}`);
    if (this.totals.problems === maxProblems) progress.line('further problems are only counted');
  }

  #soFar(): string {
    const { posts, events } = this.totals;
    const seconds = Math.max(0.001, (this.#options.context.now() - this.#startMs) / 1000);
    return `${formatCount(posts, 'post')}, ${formatCount(events, 'event')}, ${Math.round(events / seconds).toLocaleString('en-US')} events/s${this.#remaining()}`;
  }

  #remaining(): string {
    const { totalBytes, context } = this.#options;
    if (totalBytes === undefined || totalBytes === 0) return '';
    const share = Math.min(1, this.#read.bytesRead / totalBytes);
    if (share < 0.01) return '';
    const elapsedMs = context.now() - this.#startMs;
    const leftMs = (elapsedMs / share) * (1 - share);
    return `, ${Math.floor(share * 100)}% read, about ${formatDurationNs(BigInt(Math.round(leftMs)) * 1_000_000n)} left`;
  }

  #elapsed(): string {
    return formatDurationNs(BigInt(Math.round(this.#options.context.now() - this.#startMs)) * 1_000_000n);
  }
}

function positionOf(file: string, line: number): string {
  return `${printable(file)}:${line}`;
}
