import { SETTINGS } from '../config.ts';
import { type Option, parseOptions, requiredText, size } from '../options/index.ts';
import { createRecordingWriter } from '../recording/index.ts';
import { aborted, type Command, type CommandContext, done, type Outcome, failed, usage } from './command.ts';
import { rayLines, thisMachine } from './ray-variables.ts';
import { listenerSecurityWarnings, openListenerSecurity, listen } from '../http/index.ts';
import { createProgress } from './output.ts';
import { RECEIVING_OPTIONS } from './receiving-options.ts';
import { createRecorder } from './recorder.ts';

const OPTIONS = {
  listen: SETTINGS.listen,
  output: {
    flag: '--output',
    placeholder: '<file>',
    default: '',
    parse: requiredText('a file name, as in --output events.ndjson.gz'),
    group: 'File',
    help: 'File for the recording, compressed if its name ends in .gz. It must not exist yet. Only its owner can read it.',
  },
  maxFileBytes: {
    flag: '--max-file-bytes',
    placeholder: '<size>',
    default: '1GiB',
    parse: size(1),
    group: 'File',
    help: 'Maximum size of the file. At the limit, recording stops with a message, but posts are still answered with 200, so that Ray is not blocked.',
  },
  ...RECEIVING_OPTIONS,
} satisfies Record<string, Option<unknown>>;

export const recordCommand: Command = {
  name: 'record',
  summary: "record Ray's posts into a file, without secrets",
  usage: '--output FILE [options]',
  description: [
    'Accepts the posts of Ray instead of a bridge and writes each one as a line of JSON: {"receivedAt", "path", "headers", "body"}. Use it for bug reports, for fixtures, or to inspect a cluster without a backend.',
    'It reduces runtime environments to names and entry points to program and script, keeps only harmless headers, and removes a token in the path. Error messages and task names lose only secrets that announce themselves, such as password=...: review a recording before you share it.',
    'SIGINT or SIGTERM ends the recording and syncs it to disk.',
  ],
  options: OPTIONS,
  examples: [
    { purpose: 'record a cluster on this machine', line: 'ray-otel-bridge record --output events.ndjson.gz' },
    { purpose: 'then look at its traces', line: 'ray-otel-bridge demo events.ndjson.gz' },
  ],
  run: record,
};

const CLOSE_GRACE_MS = 2000;

async function record(context: CommandContext): Promise<Outcome> {
  const parsed = parseOptions(OPTIONS, context.argv, context.env);
  if (!parsed.ok) return usage(...parsed.problems);
  if (parsed.positionals.length > 0) return usage('unexpected argument: name the file with --output');
  const { listen: address, output, maxFileBytes, maxBodyBytes } = parsed.values;

  const openedSecurity = openListenerSecurity({ ...parsed.values, readTokens: [], readTokenFile: undefined });
  if (!openedSecurity.ok) return usage(...openedSecurity.problem);
  const { value: security } = openedSecurity;

  const opened = await createRecordingWriter(output, maxFileBytes);
  if (!opened.ok) {
    return opened.problem.exists
      ? usage(`--output: ${output} exists already; choose another name, or remove it`)
      : failed(`--output: ${opened.problem.message}`);
  }
  const { value: writer } = opened;
  const progress = createProgress(context.stderr, context.now);
  const recorder = createRecorder({ writer, maxBodyBytes, now: context.now, progress, tokens: security.access.ingest });
  const listening = await listen(recorder.app.fetch, address, { certificate: security.certificate });
  if (!listening.ok) {
    await writer.discard();
    return failed(listening.problem);
  }
  const { value: server } = listening;
  for (const warning of listenerSecurityWarnings(security, address.host, context.now()))
    context.stderr.write(`ray-otel-bridge record: ${warning}\n`);
  const lines = [
    `listening on ${server.url}`,
    '',
    ...rayLines(security, address.host, server.port, thisMachine()),
    '',
    `recording to ${output} until Ctrl-C`,
  ];
  context.stdout.write(`${lines.join('\n')}\n`);

  await aborted(AbortSignal.any([context.stop, recorder.failed]));
  await server.close(CLOSE_GRACE_MS);
  const closed = await writer.close();
  progress.clear();
  context.stdout.write(`recorded ${recorder.tally()} in ${output}\n`);
  const problem = recorder.failure() ?? (closed.ok ? undefined : closed.problem.message);
  return problem === undefined ? done : failed(`cannot write ${output}: ${problem}`);
}
