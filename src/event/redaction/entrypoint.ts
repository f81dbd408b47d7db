import { interpreterOf, isKnownProgram, jarOf, readOptions, wrappedCommand } from '../launchers.ts';
import { redactTokens } from '../redact-tokens.ts';
import { shellCommands, UNKNOWN_PART } from '../shell-words.ts';

/** Maximum length of a command line that is read. UTF-16 units. */
export const MAX_ENTRYPOINT_LENGTH = 65_536;

const ASSIGNMENT = /^[A-Za-z_][A-Za-z0-9_]*(?:\[[^\]]*\])?\+?=/;
/** Commands that only prepare for the main command. */
const PREPARATIONS = setOf('cd pushd popd export declare typeset readonly set unset source . ulimit umask shopt alias');
/** Words of the shell before a command or a list of words. */
const KEYWORDS = setOf('if then else elif fi for select while until do done case esac in function coproc');
const MODULE = /^[A-Za-z_][\w.]{0,254}$/;
const SCRIPT = /^(?![+-])[\p{L}\p{N}_.+-]{1,250}\.(py|pyc|pyz|ipynb|sh|bash|jar|js|mjs|ts|jl|r|R|rb|pl)$/u;
const PROGRAM = /^(?![+-])[\p{L}\p{N}_.+-]{1,255}$/u;
/** Matches a URL even with one slash: `https:/host/x.py`. A Windows drive has one letter. */
const URL = /^[A-Za-z][\w.+-]+:[/\\]/;
const DRIVE_LETTER = /^\s*"?[A-Za-z]:\\/;

/**
 * Reduces a driver's command line to parts that cannot be secret: the program name, and the script
 * or `-m module`. `TOKEN=x /usr/bin/python -u app/train.py --key k` becomes `python train.py`. The
 * command line is parsed as a shell parses it, and only a known interpreter has a script. Returns
 * undefined without a plain program name, and for unbalanced syntax, where part of a value could
 * look like a program. Reducing twice changes nothing.
 */
export function reduceEntrypoint(commandLine: string): string | undefined {
  if (commandLine.length > MAX_ENTRYPOINT_LENGTH) return undefined;
  const commands = DRIVE_LETTER.test(commandLine) ? windowsCommand(commandLine) : shellCommands(commandLine);
  const command = findCommand(commands ?? []);
  if (command === undefined) return undefined;
  const script = findScript(command);
  const shown = script === undefined ? command.name : `${command.name} ${script}`;
  return redactTokens(shown) === shown ? shown : undefined;
}

interface Program {
  readonly name: string;
  readonly words: readonly string[];
  /** Index of the program in the words. */
  readonly at: number;
}

/** A program whose name is not plain. */
const UNNAMED = null;

/** Finds the first command that does more than prepare, or else the first one. */
function findCommand(commands: readonly (readonly string[])[]): Program | undefined {
  let preparation: Program | undefined;
  let hasAssignment = false;
  for (const words of commands) {
    hasAssignment ||= words.some(isAssignment);
    const program = findProgram(words, hasAssignment);
    if (program === UNNAMED) return undefined;
    if (program !== undefined && !PREPARATIONS.has(program.name)) return program;
    preparation ??= program;
  }
  return preparation;
}

/**
 * Finds the program of a command, after assignments and wrappers; undefined when there are only
 * those. A value that is separated from its variable, as in `TOKEN= value` or `TOKEN=a&value`, is a
 * program to the shell. So after an assignment only programs known by name are accepted.
 */
function findProgram(words: readonly string[], hasAssignment: boolean): Program | undefined | typeof UNNAMED {
  let at = 0;
  while (at < words.length) {
    const word = words[at] ?? '';
    const name = baseName(word);
    const wrapped = isAssignment(word) ? at + 1 : wrappedCommand(name, words, at);
    if (wrapped === undefined) return UNNAMED;
    if (wrapped === at) {
      const isPlain = PROGRAM.test(name) && !isUrl(word) && !KEYWORDS.has(name);
      const isSafe = !hasAssignment || isKnownProgram(name) || PREPARATIONS.has(name);
      return isPlain && isSafe ? { name, words, at } : UNNAMED;
    }
    at = wrapped;
  }
  return undefined;
}

function isAssignment(word: string): boolean {
  return ASSIGNMENT.test(word);
}

function findScript({ name, words, at }: Program): string | undefined {
  const interpreter = interpreterOf(name);
  if (interpreter === undefined) return undefined;
  const jar = jarOf(name, words, at + 1);
  if (jar !== undefined) return scriptName(jar);
  const operand = readOptions(interpreter, words, at + 1);
  if (operand.kind === 'none') return undefined;
  const word = words[operand.at];
  if (operand.kind === 'operand') return scriptName(word);
  return word !== undefined && MODULE.test(word) ? `-m ${word}` : undefined;
}

function scriptName(word = ''): string | undefined {
  const name = baseName(word);
  return SCRIPT.test(name) && !isUrl(word) ? name : undefined;
}

function isUrl(word: string): boolean {
  return word.includes('://') || URL.test(word);
}

function setOf(words: string): ReadonlySet<string> {
  return new Set(words.split(' '));
}

/** Returns the last part of a path, with either separator: drivers also run on Windows. */
function baseName(path: string): string {
  const name = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
  return name.includes(UNKNOWN_PART) ? '' : name;
}

/** Splits a Windows command line into words; a backslash is an ordinary character there. */
function windowsCommand(text: string): readonly (readonly string[])[] | undefined {
  const parts = text.split('"');
  if (parts.length % 2 === 0) return undefined;
  let words = [''];
  for (const [index, part] of parts.entries()) {
    const isQuoted = index % 2 === 1;
    const [first = '', ...others] = isQuoted ? [part] : part.split(/\s+/);
    words = [...words.slice(0, -1), `${words.at(-1) ?? ''}${first}`, ...others];
  }
  return [words.filter((word) => word !== '')];
}
