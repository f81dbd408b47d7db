import { SETTINGS } from '../config.ts';
import { type Option, parseOptions, requiredText, size } from '../options/index.ts';
import { createRecordingWriter } from '../recording/index.ts';
import { type Command, type CommandContext, done, type Outcome, failed, usage } from './command.ts';
import { rayLines } from './ray-variables.ts';
import { listenerSecurityWarnings, openListenerSecurity, listen } from '../http/index.ts';
import { thisMachine } from './machine.ts';
import { createProgress } from './output.ts';
import { createRecorder } from './recorder.ts';
import { aborted } from './signals.ts';

const OPTIONS = {
  listen: SETTINGS.listen,
  output: {
    flag: '--output',
    placeholder: '<file>',
    default: '',
    parse: requiredText('the file to write, as in --output events.ndjson.gz'),
    group: 'File',
    help: 'The recording; compressed when its name ends in .gz. It must not exist yet, and is readable by its owner only.',
  },
  maxFileBytes: {
    flag: '--max-file-bytes',
    placeholder: '<size>',
    default: '1GiB',
    parse: size(1),
    group: 'File',
    help: 'Largest size of the file. At the limit writing ends with a message, and posts are still answered 200, so that Ray is not held up.',
  },
  maxBodyBytes: SETTINGS.maxBodyBytes,
  ingestTokenFile: SETTINGS.ingestTokenFile,
  ingestTokens: SETTINGS.ingestTokens,
  tlsCertFile: SETTINGS.tlsCertFile,
  tlsKeyFile: SETTINGS.tlsKeyFile,
} satisfies Record<string, Option<unknown>>;

export const recordCommand: Command = {
  name: 'record',
  summary: 'write what Ray posts into a file, without secrets',
  usage: '--output FILE [options]',
  description: [
    'Takes the posts of Ray in place of a bridge and writes each as a line of JSON: {"receivedAt", "path", "headers", "body"}. For bug reports, fixtures, and a look at a cluster without a backend.',
    'Runtime environments are reduced to names, entry points to program and script, and of the headers only harmless ones are kept. A token in the path is left out. Error messages and task names are kept as they are: look through a recording before you pass it on.',
    'SIGINT or SIGTERM ends the recording; it is on disk then.',
  ],
  options: OPTIONS,
  examples: [
    { says: 'record what a cluster on this machine sends', line: 'ray-otel-bridge record --output events.ndjson.gz' },
    { says: 'then look at it', line: 'ray-otel-bridge demo events.ndjson.gz' },
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
    return opened.exists
      ? usage(`--output: ${output} exists already; choose another name or take it away`)
      : failed(`--output: ${opened.message}`);
  }
  const { writer } = opened;
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
  const problem = recorder.failure() ?? (closed.ok ? undefined : closed.message);
  return problem === undefined ? done : failed(`cannot write ${output}: ${problem}`);
}
