export const REDACTED = '[redacted]';

/**
 * Names before a mapping of variables. Python prints its own environment as `environ({'A': 'x'})`.
 */
const ENV_VARS_NAMES = ['env_vars', 'envVars', 'environ'] as const;
const SPACE = 0x20;
const BACKSLASH = 0x5c;
const CLOSING = new Map([
  ['{', '}'],
  ['[', ']'],
  ['(', ')'],
]);

/**
 * Replaces the value after each `env_vars` of a text: a mapping as Python or JSON prints it, a
 * quoted string, or an assignment to one key. Quotes may be escaped at any depth (`\"env_vars\":
 * {\"A\": \"x\"}`). A value without a visible end is redacted to the end of the text: a lost
 * message is better than a leaked key.
 */
export function redactEnvVars(text: string): string {
  let redacted = text;
  for (const name of ENV_VARS_NAMES) {
    if (redacted.includes(name)) redacted = redactAfterName(redacted, name);
  }
  return redacted;
}

/**
 * Replaces credentials, query and fragment of every URL of a text:
 * `https://user:password@host/path?query#fragment`.
 */
export function redactUrls(text: string): string {
  let scheme = text.indexOf('://');
  if (scheme < 0) return text;
  const kept: string[] = [];
  let keptFrom = 0;
  while (scheme >= 0) {
    const start = scheme + 3;
    const end = endOfUrl(text, start);
    const url = text.slice(start, end);
    const at = endOfCredentials(url);
    if (at >= 0) {
      kept.push(text.slice(keptFrom, start), REDACTED);
      keptFrom = start + at;
    }
    const query = startOfQuery(url, at + 1);
    if (query >= 0) {
      kept.push(text.slice(keptFrom, start + query + 1), REDACTED);
      keptFrom = end;
    }
    scheme = text.indexOf('://', end);
  }
  kept.push(text.slice(keptFrom));
  return kept.join('');
}

/** Returns where a query or fragment begins; -1 without one. */
function startOfQuery(url: string, from: number): number {
  const query = url.indexOf('?', from);
  const fragment = url.indexOf('#', from);
  return query < 0 || (fragment >= 0 && fragment < query) ? fragment : query;
}

/**
 * Returns the position of the `@` after a URL's credentials; -1 without credentials. `url` begins
 * after `://`. A secret can contain an unescaped `/`, as keys of object stores do. The port
 * distinguishes `key:sec/ret@bucket` from `host:80/a@b`.
 */
export function endOfCredentials(url: string): number {
  const slash = url.indexOf('/');
  const authority = slash < 0 ? url : url.slice(0, slash);
  const colon = authority.indexOf(':');
  const hasPassword = colon >= 0 && !isNumber(authority.slice(colon + 1));
  return hasPassword ? url.lastIndexOf('@') : authority.lastIndexOf('@');
}

