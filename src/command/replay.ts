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
    help: 'URL of the bridge. Its user and password are sent as Basic authentication, as Ray does, and never printed.',
  },
  speed: {
    flag: '--speed',
    placeholder: '1|10|max',
    default: 'max',
    parse: replaySpeed,
    group: 'Pace',
    help: '1: with the pauses of the recording. 10 or any other number: that many times faster. max: without pauses. Events without recorded POSTs have no pauses.',
  },
  timeoutMs: {
    flag: '--timeout',
    placeholder: '<duration>',
    default: '3s',
    parse: duration('1ms'),
    group: 'Pace',
    help: "How long to wait for an answer before posting again. Ray's own timeout is the default.",
  },
  giveUpMs: {
    flag: '--give-up',
    placeholder: '<duration>',
    default: '1m',
    parse: duration(),
    group: 'Pace',
    help: 'How long to retry one post, with pauses from 20 ms to 5 s, before the replay ends with exit code 1. 0 retries forever, as Ray does.',
  },
  maxProblems: {
    flag: '--max-problems',
    placeholder: '<count>',
    default: '20',
    parse: count(1),
    group: 'Pace',
    help: 'Maximum number of unreadable lines and refused posts to report. Further ones are only counted.',
  },
} satisfies Record<string, Option<unknown>>;

export const replayCommand: Command = {
  name: 'replay',
  summary: 'post recorded events to a bridge, as Ray would',
  usage: 'FILE... --to URL [options]',
  description: [
    'Posts each recorded POST to a bridge, one after the other, and retries it as Ray does until it is accepted. FILE is a recording (see `record`), a JSON array of events, or JSON lines of events, plain or gzip. - is standard input.',
    `Events without recorded POSTs are posted in batches of ${EVENTS_PER_POST}. Progress goes to standard error, a summary of the bridge's answers to standard output.`,
    'Unreadable lines and posts that the bridge permanently refuses (400, 413, 415) are reported and skipped, and the exit code is 1.',
  ],
  options: OPTIONS,
  examples: [
    { purpose: 'with the pauses of the recording', line: 'ray-otel-bridge replay events.ndjson.gz --to http://127.0.0.1:8080 --speed 1' },
    { purpose: 'as fast as the bridge accepts it', line: 'ray-otel-bridge replay events.ndjson --to http://127.0.0.1:8080' },
  ],
  run: replay,
};

async function replay(context: CommandContext): Promise<Outcome> {
  const parsed = parseOptions(OPTIONS, context.argv, context.env);
  if (!parsed.ok) return usage(...parsed.problems);
  const files = parsed.positionals;
  if (files.length === 0) return usage('FILE is required: a recording, or - for standard input');
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
  return run.totals.problems > 0 ? failed(`${run.totals.problems} lines or posts could not be replayed`) : done;
}
