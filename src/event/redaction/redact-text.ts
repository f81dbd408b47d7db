export const REDACTED = '[redacted]';

/** The last one is how Python prints the variables of its own process: `environ({'A': 'x'})`. */
const ENV_VARS_NAMES = ['env_vars', 'envVars', 'environ'] as const;
const SPACE = 0x20;
const BACKSLASH = 0x5c;
const CLOSING = new Map([
  ['{', '}'],
  ['[', ']'],
  ['(', ')'],
]);

/**
 * Replaces what stands behind each `env_vars` of a text: a mapping as Python or JSON prints it, at any depth of quoting
 * (`\"env_vars\": {\"A\": \"x\"}`), a quoted string, or an assignment to one of its keys. When the end of such a value
 * cannot be found, everything to the end of the text goes: a lost message is better than a leaked key.
 */
export function redactEnvVars(text: string): string {
  let redacted = text;
  for (const name of ENV_VARS_NAMES) {
    if (redacted.includes(name)) redacted = redactBehindName(redacted, name);
  }
  return redacted;
}

/** Replaces user, password, and query or fragment (signatures, tokens) of every URL of a text: `https://user:password@host/path?query#fragment`. */
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

/** Where a query or a fragment begins; -1 if there is none. */
function startOfQuery(url: string, from: number): number {
  const query = url.indexOf('?', from);
  const fragment = url.indexOf('#', from);
  return query < 0 || (fragment >= 0 && fragment < query) ? fragment : query;
}

/**
 * Where the `@` behind a URL's credentials stands; -1 if there are none. `url` begins behind `://`.
 * A secret may hold an unescaped `/` (keys of object stores do): `key:sec/ret@bucket` is told from `host:80/a@b` by the port.
 */
export function endOfCredentials(url: string): number {
  const slash = url.indexOf('/');
  const authority = slash < 0 ? url : url.slice(0, slash);
  const colon = authority.indexOf(':');
  const hasPassword = colon >= 0 && !isNumber(authority.slice(colon + 1));
  return hasPassword ? url.lastIndexOf('@') : authority.lastIndexOf('@');
}

function redactBehindName(text: string, name: string): string {
  const kept: string[] = [];
  let keptFrom = 0;
  let found = text.indexOf(name);
  while (found >= 0) {
    const behindName = found + name.length;
    const value = findValue(text, behindName);
    if (value === undefined) {
      found = text.indexOf(name, behindName);
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

/** The inside of the value that follows a name: `': {` or `": \"` or ` = (` stand between. */
function findValue(text: string, behindName: number): Range | undefined {
  let index = skipQuote(text, behindName);
  if (text.charAt(index) === ']') return lineBehind(text, index + 1);
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

/** `dict(A="x")`, `OrderedDict([...])`, or anything else up to the end of the line; a YAML block up to its end. */
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

/** `runtime_env["env_vars"]["KEY"] = "value"` in a traceback's source line: the rest of the line. */
function lineBehind(text: string, index: number): Range | undefined {
  const start = skipSpaces(text, index);
  const next = text.charAt(start);
  if ((next !== '[' && next !== '=' && next !== '.') || text.startsWith(REDACTED, start)) return undefined;
  return { start: start + 1, end: endOfLine(text, start) };
}

/** The index of the bracket that closes the one at `start`, quotes respected; the text's end if there is none. */
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
 * The index of the quote (with its backslashes) that closes the string whose opening quote, behind backslashes that begin at
 * `start`, stands at `quote`. Text quoted n times over has 2^n - 1 backslashes before each of its quotes, and a run before a
 * quote closes the string when it leaves that many beside pairs of escaped ones.
 */
function endOfString(text: string, start: number, quote: number): number {
  const backslashes = quote - start;
  const period = 2 * (backslashes + 1);
  const mark = text.charAt(quote);
  let found = text.indexOf(mark, quote + 1);
  while (found >= 0) {
    let run = 0;
    while (found - run - 1 > quote && text.charCodeAt(found - run - 1) === BACKSLASH) run += 1;
    if (run % period === backslashes) return found - backslashes;
    found = text.indexOf(mark, found + 1);
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
