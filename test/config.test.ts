import { describe, expect, test } from 'vitest';
import { defaultSettings, parseSettings, SETTINGS } from '../src/config.ts';

/** Settings without a flag, because every user of the machine can list flags. */
const SECRETS = ['ingest-token', 'read-token'];

function problemsOf(argv: readonly string[], env: Record<string, string> = {}): readonly string[] {
  const parsed = parseSettings(argv, env);
  return parsed.ok ? [] : parsed.problems;
}

function settingsOf(argv: readonly string[], env: Record<string, string> = {}) {
  const parsed = parseSettings(argv, env);
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  return parsed.settings;
}

describe('settings', () => {
  test('without flags and variables, every setting has its documented default', () => {
    expect(defaultSettings()).toEqual({
      listen: { host: '127.0.0.1', port: 8080 },
      forwardTo: [],
      forwardRequired: false,
      forwardRetryForMs: 60_000,
      maxForwardBytes: 64 * 1024 * 1024,
      dataDir: 'ray-otel-bridge-data',
      journal: 'disk',
      sync: 'always',
      syncIntervalMs: 1000,
      ingestTokenFile: undefined,
      ingestTokens: [],
      readTokenFile: undefined,
      readTokens: [],
      tlsCertFile: undefined,
      tlsKeyFile: undefined,
      nesting: 'tree',
      phases: 'auto',
      phaseMinWaitMs: 20,
      slowMs: 1000,
      inFlight: 'jobs',
      inFlightAfterMs: 10_000,
      runtimeEnv: 'none',
      traceUrl: undefined,
      settleMs: 5000,
      orphanTimeoutMs: 3_600_000,
      maxSpansPerTrace: 10_000,
      maxBytesPerTrace: 4_500_000,
      slowestPerFunction: 10,
      maxOpenAttempts: 1_000_000,
      maxBodyBytes: 64 * 2 ** 20,
      maxJournalBytes: undefined,
      maxOutboxBytes: undefined,
      maxQueuedSpans: 20_000,
      view: 'on',
      drainTimeoutMs: 10_000,
      logLevel: 'info',
    });
  });

  test('the flag and the variable of a setting have the same name', () => {
    for (const { name, flag, env } of Object.values(SETTINGS)) {
      if (flag === '') expect(SECRETS).toContain(name);
      else expect(flag).toBe(`--${name}`);
      expect(env).toBe(`RAY_OTEL_${name.toUpperCase().replaceAll('-', '_')}`);
    }
  });

  test('every setting has the same meaning as a flag and as a variable', () => {
    for (const [key, { flag, env, default: text }] of Object.entries(SETTINGS)) {
      if (flag === '') continue;
      if (key === 'forwardRequired') continue;
      const value =
        {
          traceUrl: 'http://ui/{traceId}',
          maxJournalBytes: '1GiB',
          maxOutboxBytes: '1GiB',
          maxOpenBytes: '1GiB',
          exportDelayMs: '2s',
          exportBatchSize: '100',
          forwardTo: 'http://other:8080',
        }[key] ?? (text === '' ? '/some/path' : text);
      // A certificate and its key need each other.
      const other = { tlsCertFile: ['--tls-key-file', 'key.pem'], tlsKeyFile: ['--tls-cert-file', 'cert.pem'] }[key] ?? [];
      const fromFlag = settingsOf([flag, value, ...other]);
      expect(settingsOf([`${flag}=${value}`, ...other])).toEqual(fromFlag);
      expect(settingsOf(other, { [env]: value })).toEqual(fromFlag);
    }
  });

  test('a flag takes precedence over its variable, the last of a repeated flag counts, and an empty variable counts as unset', () => {
    expect(settingsOf(['--settle', '7s'], { RAY_OTEL_SETTLE: '3s' }).settleMs).toBe(7000);
    expect(settingsOf(['--settle', '7s', '--settle=8s']).settleMs).toBe(8000);
    expect(settingsOf([], { RAY_OTEL_SETTLE: '' }).settleMs).toBe(5000);
  });

  test('0 removes the limits of a trace', () => {
    const settings = settingsOf(['--max-spans-per-trace', '0', '--max-bytes-per-trace', '0']);
    expect([settings.maxSpansPerTrace, settings.maxBytesPerTrace]).toEqual([0, 0]);
  });

  test.each([
    [['--settle', '5'], '--settle: "5" is not a duration'],
    [['--settle', '-5s'], '--settle: "-5s" is not a duration'],
    [['--settle', '60d'], '--settle: "60d" is too long'],
    [['--orphan-timeout', '10ms'], '--orphan-timeout: "10ms" is too short; the minimum is 1s'],
    [['--max-body-bytes', 'lots'], '--max-body-bytes: "lots" is not a size'],
    [['--max-body-bytes', '0'], '--max-body-bytes: "0" is too small'],
    [['--max-spans-per-trace', '1e3'], '--max-spans-per-trace: "1e3" is not a whole number'],
    [['--max-open-attempts', '0'], '--max-open-attempts: "0" is too small'],
    [['--nesting', 'Tree'], '--nesting: "Tree" is not one of tree, flat'],
    [['--listen', '8080'], '--listen: "8080" is not an address'],
    [['--listen', 'host:70000'], '--listen: port 70000 does not exist'],
    [['--listen', '::1:8080'], '--listen: "::1:8080" is not an address'],
    [['--trace-url', 'localhost/{traceId}'], '--trace-url: is not an http:// or https:// URL'],
    [['--trace-url', 'http://localhost:16686/trace'], '--trace-url: must contain {traceId}'],
    [['--setle', '5s'], 'unknown option "--setle" (did you mean --settle?)'],
    [['--verbose'], 'unknown option "--verbose"'],
    [['--settle'], '--settle needs a value'],
    [['--settle', '--nesting', 'flat'], '--settle needs a value'],
    [['--settle='], '--settle needs a value'],
    [['serve'], 'unexpected argument "serve"'],
  ])('the arguments %j are refused with one problem', (argv, problem) => {
    const problems = problemsOf(argv);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });

  test('a problem with a variable names the variable', () => {
    expect(problemsOf([], { RAY_OTEL_PHASES: 'all' })).toEqual(['RAY_OTEL_PHASES: "all" is not one of auto, spans, events, none']);
  });

  test('all problems are reported together', () => {
    expect(problemsOf(['--settle', 'x', '--nope', '1', '--listen', 'y'], { RAY_OTEL_PHASES: 'all' })).toHaveLength(4);
  });

  test('a variable sets several tokens, a token has no flag, and no problem quotes a token', () => {
    const [first, second] = ['first-token-of-24-chars', 'second.token_of~24-chars'];
    const { ingestTokens, readTokens } = settingsOf([], { RAY_OTEL_INGEST_TOKEN: ` ${first}, ${second},`, RAY_OTEL_READ_TOKEN: second });
    expect([ingestTokens, readTokens]).toEqual([[first, second], [second]]);
    for (const argv of [['--ingest-token', first], [`--ingest-token=${first}`]]) {
      expect(problemsOf(argv)).toEqual(['unknown option "--ingest-token" (did you mean --ingest-token-file?)']);
    }
  });

  test.each([
    ['tooshort', 'token 1 must have 16 to 256 characters, not 8'],
    [`${'a'.repeat(20)},${'b'.repeat(257)}`, 'token 2 must have 16 to 256 characters, not 257'],
    ['with/slash+and=signs', 'token 1 may contain only letters, digits'],
    [Array.from({ length: 101 }, () => 'a'.repeat(16)).join(','), 'holds 101 tokens; the maximum is 100'],
  ])('an invalid token is refused, and the problem does not quote it (%#)', (tokens, problem) => {
    const problems = problemsOf([], { RAY_OTEL_INGEST_TOKEN: tokens });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`RAY_OTEL_INGEST_TOKEN: ${problem}`);
    expect(problems[0]).not.toContain(tokens.slice(0, 8));
  });

  test('a certificate without its key is refused, and a key without its certificate', () => {
    expect(problemsOf(['--tls-cert-file', 'cert.pem'])).toEqual([
      '--tls-cert-file and --tls-key-file need each other: give both, or neither',
    ]);
    expect(problemsOf([], { RAY_OTEL_TLS_KEY_FILE: 'key.pem' })).toHaveLength(1);
  });

  test('a problem quotes a hostile value without its control characters', () => {
    const [problem] = problemsOf(['--nesting', '\u001b[2J\u009b\u202e']);
    expect(problem).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
  });
});
