/** A command line is looked at up to here. UTF-16 units. */
export const MAX_ENTRYPOINT_LENGTH = 65_536;

const ASSIGNMENT = /^[A-Za-z_][A-Za-z0-9_]*=/;
/** Stands for every operator that ends a command. */
const CHAIN = ';';
/** Commands that only prepare for the one that matters. */
const PREPARATIONS = new Set(['cd', 'export', 'set', 'source', '.', 'ulimit', 'unset']);
const ENV_OPTIONS_WITH_VALUE = new Set(['-u', '--unset', '-C', '--chdir']);
const MODULE_RUNNER = /^(python|pypy|torchrun|accelerate|deepspeed)[0-9.]*$/;
const MODULE = /^[A-Za-z_][\w.]{0,254}$/;
const SCRIPT = /^(?![+-])[\p{L}\p{N}_.+-]{1,250}\.(py|pyc|pyz|ipynb|sh|bash|jar|js|mjs|ts|jl|r|R|rb|pl)$/u;
const PROGRAM = /^(?![+-])[\p{L}\p{N}_.+-]{1,255}$/u;

/**
 * A driver's command line reduced to what cannot be a secret: the program's name and the script's (or `-m module`).
 * `TOKEN=x /usr/bin/python -u app/train.py --key k` becomes `python train.py`. Assignments, options, arguments, `-c` code and the
 * rest of a shell chain are dropped. `undefined` when no plain program name is there. Reducing twice changes nothing.
 */
export function reduceEntrypoint(commandLine: string): string | undefined {
  const commands = splitCommands(splitWords(commandLine.slice(0, MAX_ENTRYPOINT_LENGTH)));
  const command = commands.find((words) => !PREPARATIONS.has(words[0] ?? '')) ?? commands[0];
  const program = baseName(command?.[0] ?? '');
  if (command === undefined || !PROGRAM.test(program)) return undefined;
  const script = findScript(program, command);
  return script === undefined ? program : `${program} ${script}`;
}

function findScript(program: string, words: readonly string[]): string | undefined {
  for (const [index, word] of words.entries()) {
    if (index === 0) continue;
    if (word === '-c') return undefined;
    if (word === '-m' && MODULE_RUNNER.test(program)) {
      const module = words[index + 1] ?? '';
      return MODULE.test(module) ? `-m ${module}` : undefined;
    }
    const name = baseName(word);
    if (!word.startsWith('-') && !ASSIGNMENT.test(word) && SCRIPT.test(name)) return name;
  }
  return undefined;
}

/** The commands of a shell chain, each without the assignments and `env` before its program. */
function splitCommands(words: readonly string[]): string[][] {
  const commands: string[][] = [];
  let command: string[] = [];
  let isValueOfOption = false;
  for (const word of words) {
    if (isValueOfOption && word !== CHAIN) {
      isValueOfOption = false;
    } else if (command.length === 0 && ENV_OPTIONS_WITH_VALUE.has(word)) {
      isValueOfOption = true;
    } else if (word === CHAIN) {
      commands.push(command);
      command = [];
    } else if (command.length > 0 || !isBeforeProgram(word)) {
      command.push(word);
    }
  }
  commands.push(command);
  return commands.filter((found) => found.length > 0);
}

function isBeforeProgram(word: string): boolean {
  return ASSIGNMENT.test(word) || word.startsWith('-') || baseName(word) === 'env';
}

/** Words as a shell would split them; an operator that ends a command is a word of its own. Quotes and backslashes are respected, not expanded. */
function splitWords(text: string): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  const endWord = (): void => {
    if (word !== '') words.push(word);
    word = '';
  };
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (quote !== '') {
      if (character === quote) quote = '';
      else word += character;
    } else if (character === '"' || character === "'") {
      quote = character;
    } else if (character === '\\' && text.charAt(index + 1) === '\n') {
      index += 1;
    } else if (character === '\n' || character === ';' || character === '|' || character === '&') {
      endWord();
      words.push(CHAIN);
    } else if (character.trim() === '') {
      endWord();
    } else {
      word += character;
    }
  }
  endWord();
  return words;
}

/** Behind the last separator, of either kind: drivers run on Windows too. */
function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}
