import { createExporters, exportOnce, readOtlpSettings } from '../export/index.ts';
import { systemClock } from '../runtime/index.ts';
import type { BackendFacts } from './facts.ts';
import { type OtlpOutcome, otlpOutcomeOf, speaksOtlp } from './otlp-outcome.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface BackendQuestion {
  /** Environment with the OTEL_* variables. */
  readonly env: Environment;
  /** Endpoint that replaces OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string | undefined;
  /** Whether to try the default endpoint on localhost, because the bridge is on this machine. */
  readonly tryDefault: boolean;
  readonly timeoutMs: number;
  readonly stop: AbortSignal;
}

const TRACES_PREFIX = 'OTEL_EXPORTER_OTLP_TRACES_';

/** Sends an empty request as the OTEL_* variables specify. If it fails, tries the other protocol, scheme or port. */
export async function gatherBackend(question: BackendQuestion): Promise<BackendFacts> {
  const env = environmentOf(question);
  const isDefault = !['ENDPOINT', 'TRACES_ENDPOINT'].some((suffix) => isSet(env, `OTEL_EXPORTER_OTLP_${suffix}`));
  const created = createExporters(env);
  if (!created.ok) return { kind: 'invalid', problems: created.problems };
  const otlp = created.exporters.find(({ name }) => name === 'otlp');
  if (otlp === undefined) return { kind: 'no_otlp', describe: created.describe };
  if (isDefault && !question.tryDefault) return { kind: 'not_asked' };

  const { protocol, publicUrl, route } = readOtlpSettings(env, []);
  const outcome = await probe(env, question);
  const other = await tryAlternative(env, protocol, publicUrl, outcome, question);
  return { kind: 'asked', endpoint: publicUrl, protocol, route: route.describe, isDefault, outcome, other };
}

function environmentOf({ env, endpoint, timeoutMs }: BackendQuestion): Environment {
  const given = Number(env[`${TRACES_PREFIX}TIMEOUT`] ?? env['OTEL_EXPORTER_OTLP_TIMEOUT'] ?? timeoutMs);
  // Keeps an invalid value, so that it is reported.
  const timeout = given > timeoutMs ? { [`${TRACES_PREFIX}TIMEOUT`]: String(timeoutMs) } : {};
  return {
    ...env,
    ...timeout,
    ...(endpoint === undefined ? {} : { [`${TRACES_PREFIX}ENDPOINT`]: '', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }),
  };
}

function isSet(env: Environment, name: string): boolean {
  return (env[name] ?? '').trim() !== '';
}

async function probe(env: Environment, { timeoutMs, stop }: BackendQuestion): Promise<OtlpOutcome> {
  const created = createExporters({ ...env, OTEL_TRACES_EXPORTER: 'otlp' });
  const exporter = created.ok ? created.exporters[0]?.exporter : undefined;
  if (exporter === undefined) return { kind: 'failing', reason: 'the settings name no exporter' };
  const answer = await exportOnce(exporter, [], timeoutMs + 1000, systemClock.sleep, stop);
  await exporter.shutdown();
  return otlpOutcomeOf(answer);
}

type Asked = Extract<BackendFacts, { kind: 'asked' }>;

/** Tries the other scheme, the other one of the ports 4317 and 4318, or the other protocol, depending on the failure. */
async function tryAlternative(
  env: Environment,
  protocol: string,
  publicUrl: string,
  outcome: OtlpOutcome,
  question: BackendQuestion,
): Promise<Asked['other']> {
  if (!URL.canParse(publicUrl)) return undefined;
  const url = new URL(publicUrl);
  const otherProtocol = protocol === 'grpc' ? 'http/protobuf' : 'grpc';
  if (outcome.kind === 'tls_mismatch') {
    const scheme = url.protocol === 'https:' ? 'http:' : 'https:';
    return await tryOther(env, protocol, `${scheme}//${url.host}`, question);
  }
  if (outcome.kind === 'refused_connection') {
    const neighbour = { 4317: '4318', 4318: '4317' }[url.port];
    return neighbour === undefined
      ? undefined
      : await tryOther(env, otherProtocol, `${url.protocol}//${url.hostname}:${neighbour}`, question);
  }
  const mayBeOther =
    outcome.kind === 'not_its_protocol' || outcome.kind === 'path' || outcome.kind === 'failing' || outcome.kind === 'timeout';
  return mayBeOther ? await tryOther(env, otherProtocol, `${url.protocol}//${url.host}`, question) : undefined;
}

async function tryOther(env: Environment, protocol: string, endpoint: string, question: BackendQuestion): Promise<Asked['other']> {
  // Without headers: credentials go only to the endpoint that the user named.
  const withoutHeaders = { OTEL_EXPORTER_OTLP_HEADERS: '', [`${TRACES_PREFIX}HEADERS`]: '' };
  const address = { [`${TRACES_PREFIX}ENDPOINT`]: '', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint };
  const changed = { ...env, ...withoutHeaders, ...address, [`${TRACES_PREFIX}PROTOCOL`]: protocol };
  return { endpoint, protocol, speaks: speaksOtlp(await probe(changed, question)) };
}
