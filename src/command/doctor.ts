import { SETTINGS } from '../config.ts';
import { DEFAULT_DOCTOR_LIMITS, diagnose, gatherFacts, hasFault, renderDiagnosis } from '../doctor/index.ts';
import { duration, httpTarget, type Option, optional, parseOptions, switchValue } from '../options/index.ts';
import { jsonForTerminal } from '../terminal/index.ts';
import { type Command, type CommandContext, done, interrupted, type Outcome, failed, usage } from './command.ts';
import { thisMachine } from './machine.ts';
import { createProgress, wantsColor, writeText } from './output.ts';
import { readFirstToken } from './read-token.ts';

const OPTIONS = {
  rayAddress: {
    flag: '--ray-address',
    placeholder: '<url>',
    default: '',
    parse: optional(dashboardUrl),
    group: 'What to look at',
    help: "URL of Ray's dashboard. Without it: RAY_API_SERVER_ADDRESS, RAY_ADDRESS if it is a URL, else http://127.0.0.1:8265. Where it asks for a token, that of RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token is shown to it.",
  },
  bridge: {
    flag: '--bridge',
    placeholder: '<url>',
    default: '',
    parse: optional(httpTarget),
    group: 'What to look at',
    help: 'Where Ray posts to, with the token in it. Without it: what RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR says in this shell, in the Ray of this machine, or in the logs of the nodes; else http://127.0.0.1:8080/v1/events.',
  },
  endpoint: {
    flag: '--endpoint',
    placeholder: '<url>',
    default: '',
    parse: optional(httpTarget),
    group: 'What to look at',
    help: 'The OTLP endpoint, in place of OTEL_EXPORTER_OTLP_ENDPOINT. The other OTEL_* variables apply as in serve.',
  },
  readTokenFile: {
    ...SETTINGS.readTokenFile,
    group: 'What to look at',
    help: "Tokens of which the first is shown to the bridge's /metrics.",
  },
  readTokens: { ...SETTINGS.readTokens, group: 'What to look at', help: 'The same, without a file.' },
  timeoutMs: {
    flag: '--timeout',
    placeholder: '<duration>',
    default: '5s',
    parse: duration('10ms'),
    group: 'Running',
    help: `How long to wait for one answer. The whole takes ${DEFAULT_DOCTOR_LIMITS.totalMs / 1000} s at most.`,
  },
  json: { flag: '--json', placeholder: '', default: '', isSwitch: true, parse: switchValue, group: 'Output', help: 'One JSON document.' },
} satisfies Record<string, Option<unknown>>;

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'find out why nothing arrives',
  usage: '[--ray-address URL] [--bridge URL] [--endpoint URL] [options]',
  description: [
    "Follows the way of an event and tells where it ends: Ray's release and variables, each node's agent with its counters and log, the address and token of the bridge, the bridge itself, the OTLP endpoint. Each finding has a stable code (docs/reference/doctor-findings.md), and says what to do.",
    "Run it on a node of Ray with the user of Ray to have the variables of its processes seen, and with the bridge's OTEL_* variables to have the endpoint seen as the bridge sees it. A bridge that delivers is believed, whatever this shell reaches. What cannot be looked at from here is said to be not known; it is never taken for well.",
    'It changes nothing: its post to the bridge and its request to the backend hold no events and no spans. Of processes it reads the documented variables of Ray, and of other variables the names, to find misspelt ones; no token is printed.',
    'The exit code is 1 when a fault was found, or when nothing at all could be looked at. Warnings and what is not known do not count.',
  ],
  options: OPTIONS,
  examples: [
    { says: 'on the head', line: 'ray-otel-bridge doctor' },
    {
      says: 'from elsewhere',
      line: 'ray-otel-bridge doctor --ray-address http://head:8265 --bridge http://ray:TOKEN@bridge:8080/v1/events --endpoint http://tempo:4318',
    },
    { says: 'the codes of what is wrong', line: "ray-otel-bridge doctor --json | jq -r '.findings[].code'" },
  ],
  run: doctor,
};

function dashboardUrl(text: string): ReturnType<typeof httpTarget> {
  if (/^https?:\/\//i.test(text)) return httpTarget(text);
  return { ok: false, problem: 'is not a URL; write the address of the dashboard like http://head:8265' };
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
  progress.update(() => 'asking Ray, its nodes, the bridge and the backend...');
  const facts = await gatherFacts({
    rayAddress,
    bridgeAddress: bridge,
    endpoint: endpoint?.href,
    readToken: fromFile?.token ?? readTokens[0],
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
  return hasSeen ? done : failed('nothing could be looked at: give --ray-address and --bridge');
}