function redactAfterName(text: string, name: string): string {
  const kept: string[] = [];
  let keptFrom = 0;
  let found = text.indexOf(name);
  while (found >= 0) {
    const afterName = found + name.length;
    const value = findValue(text, afterName);
    if (value === undefined) {
      found = text.indexOf(name, afterName);
      continue;
    }
    kept.push(text.slice(keptFrom, value.start), REDACTED);
    keptFrom = value.end;
    found = text.indexOf(name, value.end);
  }
  kept.push(text.slice(keptFrom));
  return kept.join('');
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Finds the content of the value after a name. Between them are `': {`, `": \"` or ` = (`. */
function findValue(text: string, afterName: number): Range | undefined {
  let index = skipQuote(text, afterName);
  if (text.charAt(index) === ']') return lineAfter(text, index + 1);
  index = skipSpaces(text, index);
  const separatorAt = index;
  const separator = text.charAt(index);
  if (separator === ':' || separator === '=') index = skipSpaces(text, index + 1);
  const opening = text.charAt(index);
  const isValue = separator === ':' || separator === '=' || opening === '{' || opening === '(';
  if (!isValue) return undefined;
  if (text.startsWith(REDACTED, index)) return { start: index, end: index + REDACTED.length };
  if (CLOSING.has(opening)) return { start: index + 1, end: endOfBrackets(text, index) };
  const quote = skipBackslashes(text, index);
  if (isQuote(text.charAt(quote))) return { start: quote + 1, end: endOfString(text, index, quote) };
  return bareValue(text, separatorAt, index);
}

/**
 * Finds an unquoted value: `dict(A="x")`, `OrderedDict([...])`, the rest of a line, or a YAML
 * block.
 */
function bareValue(text: string, separatorAt: number, start: number): Range | undefined {
  let index = start;
  if (index === text.length) return undefined;
  while (isWordPart(text.charCodeAt(index))) index += 1;
  if (CLOSING.has(text.charAt(index))) return { start: index + 1, end: endOfBrackets(text, index) };
  const isBlock = text.slice(separatorAt, start).includes('\n');
  if (!isBlock) return { start, end: endOfLine(text, start) };
  const isIndented = text.charAt(start - 1) !== '\n';
  return isIndented ? { start, end: endOfIndented(text, start) } : undefined;
}

function endOfIndented(text: string, start: number): number {
  let end = endOfLine(text, start);
  while (text.charAt(end + 1) === ' ' || text.charAt(end + 1) === '\t') end = endOfLine(text, end + 1);
  return end;
}

export function endOfLine(text: string, start: number): number {
  const newline = text.indexOf('\n', start);
  return newline < 0 ? text.length : newline;
}

function isWordPart(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95 || code === 46;
}

/** Finds the rest of a source line in a traceback: `runtime_env["env_vars"]["KEY"] = "value"`. */
function lineAfter(text: string, index: number): Range | undefined {
  const start = skipSpaces(text, index);
  const next = text.charAt(start);
  if ((next !== '[' && next !== '=' && next !== '.') || text.startsWith(REDACTED, start)) return undefined;
  return { start: start + 1, end: endOfLine(text, start) };
}

/**
 * Returns the index of the bracket that closes the one at `start`, skipping quoted text. Returns
 * the length of the text without one.
 */
export function endOfBrackets(text: string, start: number): number {
  const awaited: string[] = [];
  let index = start;
  while (index < text.length) {
    const character = text.charAt(index);
    const closing = CLOSING.get(character);
    if (closing !== undefined) awaited.push(closing);
    else if (character === awaited.at(-1)) awaited.pop();
    if (awaited.length === 0) return index;
    const quote = skipBackslashes(text, index);
    if (isQuote(text.charAt(quote))) {
      const inside = endOfString(text, index, quote);
      index = skipBackslashes(text, inside) + 1;
    } else {
      index = Math.max(quote, index + 1);
    }
  }
  return text.length;
}

/**
 * Returns the index of the closing quote, including its backslashes. The opening quote is at
 * `quote`, after backslashes from `start` on. Text quoted n times has 2^n - 1 backslashes before
 * each quote. A run of backslashes closes the string when that many remain besides escaped pairs.
 */
function endOfString(text: string, start: number, quote: number): number {
  const backslashes = quote - start;
  const period = 2 * (backslashes + 1);
  const quoteCharacter = text.charAt(quote);
  let found = text.indexOf(quoteCharacter, quote + 1);
  while (found >= 0) {
    let run = 0;
    while (found - run - 1 > quote && text.charCodeAt(found - run - 1) === BACKSLASH) run += 1;
    if (run % period === backslashes) return found - backslashes;
    found = text.indexOf(quoteCharacter, found + 1);
  }
  return text.length;
}

function skipQuote(text: string, start: number): number {
  const quote = skipBackslashes(text, start);
  return isQuote(text.charAt(quote)) ? quote + 1 : start;
}

function skipBackslashes(text: string, start: number): number {
  let index = start;
  while (text.charCodeAt(index) === BACKSLASH) index += 1;
  return index;
}

function skipSpaces(text: string, start: number): number {
  let index = start;
  while (index < text.length && text.charCodeAt(index) <= SPACE) index += 1;
  return index;
}

function isQuote(character: string): boolean {
  return character === '"' || character === "'";
}

function endOfUrl(text: string, start: number): number {
  let index = start;
  while (index < text.length && text.charCodeAt(index) > SPACE && !'"\'<>`'.includes(text.charAt(index))) index += 1;
  return index;
}

function isNumber(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 48 || code > 57) return false;
  }
  return true;
}
