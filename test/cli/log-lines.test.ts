import { expect, test } from 'vitest';
import { readableLogLines } from '../../src/command/log-lines.ts';
import { createTelemetry } from '../../src/telemetry/index.ts';
import { Screen } from './invocation.ts';

test('on a terminal, a log line is time, level, message and the fields that matter', () => {
  const screen = new Screen(true);
  const telemetry = createTelemetry({ destination: readableLogLines(screen, false) });
  telemetry.processWarning(new Error('old API'));
  expect(screen.text).toMatch(/^\d\d:\d\d:\d\d WARN  \S.*\n$/);
  expect(screen.text).toContain('old API');
  expect(screen.text).not.toMatch(/hostname|"level"|pid=/);
});

test('a log line cannot steer the terminal, and colours its level only', () => {
  const screen = new Screen(true);
  const lines = readableLogLines(screen, true);
  lines.write(
    `${JSON.stringify({ level: 'error', time: new Date(0).toISOString(), msg: 'bad\u001b[2J', job: 'a\u202eb', count: 2, text: 'two words' })}\n`,
  );
  lines.write('not JSON \u001b[2J\n');
  expect(screen.text.replace(/\d\d:\d\d:\d\d/, 'T')).toBe(
    'T \u001b[31mERROR\u001b[0m bad\\u001b[2J  job=a\\u202eb count=2 text="two words"\nnot JSON \\u001b[2J\n',
  );
});
