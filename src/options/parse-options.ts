import { suggestion } from './near-miss.ts';
import { type Parse, quoted } from './values.ts';

/** An option of a command: its flag, its environment variable, its parser and its help. */
export interface Option<Value> {
  /** The flag with its dashes: `--settle`. Empty for a secret, which only a variable may set: every user of the machine can list flags. */
  readonly flag: string;
  /** A letter for the same flag: `-o`. */
  readonly short?: string;
  /** Environment variable with the same meaning. The flag takes precedence. */
  readonly env?: string;
  /** True for a flag without a value. Its text is then `true`. */
  readonly isSwitch?: true;
  /** True for a list separated by commas. A repeated flag then adds to it. */
  readonly isList?: true;
  /** Name of the value in the help: `<duration>`. */
  readonly placeholder: string;
  /** Default, as a user would type it. Empty for no default. */
  readonly default: string;
  readonly parse: Parse<Value>;
  /** One or two sentences, without the default. */
  readonly help: string;
  /** Heading of the option's group in the help. */
  readonly group: string;
}

export type OptionTable = Readonly<Record<string, Option<unknown>>>;
export type ValuesOf<Table extends OptionTable> = {
  readonly [Key in keyof Table]: Table[Key] extends Option<infer Value> ? Value : never;
};

export type Environment = Readonly<Record<string, string | undefined>>;

export type ParsedOptions<Table extends OptionTable> =
  | { readonly ok: true; readonly values: ValuesOf<Table>; readonly positionals: readonly string[] }
  /** All problems, one sentence each. Each sentence names its flag or variable. */
  | { readonly ok: false; readonly problems: readonly string[] };

interface Arguments {
  readonly given: ReadonlyMap<string, string>;
  readonly positionals: readonly string[];
  readonly problems: readonly string[];
}

/**
 * Parses a command's arguments and environment variables. Pure.
 *
 * - A flag takes precedence over its variable.
 * - An empty variable counts as unset.
 * - The last of a repeated flag counts, except of a list.
 */
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
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each key holds the value that its own option parsed
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
  const longOf = new Map(options.flatMap(({ short, flag }) => (short === undefined ? [] : [[short, flag] as const])));
  const lists = new Set(options.filter(({ isList }) => isList === true).map(({ flag }) => flag));
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
    const name = equals === -1 ? argument : argument.slice(0, equals);
    const flag = longOf.get(name) ?? name;
    const next = argv[index + 1];
    const inlineValue = equals === -1 ? undefined : argument.slice(equals + 1);
    const isSwitch = switches.has(flag);
    const followingValue = !isSwitch && inlineValue === undefined && next !== undefined && !next.startsWith('--') ? next : undefined;
    const value = inlineValue ?? followingValue ?? (isSwitch ? 'true' : undefined);
    if (!flags.includes(flag)) problems.push(`unknown option ${quoted(flag)}${suggestion(flag, flags)}`);
    else if (value === undefined || value === '') problems.push(`${flag} needs a value`);
    else given.set(flag, lists.has(flag) && given.has(flag) ? `${given.get(flag)},${value}` : value);
    // Skips the value of an unknown flag too, so that one typo causes one problem.
    if (followingValue !== undefined) index += 1;
  }
  return { given, positionals, problems };
}
