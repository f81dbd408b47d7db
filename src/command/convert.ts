import { SETTINGS } from '../config.ts';
import { type ReceivedEvent, receivedEventsToSpans } from '../convert.ts';
import { otlpJsonLines } from '../export/index.ts';
import { oneOf, type Option, optionalText, parseOptions } from '../options/index.ts';
import { rawEventsOf, readRecording } from '../recording/index.ts';
import { readSpanEnvironment } from '../span/index.ts';
import { printable, type Result, success } from '../runtime/index.ts';
import { formatCount } from '../terminal/index.ts';
import { type Command, type CommandContext, done, interrupted, type Outcome, failed, usage } from './command.ts';
import { findUnreadable, replaceFile } from './files.ts';
import { createProgress, writeText } from './output.ts';
import { perfettoLines } from './perfetto.ts';

const { nesting, phases, phaseMinWaitMs, slowMs, runtimeEnv, maxSpansPerTrace, maxBytesPerTrace, slowestPerFunction } = SETTINGS;

const OPTIONS = {
  output: {
    flag: '--output',
    placeholder: '<file>',
    default: '',
    parse: optionalText,
    group: 'Output',
    help: 'File for the result. Default: standard output. The file is replaced atomically, once everything is written.',
  },
  format: {
    flag: '--format',
    placeholder: '<format>',
    default: 'otlp',
    parse: oneOf('otlp', 'perfetto'),
    group: 'Output',
    help: 'otlp: OTLP JSON lines. perfetto: one Chrome trace (JSON) for https://ui.perfetto.dev, with a track for each worker and arrows for calls.',
  },
  nesting,
  phases,
  phaseMinWaitMs,
  slowMs,
  runtimeEnv,
  maxSpansPerTrace,
  maxBytesPerTrace,
  slowestPerFunction,
} satisfies Record<string, Option<unknown>>;

export const convertCommand: Command = {
  name: 'convert',
  summary: 'convert recorded events into OTLP JSON lines, or a trace for Perfetto',
  usage: 'FILE... [--output FILE] [options]',
  description: [
    'Reads all events of the files, closes whatever is still open at the end of the input, and writes the spans as OTLP JSON, one ExportTraceServiceRequest per line. FILE is a recording (see `record`), a JSON array of events, or JSON lines of events, plain or gzip. - is standard input.',
    'The output depends only on the events, not on their order or on how they are split into files. A recording gives the same spans as `serve`.',
    'OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES and OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT apply as in `serve`. Nothing is sampled out.',
    'An unreadable line is reported on standard error and skipped. The rest is converted, and the exit code is 1. Events that the bridge would reject are counted in the summary and do not change the exit code.',
  ],
  options: OPTIONS,
  examples: [
    { purpose: 'write a file for any tool that reads OTLP JSON', line: 'ray-otel-bridge convert events.ndjson.gz --output traces.jsonl' },
    { purpose: 'look at a recording in Perfetto', line: 'ray-otel-bridge convert events.ndjson.gz --format perfetto --output trace.json' },
    {
      purpose: 'send the spans to a backend, line by line',
      line: 'ray-otel-bridge convert events.ndjson | while read -r line; do curl -sf -H \'content-type: application/json\' -d "$line" http://localhost:4318/v1/traces; done',
    },
  ],
  run: convert,
};

/** Further unreadable lines are only counted. */
const MAX_REPORTED_PROBLEMS = 20;

async function convert(context: CommandContext): Promise<Outcome> {
  const parsed = parseOptions(OPTIONS, context.argv, context.env);
  const spanEnvironment = readSpanEnvironment(context.env);
  if (!parsed.ok || !spanEnvironment.ok) return usage(...[parsed, spanEnvironment].flatMap((read) => (read.ok ? [] : read.problems)));
  if (parsed.positionals.length === 0) return usage('FILE is required: a recording, or - for standard input');
  const missing = await findUnreadable(parsed.positionals);
  if (missing.length > 0) return usage(...missing);

  const { output, format, ...spanOptions } = parsed.values;
  const { serviceName, resourceAttributes, valueLengthMax } = spanEnvironment;
  const input = await readAll(parsed.positionals, context);
  if (context.stop.aborted) return interrupted;
  const converted = receivedEventsToSpans(input.events, {
    ...spanOptions,
    serviceName,
    resourceAttributes,
    valueLengthMax,
  });
  const lines = format === 'perfetto' ? perfettoLines(converted.spans) : otlpJsonLines(converted.spans);
  const written = output === undefined ? await writeLines(lines, context) : await replaceFile(output, lines, context.stop);
  if (context.stop.aborted) return interrupted;
  if (!written.ok) return failed(`cannot write ${output ?? 'to standard output'}: ${written.problem}`);

  const traces = new Set(converted.spans.map((span) => span.spanContext().traceId)).size;
  const counts = [
    formatCount(input.events.length, 'event'),
    `${converted.rejected.length} rejected`,
    formatCount(converted.spans.length, 'span'),
    formatCount(traces, 'trace'),
  ];
  context.stderr.write(`${counts.join(', ')}\n`);
  if (converted.ignoredTimes > 0) context.stderr.write(`  ${converted.ignoredTimes} impossible times were ignored\n`);
  for (const [reason, count] of countReasons(converted.rejected)) context.stderr.write(`  rejected ${count}: ${reason}\n`);
  return input.problems === 0
    ? done
    : failed(
        `${formatCount(input.problems, 'part')} of the input could not be read and ${input.problems === 1 ? 'is' : 'are'} missing from the output`,
      );
}

interface Input {
  readonly events: readonly ReceivedEvent[];
  readonly problems: number;
}

async function readAll(files: readonly string[], context: CommandContext): Promise<Input> {
  const progress = createProgress(context.stderr, context.now);
  const events: ReceivedEvent[] = [];
  let problems = 0;
  const report = (place: string, message: string): void => {
    problems += 1;
    if (problems <= MAX_REPORTED_PROBLEMS) progress.line(`${printable(place)}: ${printable(message)}`);
    if (problems === MAX_REPORTED_PROBLEMS) progress.line('further problems are only counted');
  };
  for (const file of files) {
    for await (const item of readRecording(file, { stdin: context.stdin })) {
      if (context.stop.aborted) break;
      const place = item.line > 0 ? `${file}:${item.line}` : file;
      if (item.kind === 'problem') {
        report(place, item.message);
        continue;
      }
      const raw = rawEventsOf(item);
      const receivedMs = item.kind === 'post' ? item.receivedAtMs : undefined;
      if (raw.ok) for (const event of raw.value) events.push({ event, receivedMs });
      else report(place, raw.problem);
      progress.update(() => `${formatCount(events.length, 'event')} read`);
    }
  }
  progress.clear();
  return { events, problems };
}

async function writeLines(lines: Iterable<string>, { stdout, stop }: CommandContext): Promise<Result<undefined>> {
  for (const line of lines) {
    if (stop.aborted || !(await writeText(stdout, line))) break;
  }
  return success(undefined);
}

function countReasons(rejected: readonly { readonly code: string }[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { code } of rejected) counts.set(code, (counts.get(code) ?? 0) + 1);
  return counts;
}
