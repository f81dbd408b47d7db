import { count, duration, httpTarget, type Option, parseOptions, replaySpeed } from '../options/index.ts';
import { rawEventsOf, readRecording, recordingSizeBytes, type RecordingItem } from '../recording/index.ts';
import { formatCount, formatDurationNs, printable } from '../terminal/index.ts';
import { type Command, type CommandContext, done, interrupted, type Outcome, trouble, usage } from './command.ts';
import { missingFiles } from './files.ts';
import { createProgress, type Progress } from './output.ts';
import { createPoster, type Poster } from './poster.ts';

/** Ray's own batch size from 2.55 on. */
const eventsPerPost = 1000;

const options = {
  to: {
    flag: '--to',
    placeholder: '<url>',
    default: '',
    parse: httpTarget,
    group: 'Target',
    help: "URL of the bridge. A user and password in it are sent as Basic authentication, as Ray does, and never printed.",
  },
  speed: {
    flag: '--speed',
    placeholder: '1|10|max',
    default: '1',
    parse: replaySpeed,
    group: 'Pace',
    help: '1: with the pauses of the recording. 10, or any number: so many times as fast. max: without pauses. Plain lists of events have no times and are always posted without pauses.',
  },
  timeoutMs: {
    flag: '--timeout',
    placeholder: '<duration>',
    default: '3s',
    parse: duration('1ms'),
    group: 'Pace',
    help: "How long to wait for an answer before posting again. The default is Ray's.",
  },
  giveUpMs: {
    flag: '--give-up',
    placeholder: '<duration>',
    default: '1m',
    parse: duration(),
    group: 'Pace',
    help: 'How long one post is repeated, with pauses from 20 ms up to 5 s, before the replay ends with exit code 1. 0 is for ever, as Ray does.',
  },
  maxProblems: {
    flag: '--max-problems',
    placeholder: '<count>',
    default: '20',
    parse: count(1),
    group: 'Pace',
    help: 'Unreadable lines and refused posts that are told one by one; the rest is counted.',
  },
} satisfies Record<string, Option<unknown>>;

export const replayCommand: Command = {
  name: 'replay',
  summary: 'post recorded events to a bridge, as Ray would',
  usage: 'FILE... --to URL [options]',
  description: [
    'Posts each recorded POST to a bridge, one after the other, and repeats it as Ray does until it is taken. FILE is a recording (see `record`), a JSON array of events, or JSON lines of events; plain or gzip; - is standard input.',
    `Events without recorded POSTs go in batches of ${eventsPerPost}. Progress goes to standard error, the sums of the bridge's answers to standard output.`,
    'A line that cannot be read, or a post that the bridge refuses for good (400, 413, 415), is told and left out, and the exit code is 1 at the end.',
  ],
  options,
  examples: [
    { says: 'as fast as the bridge takes it', line: 'ray-otel-bridge replay events.ndjson.gz --to http://127.0.0.1:8080 --speed max' },
    { says: 'with the pauses of the recording', line: 'ray-otel-bridge replay events.ndjson --to http://127.0.0.1:8080' },
  ],
  run: replay,
};

interface Totals {
  posts: number;
  events: number;
  accepted: number;
  duplicates: number;
  rejected: number;
  problems: number;
}

async function replay(context: CommandContext): Promise<Outcome> {
  const parsed = parseOptions(options, context.argv, context.env);
  if (!parsed.ok) return usage(...parsed.problems);
  const files = parsed.positionals;
  if (files.length === 0) return usage('no FILE is given: name a recording, or - for standard input');
  const missing = await missingFiles(files);
  if (missing.length > 0) return usage(...missing);

  const { to, speed, timeoutMs, giveUpMs, maxProblems } = parsed.values;
  const progress = createProgress(context.stderr, context.now);
  const poster = createPoster({ target: to, timeoutMs, giveUpMs, ...context });
  const run = new Replay({ context, speed, maxProblems, progress, poster, totalBytes: await recordingSizeBytes(files) });
  let failure: string | undefined;
  for (const file of files) {
    // oxlint-disable-next-line no-await-in-loop -- files are posted one after the other
    failure = await run.file(file);
    if (failure !== undefined || context.stop.aborted) break;
  }
  progress.clear();
  context.stdout.write(`${run.summary()}\n`);
  if (failure !== undefined) return trouble(failure);
  if (context.stop.aborted) return interrupted;
  return run.totals.problems > 0 ? trouble(`${run.totals.problems} of the lines and posts could not be replayed`) : done;
}

interface ReplayOptions {
  readonly context: CommandContext;
  readonly speed: number;
  readonly maxProblems: number;
  readonly progress: Progress;
  readonly poster: Poster;
  readonly totalBytes: number | undefined;
}

class Replay {
  readonly totals: Totals = { posts: 0, events: 0, accepted: 0, duplicates: 0, rejected: 0, problems: 0 };
  readonly #options: ReplayOptions;
  readonly #startMs: number;
  readonly #read = { bytesRead: 0 };
  #batch: unknown[] = [];
  #batchPlace = '';

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#startMs = options.context.now();
  }

  /** Posts a whole file. A text when the replay can't go on. */
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
    if (item.kind === 'post') return (await this.#postBatch()) ?? (await this.#post(item.body, placeOf(item.file, item.line)));
    if (this.#batch.length === 0) this.#batchPlace = placeOf(item.file, item.line);
    const events = rawEventsOf(item);
    if (events.ok) this.#batch.push(...events.events);
    return this.#batch.length >= eventsPerPost ? await this.#postBatch() : undefined;
  }

  async #postBatch(): Promise<string | undefined> {
    if (this.#batch.length === 0) return undefined;
    const body = JSON.stringify(this.#batch);
    this.#batch = [];
    return await this.#post(body, this.#batchPlace);
  }

  async #post(body: string, place: string): Promise<string | undefined> {
    const { poster, progress, context } = this.#options;
    const answer = await poster.post(body, (waiting) => progress.update(() => `${this.#soFar()} | ${waiting}`));
    if (answer.kind === 'stopped') return undefined;
    if (answer.kind === 'gave_up') return `${place}: ${answer.message}`;
    if (answer.kind === 'refused') {
      this.#problem(place, 0, answer.message);
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
    if (this.totals.problems <= maxProblems) progress.line(`${line > 0 ? placeOf(file, line) : printable(file)}: ${printable(message)}`);
    if (this.totals.problems === maxProblems) progress.line('more of these are only counted');
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

function placeOf(file: string, line: number): string {
  return `${printable(file)}:${line}`;
}
