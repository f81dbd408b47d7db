import { SETTINGS } from '../config.ts';
import { DEFAULT_DOCTOR_LIMITS, diagnose, gatherFacts, hasFault, renderDiagnosis } from '../doctor/index.ts';
import { duration, httpTarget, type Option, optional, parseOptions, switchValue } from '../options/index.ts';
import { failure } from '../runtime/index.ts';
import { jsonForTerminal } from '../terminal/index.ts';
import { type Command, type CommandContext, done, interrupted, type Outcome, failed, usage } from './command.ts';
import { readFirstToken } from './files.ts';
import { createProgress, wantsColor, writeText } from './output.ts';
import { thisMachine } from './ray-variables.ts';

const OPTIONS = {
  rayAddress: {
    flag: '--ray-address',
    placeholder: '<url>',
    default: '',
    parse: optional(dashboardUrl),
    group: 'What to check',
    help: "URL of Ray's dashboard. Default: RAY_API_SERVER_ADDRESS, RAY_ADDRESS if it is a URL, otherwise http://127.0.0.1:8265. If it requires a token, doctor sends the one of RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token.",
  },
  bridge: {
    flag: '--bridge',
    placeholder: '<url>',
    default: '',
    parse: optional(httpTarget),
    group: 'What to check',
    help: 'URL that Ray posts to, with its token. Default: RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR of this shell, of Ray on this machine, or in the logs of the nodes, otherwise http://127.0.0.1:8080/v1/events.',
  },
  endpoint: {
    flag: '--endpoint',
    placeholder: '<url>',
    default: '',
    parse: optional(httpTarget),
    group: 'What to check',
    help: 'OTLP endpoint, instead of OTEL_EXPORTER_OTLP_ENDPOINT. The other OTEL_* variables apply as in `serve`.',
  },
  readTokenFile: {
    ...SETTINGS.readTokenFile,
    group: 'What to check',
    help: "File of reader tokens. The first one is sent to the bridge's /metrics.",
  },
  readTokens: { ...SETTINGS.readTokens, group: 'What to check', help: 'The same token, without a file.' },
  timeoutMs: {
    flag: '--timeout',
    placeholder: '<duration>',
    default: '5s',
    parse: duration('10ms'),
    group: 'Running',
    help: `Maximum wait for one answer. All checks together take ${DEFAULT_DOCTOR_LIMITS.totalMs / 1000} s at most.`,
  },
  json: {
    flag: '--json',
    placeholder: '',
    default: '',
    isSwitch: true,
    parse: switchValue,
    group: 'Output',
    help: 'Print one JSON document.',
  },
} satisfies Record<string, Option<unknown>>;

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'find out why no traces arrive',
  usage: '[--ray-address URL] [--bridge URL] [--endpoint URL] [options]',
  description: [
    "Checks every hop between Ray and your backend and reports where it fails, why, and how to fix it: Ray's release and variables, each node's agent with its counters and log, the address and token of the bridge, the bridge itself, and the OTLP endpoint. Each finding has a stable code, listed in docs/reference/doctor-findings.md.",
    "Run it on a Ray node as the user that runs Ray, so that it can read the variables of Ray's processes. Give it the bridge's OTEL_* variables, so that it checks the same endpoint. If the bridge delivers spans, an endpoint that this shell cannot reach is not a fault. Checks that cannot run from here are reported as unknown, never as passing.",
    'It changes nothing: its requests to the bridge and the backend contain no events and no spans. It reads the documented Ray variables of processes, and only the names of other variables, to find typos. It prints no token.',
    'The exit code is 1 when a check found a fault, or when no check could run. Warnings and unknown results do not count.',
  ],
  options: OPTIONS,
  examples: [
    { purpose: 'on the head node', line: 'ray-otel-bridge doctor' },
    {
      purpose: 'from another machine',
      line: 'ray-otel-bridge doctor --ray-address http://head:8265 --bridge http://ray:TOKEN@bridge:8080/v1/events --endpoint http://tempo:4318',
    },
    { purpose: 'list only the codes of the findings', line: "ray-otel-bridge doctor --json | jq -r '.findings[].code'" },
  ],
  run: doctor,
};

function dashboardUrl(text: string): ReturnType<typeof httpTarget> {
  if (/^https?:\/\//i.test(text)) return httpTarget(text);
  return failure('is not a URL; write it like http://head:8265');
}

async function doctor(context: CommandContext): Promise<Outcome> {
  const { argv, env, stdout, stderr, now, sleep, stop, procFolder } = context;
  const parsed = parseOptions(OPTIONS, argv, env);
  if (!parsed.ok) return usage(...parsed.problems);
  if (parsed.positionals.length > 0) return usage(...parsed.positionals.map((word) => `unexpected argument ${JSON.stringify(word)}`));
  const { rayAddress, bridge, endpoint, timeoutMs, json, readTokenFile, readTokens } = parsed.values;
  const fromFile = readTokenFile === undefined ? undefined : readFirstToken(readTokenFile);
  if (fromFile?.ok === false) return usage(fromFile.problem);

  const progress = createProgress(stderr, now);
  progress.update(() => 'checking Ray, its nodes, the bridge and the backend...');
  const facts = await gatherFacts({
    rayAddress,
    bridgeAddress: bridge,
    endpoint: endpoint?.href,
    readToken: fromFile?.value ?? readTokens[0],
    env,
    now,
    sleep,
    stop,
    ownAddresses: thisMachine().addresses,
    ...(procFolder === undefined ? {} : { procFolder }),
    limits: { timeoutMs },
  });
  progress.clear();
  if (stop.aborted) return interrupted;

  const diagnosis = diagnose(facts);
  const isTerminal = stdout.isTTY === true;
  const text = json
    ? `${jsonForTerminal(diagnosis, 2)}\n`
    : renderDiagnosis(diagnosis, { width: isTerminal ? (stdout.columns ?? 80) : undefined, color: wantsColor(stdout, env) });
  await writeText(stdout, text);
  if (hasFault(diagnosis)) return failed();
  const { ray, local, backend } = facts;
  const hasAnswer = facts.bridge.post.kind === 'answered' || (backend.kind === 'asked' && !backend.isDefault);
  const hasSeen = ray.version !== undefined || local.processes.length > 0 || hasAnswer;
  return hasSeen ? done : failed('no check could run: give --ray-address and --bridge');
}
