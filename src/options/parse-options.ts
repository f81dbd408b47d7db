import { suggestion } from './near-miss.ts';
import { type Parse, quoted } from './values.ts';

/** One option of a command: how it is written as a flag and as a variable, and what it does. */
export interface Option<Value> {
  /** With its dashes: `--settle`. Empty when only the variable may give it: everybody on a machine can see the flags of its programs. */
  readonly flag: string;
  /** The variable of the same meaning; the flag wins over it. */
  readonly env?: string;
  /** Stands alone, without a value; given so, its text is `true`. */
  readonly isSwitch?: true;
  /** What stands for the value in the help: `<duration>`. */
  readonly placeholder: string;
  /** As a user would type it; empty for none. */
  readonly default: string;
  readonly parse: Parse<Value>;
  /** One sentence or two, without the default. */
  readonly help: string;
  /** Heading in the help. */
  readonly group: string;
}

export type OptionTable = Readonly<Record<string, Option<unknown>>>;
export type ValuesOf<Table extends OptionTable> = {
  readonly [Key in keyof Table]: Table[Key] extends Option<infer Value> ? Value : never;
};

export type Environment = Readonly<Record<string, string | undefined>>;

export type ParsedOptions<Table extends OptionTable> =
  | { readonly ok: true; readonly values: ValuesOf<Table>; readonly positionals: readonly string[] }
  /** One sentence a problem, all of them, each naming the flag or variable that it is about. */
  | { readonly ok: false; readonly problems: readonly string[] };

interface Arguments {
  readonly given: ReadonlyMap<string, string>;
  readonly positionals: readonly string[];
  readonly problems: readonly string[];
}

/** Reads a command's arguments and variables. Pure. A flag wins over its variable; an empty variable counts as unset; of a repeated flag the last one counts. */
export function parseOptions<Table extends OptionTable>(table: Table, argv: readonly string[], env: Environment): ParsedOptions<Table> {
  const { given, positionals, problems: argumentProblems } = readArguments(Object.values(table), argv);
  const problems = [...argumentProblems];
  const values: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(table)) {
    const source = sourceOf(option, given, env);
    const parsed = option.parse(source.text);
    if (parsed.ok) values[key] = parsed.value;
    else problems.push(`${source.name}: ${parsed.problem}`);
  }
  if (problems.length > 0) return { ok: false, problems };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each key holds what the option of that key parsed
  return { ok: true, values: values as ValuesOf<Table>, positionals };
}

function sourceOf(option: Option<unknown>, given: ReadonlyMap<string, string>, env: Environment): { name: string; text: string } {
  const fromFlag = given.get(option.flag);
  if (fromFlag !== undefined) return { name: option.flag, text: fromFlag };
  const fromEnv = option.env === undefined ? undefined : env[option.env];
  if (option.env !== undefined && fromEnv !== undefined && fromEnv !== '') return { name: option.env, text: fromEnv };
  return { name: option.flag, text: option.default };
}

function readArguments(options: readonly Option<unknown>[], argv: readonly string[]): Arguments {
  const flags = options.flatMap(({ flag }) => (flag === '' ? [] : [flag]));
  const switches = new Set(options.filter(({ isSwitch }) => isSwitch === true).map(({ flag }) => flag));
  const given = new Map<string, string>();
  const positionals: string[] = [];
  const problems: string[] = [];
  for (let index = 0; index < argv.length; index += 1) {
    const argument = argv[index] ?? '';
    if (argument === '--') {
      positionals.push(...argv.slice(index + 1));
      break;
    }
    if (argument === '-' || !argument.startsWith('-')) {
      positionals.push(argument);
      continue;
    }
    const equals = argument.indexOf('=');
    const flag = equals === -1 ? argument : argument.slice(0, equals);
    const next = argv[index + 1];
    const inlineValue = equals === -1 ? undefined : argument.slice(equals + 1);
    const isSwitch = switches.has(flag);
    const followingValue = !isSwitch && inlineValue === undefined && next !== undefined && !next.startsWith('--') ? next : undefined;
    const value = inlineValue ?? followingValue ?? (isSwitch ? 'true' : undefined);
    if (!flags.includes(flag)) problems.push(`${quoted(flag)} is not an option of this command${suggestion(flag, flags)}`);
    else if (value === undefined || value === '') problems.push(`${flag} needs a value`);
    else given.set(flag, value);
    // The value of an unknown flag is skipped with it, so that one typing error is one problem.
    if (followingValue !== undefined) index += 1;
  }
  return { given, positionals, problems };
}
