import { interpreterOf, isKnownProgram, jarOf, readOptions, wrappedCommand } from '../launchers.ts';
import { redactTokens } from '../redact-tokens.ts';
import { shellCommands, UNKNOWN_PART } from '../shell-words.ts';

/** A longer command line is not looked at. UTF-16 units. */
export const MAX_ENTRYPOINT_LENGTH = 65_536;

const ASSIGNMENT = /^[A-Za-z_][A-Za-z0-9_]*(?:\[[^\]]*\])?\+?=/;
/** Commands that only prepare for the one that matters. */
const PREPARATIONS = setOf('cd pushd popd export declare typeset readonly set unset source . ulimit umask shopt alias');
/** Behind these words a shell expects a command, or a list of words. */
const KEYWORDS = setOf('if then else elif fi for select while until do done case esac in function coproc');
const MODULE = /^[A-Za-z_][\w.]{0,254}$/;
const SCRIPT = /^(?![+-])[\p{L}\p{N}_.+-]{1,250}\.(py|pyc|pyz|ipynb|sh|bash|jar|js|mjs|ts|jl|r|R|rb|pl)$/u;
const PROGRAM = /^(?![+-])[\p{L}\p{N}_.+-]{1,255}$/u;
/** Also with one slash: `https:/host/x.py`. A drive of Windows has one letter. */
const URL = /^[A-Za-z][\w.+-]+:[/\\]/;
const DRIVE_LETTER = /^\s*"?[A-Za-z]:\\/;

/**
 * A driver's command line reduced to what cannot be a secret: the program's name and the script's (or `-m module`).
 * `TOKEN=x /usr/bin/python -u app/train.py --key k` becomes `python train.py`. The command line is read as a shell reads it; a script is only
 * what a known interpreter would take for one. `undefined` when no plain program name is there, and when anything does not balance: what
 * looks like a program may then be a part of a value. Reducing twice changes nothing.
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
  /** Of the program among the words. */
  readonly at: number;
}

/** A program without a plain name. */
const UNNAMED = null;

/** The first command that does more than prepare, else the first one. */
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
 * The program of a command, behind assignments and behind what only runs it; undefined where nothing else is there. A value that slipped away
 * from its variable, as in `TOKEN= value` or `TOKEN=a&value`, is a program to the shell: behind an assignment only a program is taken that is
 * known by its name.
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

/** Behind the last separator, of either kind: drivers run on Windows too. */
function baseName(path: string): string {
  const name = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
  return name.includes(UNKNOWN_PART) ? '' : name;
}

/** Words of a command line of Windows, where a backslash is only that. */
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
