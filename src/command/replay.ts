import { count, duration, httpTarget, type Option, parseOptions, replaySpeed } from '../options/index.ts';
import { recordingSizeBytes } from '../recording/index.ts';
import { type Command, type CommandContext, done, interrupted, type Outcome, failed, usage } from './command.ts';
import { findUnreadable } from './files.ts';
import { createProgress } from './output.ts';
import { createPoster } from './poster.ts';
import { EVENTS_PER_POST, Replay } from './replay-run.ts';

const OPTIONS = {
  to: {
    flag: '--to',
    placeholder: '<url>',
    default: '',
    parse: httpTarget,
    group: 'Target',
    help: 'URL of the bridge. A user and password in it are sent as Basic authentication, as Ray does, and never printed.',
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
    `Events without recorded POSTs go in batches of ${EVENTS_PER_POST}. Progress goes to standard error, the sums of the bridge's answers to standard output.`,
    'A line that cannot be read, or a post that the bridge refuses for good (400, 413, 415), is told and left out, and the exit code is 1 at the end.',
  ],
  options: OPTIONS,
  examples: [
    { says: 'as fast as the bridge takes it', line: 'ray-otel-bridge replay events.ndjson.gz --to http://127.0.0.1:8080 --speed max' },
    { says: 'with the pauses of the recording', line: 'ray-otel-bridge replay events.ndjson --to http://127.0.0.1:8080' },
  ],
  run: replay,
};

async function replay(context: CommandContext): Promise<Outcome> {
  const parsed = parseOptions(OPTIONS, context.argv, context.env);
  if (!parsed.ok) return usage(...parsed.problems);
  const files = parsed.positionals;
  if (files.length === 0) return usage('no FILE is given: name a recording, or - for standard input');
  const missing = await findUnreadable(files);
  if (missing.length > 0) return usage(...missing);

  const { to, speed, timeoutMs, giveUpMs, maxProblems } = parsed.values;
  const progress = createProgress(context.stderr, context.now);
  const poster = createPoster({ target: to, timeoutMs, giveUpMs, ...context });
  const run = new Replay({ context, speed, maxProblems, progress, poster, totalBytes: await recordingSizeBytes(files) });
  let failure: string | undefined;
  for (const file of files) {
    failure = await run.file(file);
    if (failure !== undefined || context.stop.aborted) break;
  }
  progress.clear();
  context.stdout.write(`${run.summary()}\n`);
  if (failure !== undefined) return failed(failure);
  if (context.stop.aborted) return interrupted;
  return run.totals.problems > 0 ? failed(`${run.totals.problems} of the lines and posts could not be replayed`) : done;
}
