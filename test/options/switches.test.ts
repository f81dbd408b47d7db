import { describe, expect, test } from 'vitest';
import { type Option, optional, oneOf, optionalText, parseOptions, switchValue } from '../../src/options/index.ts';

const common = { placeholder: '', default: '', group: 'Test', help: 'Help.' };
const options = {
  json: { ...common, flag: '--json', isSwitch: true, parse: switchValue },
  name: { ...common, flag: '--name', parse: optionalText },
  word: { ...common, flag: '--word', parse: optional(oneOf('a', 'b')) },
} satisfies Record<string, Option<unknown>>;

describe('a switch', () => {
  test.each([
    [[], false, []],
    [['--json'], true, []],
    [['--json', 'file'], true, ['file']],
    [['file', '--json'], true, ['file']],
    [['--json=false'], false, []],
    [['--json=true', 'x'], true, ['x']],
    [['--', '--json'], false, ['--json']],
  ])('a switch is parsed from the arguments %j', (argv, json, positionals) => {
    expect(parseOptions(options, argv, {})).toMatchObject({ ok: true, values: { json }, positionals });
  });

  test('a switch accepts only true and false as its value', () => {
    expect(parseOptions(options, ['--json=yes'], {})).toEqual({
      ok: false,
      problems: ['--json: "yes" is not true or false; write the flag without a value'],
    });
  });

  test('a switch does not take the value of another option', () => {
    expect(parseOptions(options, ['--json', '--name', 'x'], {})).toMatchObject({ ok: true, values: { json: true, name: 'x' } });
    expect(parseOptions(options, ['--name', '--json'], {})).toEqual({ ok: false, problems: ['--name needs a value'] });
  });
});

test('an optional value may be absent, and is validated when it is present', () => {
  expect(parseOptions(options, [], {})).toMatchObject({ ok: true, values: { word: undefined } });
  expect(parseOptions(options, ['--word', 'b'], {})).toMatchObject({ ok: true, values: { word: 'b' } });
  expect(parseOptions(options, ['--word', 'c'], {})).toMatchObject({ ok: false });
});
