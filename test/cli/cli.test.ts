import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { COMMANDS, runProgram } from '../../src/command/index.ts';
import { SETTINGS } from '../../src/config.ts';
import { invocation } from './invocation.ts';

// The program in this process. `cli.slow.test.ts` starts it as users do.

async function runCli(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { stdout, stderr, ...rest } = invocation(argv, { env });
  const code = await runProgram({ ...rest, stdout, stderr });
  return { code, stdout: stdout.text, stderr: stderr.text };
}

describe('help', () => {
  test('the help of the program lists every command, and a call without a command is an error', async () => {
    const asked = await runCli(['--help']);
    expect(asked.code).toBe(0);
    for (const { name, summary } of COMMANDS) expect(asked.stdout).toMatch(new RegExp(`^  ${name} +${summary}$`, 'm'));
    expect(await runCli([])).toMatchObject({ code: 2, stdout: '', stderr: asked.stdout });
    expect(await runCli(['help'])).toEqual(asked);
  });

  test.each(COMMANDS.map(({ name }) => name))(
    'the help of %s lists every option with its default and variable, and has examples',
    async (name) => {
      const { code, stdout } = await runCli([name, '--help-all']);
      const command = COMMANDS.find((candidate) => candidate.name === name);
      expect(code).toBe(0);
      for (const option of Object.values(command?.options ?? {})) {
        expect(stdout).toContain(`  ${option.flag === '' ? `${option.env ?? ''}=` : `${option.flag} `}${option.placeholder}`);
        if (option.default !== '') expect(stdout).toContain(`default ${option.default}`);
        if (option.env !== undefined) expect(stdout).toContain(option.env);
      }
      expect(stdout).toMatch(/Examples:\n {2}# .+\n {2}.*ray-otel-bridge/);
      expect(
        Math.max(
          ...(stdout
            .split('Examples:')[0]
            ?.split('\n')
            .map((line) => line.length) ?? []),
        ),
      ).toBeLessThanOrEqual(100);
      expect(await runCli(['help', name, '--help-all'])).toMatchObject({ code: 0, stdout });
    },
  );

  test('--version prints the version of the package', async () => {
    const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
    for (const word of ['--version', '-V', 'version'])
      expect(await runCli([word])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('the help of serve names only the essential settings, and --help-all names every one', async () => {
    const short = (await runCli(['serve', '--help'])).stdout;
    const long = (await runCli(['serve', '--help-all'])).stdout;
    expect(short.match(/^ {2}--[a-z-]+/gm)).toHaveLength(COMMANDS.find(({ name }) => name === 'serve')?.essentials?.length ?? 0);
    expect(short).toContain(`All ${Object.keys(SETTINGS).length} settings: ray-otel-bridge serve --help-all`);
    expect(long.match(/^ {2}(?:--|RAY_OTEL_)/gm)).toHaveLength(Object.keys(SETTINGS).length);
    expect((await runCli(['jobs', '--help'])).stdout).toBe((await runCli(['jobs', '--help-all'])).stdout);
  });

  test.each(['bash', 'zsh', 'fish'])('the completion of %s knows every command and option', async (shell) => {
    const { code, stdout } = await runCli(['completion', shell]);
    expect(code).toBe(0);
    for (const { name, options } of COMMANDS) {
      expect(stdout).toContain(name);
      for (const { flag } of Object.values(options)) expect(stdout).toContain(flag.replace(/^--/, ''));
    }
  });

  test('the completion of bash is valid, and offers commands and options', () => {
    const script = `source /dev/stdin <<< "$COMPLETION"
      COMP_WORDS=(ray-otel-bridge jo) COMP_CWORD=1; _ray_otel_bridge; echo "\${COMPREPLY[*]}"
      COMP_WORDS=(ray-otel-bridge jobs --la) COMP_CWORD=2; _ray_otel_bridge; echo "\${COMPREPLY[*]}"`;
    return runCli(['completion', 'bash']).then(({ stdout }) => {
      expect(execFileSync('bash', ['-c', script], { env: { ...process.env, COMPLETION: stdout }, encoding: 'utf8' })).toBe(
        'jobs\n--latest\n',
      );
    });
  });

  test('an unknown shell is an error', async () => {
    expect(await runCli(['completion', 'tcsh'])).toMatchObject({ code: 2, stderr: expect.stringContaining('bash, zsh, fish') as string });
  });

  test('an unknown command is an error with a suggestion', async () => {
    const { code, stderr } = await runCli(['serv\u001b[2J']);
    expect(code).toBe(2);
    expect(stderr).not.toContain('\u001b');
    expect((await runCli(['recrod'])).stderr).toContain('did you mean record?');
  });
});

describe('serve', () => {
  test('serve reports all wrong settings together and exits with 2', async () => {
    const env = { RAY_OTEL_PHASES: 'all', OTEL_TRACES_EXPORTER: 'jaeger' };
    const { code, stdout, stderr } = await runCli(['serve', '--settle', '5', '--nestling', 'flat'], env);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    for (const problem of [
      '--settle: "5" is not a duration',
      'did you mean --nesting?',
      'RAY_OTEL_PHASES: "all"',
      'OTEL_TRACES_EXPORTER',
    ]) {
      expect(stderr).toContain(problem);
    }
  });
});

test('the options in the help of serve are the settings table', () => {
  expect(COMMANDS.find(({ name }) => name === 'serve')?.options).toBe(SETTINGS);
});
