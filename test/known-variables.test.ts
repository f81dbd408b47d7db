import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeSuspect, OTEL_VARIABLES, suspectVariables } from '../src/known-variables.ts';
import { projectFiles } from './repository/source-tree.ts';

function suspects(...names: readonly string[]): readonly (readonly [string, string | undefined])[] {
  return suspectVariables(Object.fromEntries(names.map((name) => [name, 'x']))).map(({ name, meant }) => [name, meant] as const);
}

describe('unknown variables', () => {
  it.each([
    ['RAY_OTEL_SETLE', 'RAY_OTEL_SETTLE'],
    ['RAY_OTEL_SETTEL', 'RAY_OTEL_SETTLE'],
    ['RAY_OTEL_settle', 'RAY_OTEL_SETTLE'],
    ['RAY_OTEL_DATADIR', 'RAY_OTEL_DATA_DIR'],
    ['RAY_OTEL_INGEST_TOKEN_FILES', 'RAY_OTEL_INGEST_TOKEN_FILE'],
    ['RAYOTEL_LISTEN', 'RAY_OTEL_LISTEN'],
    ['OTEL_EXPORTER_OTLP_ENDPIONT', 'OTEL_EXPORTER_OTLP_ENDPOINT'],
    ['OTEL_EXPORTER_OLTP_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'],
    ['OTEL_EXPORTER_OTLP_TRACE_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'],
    ['OTEL_EXPORTER_OTLP_HEADER', 'OTEL_EXPORTER_OTLP_HEADERS'],
    ['OTEL_TRACE_EXPORTER', 'OTEL_TRACES_EXPORTER'],
    ['OTEL_SERVICENAME', 'OTEL_SERVICE_NAME'],
    ['OTEL_EXPORTER_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'],
    ['OTEL_EXPORTER_OTLP_HTTP_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'],
    ['RAY_OTEL_INGEST_FILE', 'RAY_OTEL_INGEST_TOKEN_FILE'],
    ['RAY_OTEL_TOKEN_FILE', undefined],
    ['otel_service_name', 'OTEL_SERVICE_NAME'],
    ['OTEL_RESOURCE_ATTRIBUTE', 'OTEL_RESOURCE_ATTRIBUTES'],
    ['RAY_OTEL_NOTHING_LIKE_IT', undefined],
  ])('the unknown variable %s is reported with the suggestion %s', (name, meant) => {
    expect(suspects(name)).toEqual([[name, meant]]);
  });

  it.each([
    ['HOME', 'RAY_ADDRESS', 'RAY_enable_ray_event', 'RAY_OTEL_SETTLE', 'RAY_LOG_TO_STDERR'],
    [...OTEL_VARIABLES],
    ['OTEL_METRICS_EXPORTER', 'OTEL_LOGS_EXPORTER', 'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT', 'OTEL_EXPORTER_OTLP_METRICS_HEADERS'],
    [
      'OTEL_PROPAGATORS',
      'OTEL_BSP_EXPORT_TIMEOUT',
      'OTEL_LOG_LEVEL',
      'OTEL_PYTHON_DISABLED_INSTRUMENTATIONS',
      'OTEL_SEMCONV_STABILITY_OPT_IN',
    ],
    [`RAY_${'X'.repeat(100_000)}`],
  ])('variables that the bridge or other programs read are not reported: %s', (...names) => {
    expect(suspects(...names)).toEqual([]);
  });

  it('the message for an unknown variable suggests the variable that the user meant', () => {
    expect(describeSuspect({ name: 'A', meant: 'B' })).toBe('unknown variable A (did you mean B?)');
    expect(describeSuspect({ name: 'A', meant: undefined })).toBe('unknown variable A');
  });

  it('every OTEL variable that the source reads is known', () => {
    const text = projectFiles('src')
      .filter((path) => path.endsWith('.ts') && !path.includes('known-variables'))
      .map((path) => readFileSync(path, 'utf8'));
    const named = new Set(text.flatMap((each) => [...each.matchAll(/['[]'?(OTEL_[A-Z_]+[A-Z])'/g)].map(([, name = '']) => name)));
    expect(named.size).toBeGreaterThan(8);
    expect([...named].filter((name) => !OTEL_VARIABLES.includes(name))).toEqual([]);
  });
});
