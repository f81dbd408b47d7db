/**
 * Placeholder in a word for text that only the shell knows: a variable, the output of a command.
 */
export const UNKNOWN_PART = '\0';
/** Maximum nesting of constructs that is read. */
const MAX_NESTING = 16;

const BLANK = /[ \t]/;
const END_OF_COMMAND = /[\n;|&]/;
const VARIABLE_NAME = /[A-Za-z0-9_]+/y;
const SPECIAL_VARIABLE = /[@*#?$!-]/;
const FILE_DESCRIPTOR = /^\d+$/;
const ESCAPED_IN_DOUBLE_QUOTES = '"\\$`\n';

/** The script is incomplete, or uses syntax that this reader does not know. */
class NotReadable extends Error {}

/**
 * Splits a shell script into simple commands, each as its words. Quotes, redirections and
 * here-documents are removed. Returns undefined for unbalanced or unknown syntax: word boundaries
 * are then uncertain, and a secret could look like a program.
 */
export function shellCommands(script: string): readonly (readonly string[])[] | undefined {
  if (script.includes(UNKNOWN_PART)) return undefined;
  try {
    return new ShellReader(script).commands();
  } catch (error) {
    if (error instanceof NotReadable) return undefined;
    throw error;
  }
}

class ShellReader {
  readonly #text: string;
  #at = 0;
  #nesting = 0;
  readonly #commands: string[][] = [[]];
  /** Delimiters of here-documents that begin on the next line. */
  #documents: { readonly delimiter: string; readonly isIndented: boolean }[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  commands(): readonly (readonly string[])[] {
    while (this.#at < this.#text.length) {
      const character = this.#peek();
      if (BLANK.test(character)) this.#at += 1;
      else if (character === '\\' && this.#peek(1) === '\n') this.#at += 2;
      else if (character === '#') this.#skipComment();
      else if (character === '&' && this.#peek(1) === '>') this.#redirection();
      else if (END_OF_COMMAND.test(character)) this.#endCommand(character);
      else if (this.#isRedirection()) this.#redirection();
      else this.#commandWord();
    }
    if (this.#documents.length > 0) throw new NotReadable();
    return this.#commands.filter((words) => words.length > 0);
  }

  #peek(offset = 0): string {
    return this.#text.charAt(this.#at + offset);
  }

  #endCommand(character: string): void {
    this.#at += 1;
    this.#commands.push([]);
    if (character === '\n') this.#skipDocuments();
  }

  #skipComment(): void {
    while (this.#at < this.#text.length && this.#peek() !== '\n') this.#at += 1;
  }

  /** `<(` and `>(` are words: they expand to the name of a file. */
  #isRedirection(): boolean {
    const character = this.#peek();
    return (character === '<' || character === '>') && this.#peek(1) !== '(';
  }

  #commandWord(): void {
    const word = this.#word();
    // In `2>` the number is a file descriptor, not a word.
    if (FILE_DESCRIPTOR.test(word) && this.#isRedirection()) return;
    this.#commands.at(-1)?.push(word);
  }

  /** The target of a redirection is not a word of the command. */
  #redirection(): void {
    const operator = /[&<>|-]+/y;
    operator.lastIndex = this.#at;
    const found = operator.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    while (BLANK.test(this.#peek())) this.#at += 1;
    const target = this.#word();
    if (target === '' && !found.endsWith('-')) throw new NotReadable();
    if (!/^<<-?$/.test(found)) return;
    if (target.includes(UNKNOWN_PART)) throw new NotReadable();
    this.#documents.push({ delimiter: target, isIndented: found === '<<-' });
  }

  #skipDocuments(): void {
    for (const { delimiter, isIndented } of this.#documents) {
      for (;;) {
        if (this.#at >= this.#text.length) throw new NotReadable();
        const newline = this.#text.indexOf('\n', this.#at);
        const end = newline < 0 ? this.#text.length : newline;
        const line = this.#text.slice(this.#at, end);
        this.#at = end + 1;
        if ((isIndented ? line.replace(/^\t+/, '') : line) === delimiter) break;
      }
    }
    this.#documents = [];
  }

  /** Reads up to a blank or an operator; empty when it starts at one. */
  #word(): string {
    let word = '';
    for (;;) {
      const character = this.#peek();
      if (character === '' || BLANK.test(character) || END_OF_COMMAND.test(character) || this.#isRedirection()) return word;
      if (character === ')') throw new NotReadable();
      word += this.#part(character);
    }
  }

  #part(character: string): string {
    this.#at += 1;
    switch (character) {
      case "'":
        return this.#untilQuote();
      case '"':
        return this.#doubleQuoted();
      case '\\':
        return this.#escaped();
      case '`':
        return this.#backquoted();
      case '$':
        return this.#expansion(false);
      case '(':
        return this.#parenthesis();
      case '<':
      case '>':
        this.#at += 1;
        return this.#parenthesis();
      default:
        return character;
    }
  }

  #escaped(): string {
    const character = this.#peek();
    if (character === '') throw new NotReadable();
    this.#at += 1;
    return character === '\n' ? '' : character;
  }

  #untilQuote(): string {
    const end = this.#text.indexOf("'", this.#at);
    if (end < 0) throw new NotReadable();
    const inside = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    return inside;
  }

  #doubleQuoted(): string {
    let inside = '';
    for (;;) {
      const character = this.#next();
      if (character === '"') return inside;
      if (character === '\\') {
        const escaped = this.#next();
        if (escaped !== '\n') inside += ESCAPED_IN_DOUBLE_QUOTES.includes(escaped) ? escaped : `\\${escaped}`;
      } else if (character === '`') inside += this.#backquoted();
      else inside += character === '$' ? this.#expansion(true) : character;
    }
  }

  #next(): string {
    const character = this.#peek();
    if (character === '') throw new NotReadable();
    this.#at += 1;
    return character;
  }

  #backquoted(): string {
    for (;;) {
      const character = this.#next();
      if (character === '`') return UNKNOWN_PART;
      if (character === '\\') this.#next();
    }
  }

  /** Reads an expansion after its `$`. */
  #expansion(isQuoted: boolean): string {
    const character = this.#peek();
    if (character === '(') {
      this.#at += 1;
      return this.#parenthesis();
    }
    if (character === '{') {
      this.#at += 1;
      return this.#inside('}', isQuoted);
    }
    if (character === "'" && !isQuoted) {
      this.#at += 1;
      return this.#ansiQuoted();
    }
    // `$"..."` is a string to translate.
    if (character === '"' && !isQuoted) return '';
    VARIABLE_NAME.lastIndex = this.#at;
    const name = VARIABLE_NAME.exec(this.#text)?.[0] ?? (SPECIAL_VARIABLE.test(character) ? character : '');
    this.#at += name.length;
    return name === '' ? '$' : UNKNOWN_PART;
  }

  #ansiQuoted(): string {
    for (;;) {
      const character = this.#next();
      if (character === "'") return UNKNOWN_PART;
      if (character === '\\') this.#next();
    }
  }

  #parenthesis(): string {
    return this.#inside(')', false);
  }

  /**
   * Skips to the closing parenthesis or brace. A here-document inside could contain anything, so it
   * is refused.
   */
  #inside(closing: string, isQuoted: boolean): string {
    this.#nesting += 1;
    if (this.#nesting > MAX_NESTING) throw new NotReadable();
    for (;;) {
      const character = this.#next();
      if (character === closing) break;
      if (character === '<' && this.#peek() === '<') throw new NotReadable();
      if (character === '#' && closing === ')' && /[\s;&|(]/.test(this.#peek(-2))) this.#skipComment();
      else if (character === "'" && isQuoted) continue;
      else if (
        character === '(' ||
        character === '"' ||
        character === "'" ||
        character === '`' ||
        character === '\\' ||
        character === '$'
      ) {
        this.#at -= 1;
        this.#part(character);
      }
    }
    this.#nesting -= 1;
    return UNKNOWN_PART;
  }
}
