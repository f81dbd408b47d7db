import { describe, expect, test } from 'vitest';
import { defaultSettings, parseSettings, settingsTable, unknownVariables } from '../src/config.ts';

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
  test('without arguments and variables, the documented defaults hold', () => {
    expect(defaultSettings()).toEqual({
      listen: { host: '127.0.0.1', port: 8080 },
      dataDir: undefined,
      nesting: 'tree',
      phases: 'auto',
      phaseMinWaitMs: 20,
      slowMs: 1000,
      runtimeEnv: 'none',
      traceUrl: undefined,
      settleMs: 5000,
      orphanTimeoutMs: 3_600_000,
      maxSpansPerTrace: 10_000,
      maxBytesPerTrace: 4_500_000,
      maxOpenAttempts: 1_000_000,
      maxBodyBytes: 64 * 2 ** 20,
      maxJournalBytes: 256 * 2 ** 20,
      maxQueuedSpans: 20_000,
      drainTimeoutMs: 10_000,
      logLevel: 'info',
    });
  });

  test('flag and variable have one name', () => {
    for (const { flag, env } of Object.values(settingsTable)) {
      expect(env).toBe(`RAY_OTEL_${flag.slice(2).toUpperCase().replaceAll('-', '_')}`);
    }
  });

  test('every setting can be given as a flag and as a variable, with the same meaning', () => {
    for (const [key, { flag, env, default: text }] of Object.entries(settingsTable)) {
      const value = { dataDir: '/data', traceUrl: 'http://ui/{traceId}' }[key] ?? text;
      const fromFlag = settingsOf([flag, value]);
      expect(settingsOf([`${flag}=${value}`])).toEqual(fromFlag);
      expect(settingsOf([], { [env]: value })).toEqual(fromFlag);
    }
  });

  test('a flag wins over its variable, the last flag over those before, and an empty variable counts as unset', () => {
    expect(settingsOf(['--settle', '7s'], { RAY_OTEL_SETTLE: '3s' }).settleMs).toBe(7000);
    expect(settingsOf(['--settle', '7s', '--settle=8s']).settleMs).toBe(8000);
    expect(settingsOf([], { RAY_OTEL_SETTLE: '' }).settleMs).toBe(5000);
  });

  test('0 means no limit for the budget of a trace', () => {
    const settings = settingsOf(['--max-spans-per-trace', '0', '--max-bytes-per-trace', '0']);
    expect([settings.maxSpansPerTrace, settings.maxBytesPerTrace]).toEqual([0, 0]);
  });

  test.each([
    [['--settle', '5'], '--settle: "5" is not a duration'],
    [['--settle', '-5s'], '--settle: "-5s" is not a duration'],
    [['--settle', '60d'], '--settle: "60d" is too long'],
    [['--orphan-timeout', '10ms'], '--orphan-timeout: "10ms" is too short; the least is 1s'],
    [['--max-body-bytes', 'lots'], '--max-body-bytes: "lots" is not a size'],
    [['--max-body-bytes', '0'], '--max-body-bytes: "0" is too small'],
    [['--max-spans-per-trace', '1e3'], '--max-spans-per-trace: "1e3" is not a whole number'],
    [['--max-open-attempts', '0'], '--max-open-attempts: "0" is too small'],
    [['--nesting', 'Tree'], '--nesting: "Tree" is not one of tree, flat'],
    [['--listen', '8080'], '--listen: "8080" is not an address'],
    [['--listen', 'host:70000'], '--listen: port 70000 does not exist'],
    [['--listen', '::1:8080'], '--listen: "::1:8080" is not an address'],
    [['--trace-url', 'localhost/{traceId}'], '--trace-url: is not an http:// or https:// URL'],
    [['--trace-url', 'http://localhost:16686/trace'], '--trace-url: needs {traceId}'],
    [['--setle', '5s'], '"--setle" is not an option of this command (did you mean --settle?)'],
    [['--verbose'], '"--verbose" is not an option of this command'],
    [['--settle'], '--settle needs a value'],
    [['--settle', '--nesting', 'flat'], '--settle needs a value'],
    [['--settle='], '--settle needs a value'],
    [['serve'], '"serve": no argument is expected here'],
  ])('%j is refused', (argv, problem) => {
    const problems = problemsOf(argv);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });

  test('a problem names the variable that it came from', () => {
    expect(problemsOf([], { RAY_OTEL_PHASES: 'all' })).toEqual(['RAY_OTEL_PHASES: "all" is not one of auto, spans, events, none']);
  });

  test('all problems are told at once', () => {
    expect(problemsOf(['--settle', 'x', '--nope', '1', '--listen', 'y'], { RAY_OTEL_PHASES: 'all' })).toHaveLength(4);
  });

  test('a hostile value is told without its control characters', () => {
    const [problem] = problemsOf(['--nesting', '\u001b[2J\u009b\u202e']);
    expect(problem).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
  });

  test('variables that look like settings and are none are found', () => {
    expect(unknownVariables({ RAY_OTEL_SETLE: '5s', RAY_OTEL_SETTLE: '5s', HOME: '/' })).toEqual(['RAY_OTEL_SETLE']);
  });
});
