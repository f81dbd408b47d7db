import { endOfBrackets, endOfLine, REDACTED } from './redaction/redact-text.ts';

/**
 * Redacts secrets in free text: error messages, tracebacks with source lines, call sites. No
 * program can find all secrets. This one finds:
 * 1. Values after a name such as `password`.
 * 2. Credentials of an `Authorization` header.
 * 3. Keys in a form that their issuer published.
 *
 * One pass from left to right never rescans a replacement, so redacting twice changes nothing.
 */

/** Fast check: most texts contain none of these. */
const HINT = new RegExp(
  [
    String.raw`pass|pwd|pw|secret|token|credential|(?:api|access|private|account|encryption|signing|subscription|master|license|functions?)[_ -]?key`,
    String.raw`bearer|auth|cookie|sig(?:nature)?=|url: ?\/`,
    String.raw`AKIA|ASIA|AIza|eyJ|gh[opsur]_|github_pat_|glpat-|xox[abprs]-|hf_|sk-|[rs]k_(?:live|test)_|npm_|pypi-|dapi|ya29\.|hvs\.|gls[ap]_|xapp-`,
    String.raw`hooks\.slack|api\.telegram|api\/webhooks`,
  ].join('|'),
  'i',
);

/** Text that introduces a secret. The name of its group selects how its end is found. */
const INTRODUCTIONS = new RegExp(
  [
    String.raw`(?<key>-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)`,
    String.raw`(?<call>(?:basicauth|digestauth|secretstr|secretbytes)(?=\())`,
    String.raw`(?<authorization>authorization)`,
    String.raw`(?<cookie>cookie)`,
    String.raw`(?<password>passw(?:or)?d|passphrase)`,
    String.raw`(?<secret>pwd|secret|credential|(?:api|access|private|account|encryption|signing|subscription|master|license|functions?)[_-]?key)`,
    String.raw`(?<token>token|auth|(?<![a-z])(?:pass|pw)|(?:signature|(?<![a-z])sig)(?==[^=\s(]))(?![a-z])`,
    String.raw`\b(?<bearer>bearer)(?=[ \t])`,
    String.raw`(?<query>\burl: ?\/[^\s?"'()<>]{0,1000}\?)`,
  ].join('|'),
  'gi',
);
/**
 * Published key formats: AWS, Google, GitHub, GitLab, Slack, Hugging Face, OpenAI and similar,
 * Stripe, npm, PyPI, Databricks, Vault, Grafana, JSON Web Tokens. Also Slack, Telegram and Discord
 * URLs that accept posts from anyone.
 */
const KNOWN_FORMS = new RegExp(
  [
    String.raw`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`,
    String.raw`\bAIza[\w-]{35}`,
    String.raw`\bya29\.[\w-]{20,}`,
    String.raw`\bgh[opsur]_[A-Za-z0-9]{36,}`,
    String.raw`\bgithub_pat_\w{22,}`,
    String.raw`\bglpat-[\w-]{20,}`,
    String.raw`\b(?:xox[abprs]|xapp)-[\w-]{10,}`,
    String.raw`\bhf_[A-Za-z0-9]{30,}`,
    String.raw`\bsk-[A-Za-z0-9_-]{20,}`,
    String.raw`\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}`,
    String.raw`\bnpm_[A-Za-z0-9]{36,}`,
    String.raw`\bpypi-[\w-]{40,}`,
    String.raw`\bdapi[0-9a-f]{32,}`,
    String.raw`\bhvs\.[\w-]{20,}`,
    String.raw`\bgls[ap]_\w{20,}`,
    String.raw`\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*`,
    String.raw`(?<=\/\/hooks\.slack\.com\/)services\/[\w/+-]+`,
    String.raw`(?<=\/\/api\.telegram\.org\/)bot[\w:/-]+`,
    String.raw`(?<=\/\/discord(?:app)?\.com\/)api\/webhooks\/[\w/-]+`,
  ].join('|'),
  'g',
);
const KEY_END = '-----END ';
/** Rest of a name: `_KEY_BASE` of `SECRET_KEY_BASE`, `s` of `credentials`. */
const NAME_END = /s?(?:[_-][\w-]{0,30})?/iy;
/**
 * Separator of a name and its value. The closing quote of the name may be escaped, as in nested
 * JSON. Also a type annotation (`password: str = `), an XML element, and a URL-encoded sign.
 */
const SEPARATOR =
  /\\{0,7}["']?\]?[ \t]{0,4}(?::[ \t]{0,4}[A-Za-z][\w.|]{0,60}(?:\[[\w.,| ]{0,60}\])?[ \t]{1,4}=(?!=)|=>|:=|[:=])[ \t]{0,4}|>(?=[^\s>=])|%3[AD]/iy;
/** Separator of a long option and its value, in a command line or a list of words. */
const OPTION_SEPARATOR = /[ \t]{1,4}(?=[^\s-])|\\{0,7}["'],[ \t]{0,4}(?=\\{0,7}["'])/y;
/** Blanks before a quoted value: `password 'x' is wrong`. */
const QUOTE_AHEAD = /[ \t]{1,2}(?=\\{0,7}["'])/y;
const SCHEME = /(?:basic|bearer|token|digest|negotiate|apikey)[ \t]{1,4}/iy;
const DIGEST = /digest/i;
/** Python's string prefixes belong to the quote. */
const OPENING_QUOTE = /(?:\\{0,7}|[bfru]{1,2})["']/iy;
const OPENING_BRACKET = /[\w.]*[([{]/y;
const ALTERNATIVE = /[\])}]?[ \t]{1,2}or[ \t]{1,2}[\w.]{0,40}["'([{]/y;
const BARE = /[^\s"',;&|(){}[\]<>\\]+/y;
const TOKEN = /[\w.~+/=-]+/y;
const LINE_OF_HEADER = /[^\n"'\\]+/y;
const QUERY = /[^\s"'<>]+/y;
const LETTER = /[A-Za-z]/;
const DIGIT = /\d/;
const QUOTE = /["']/;
const NON_LETTER = /[\d.~+/=_-]/;
const MIN_TOKEN_LENGTH = 6;
const MIN_JOINED_LENGTH = 4;
const MIN_BEARER_LENGTH = 7;
/** Maximum length of an option name before its revealing word. UTF-16 units. */
const MAX_OPTION_LENGTH = 40;
/** Maximum distance to the closing bracket of a value. UTF-16 units. */
const MAX_BRACKETED_LENGTH = 4096;

/**
 * A value without a known form, longer than every minimum: only the name before it makes it a
 * secret.
 */
const SAMPLE_VALUE = 'x1y2z3w4';

/** Whether the name of a field or label announces a secret. */
export function announcesSecret(name: string): boolean {
  return HINT.test(name) && redactTokens(`${name}=${SAMPLE_VALUE}`).endsWith(REDACTED);
}

export function redactTokens(text: string): string {
  if (!HINT.test(text)) return text;
  const kept: string[] = [];
  let keptFrom = 0;
  INTRODUCTIONS.lastIndex = 0;
  for (let found = INTRODUCTIONS.exec(text); found !== null; found = INTRODUCTIONS.exec(text)) {
    const secret = findSecret(text, found);
    if (secret === undefined) continue;
    kept.push(text.slice(keptFrom, secret.start), REDACTED);
    keptFrom = secret.end;
    INTRODUCTIONS.lastIndex = secret.end;
  }
  kept.push(text.slice(keptFrom));
  return kept.join('').replace(KNOWN_FORMS, REDACTED);
}

interface Range {
  readonly start: number;
  readonly end: number;
}

function findSecret(text: string, { index, 0: introduction, groups = {} }: RegExpExecArray): Range | undefined {
  const after = index + introduction.length;
  if (groups['key'] !== undefined) return keyAfter(text, after);
  if (groups['call'] !== undefined) return insideBrackets(text, after);
  if (groups['bearer'] !== undefined) return bearerAfter(text, after);
  if (groups['query'] !== undefined) return range(QUERY, text, after);
  const nameEnd = end(NAME_END, text, after) ?? after;
  const isToken = groups['token'] !== undefined;
  const start = end(SEPARATOR, text, nameEnd);
  if (start === undefined) {
    const value = startWithoutSign(text, index, nameEnd, groups['password'] !== undefined);
    if (value === undefined) return undefined;
    return isToken ? tokenAt(text, value, true) : valueAt(text, value);
  }
  if (groups['authorization'] !== undefined) return credentialAt(text, start);
  if (groups['cookie'] !== undefined) return range(LINE_OF_HEADER, text, end(OPENING_QUOTE, text, start) ?? start);
  // A query joins name and value (`token=abc`); source code has blanks around the sign.
  return isToken ? tokenAt(text, start, /[=:>DA]/i.test(text.charAt(start - 1))) : valueAt(text, start);
}

/** Finds a value without `=` or `:` before it: that of a long option, or a quoted password. */
function startWithoutSign(text: string, name: number, nameEnd: number, isPassword: boolean): number | undefined {
  let start = name;
  while (start > 0 && name - start < MAX_OPTION_LENGTH && /[\w-]/.test(text.charAt(start - 1))) start -= 1;
  if (text.startsWith('--', start)) return end(OPTION_SEPARATOR, text, nameEnd);
  return isPassword ? end(QUOTE_AHEAD, text, nameEnd) : undefined;
}

/**
 * Finds the credential after a scheme such as `Basic`, or the bare value. A digest extends to the
 * end of the line.
 */
function credentialAt(text: string, start: number): Range | undefined {
  const scheme = end(OPENING_QUOTE, text, start) ?? start;
  const credential = end(SCHEME, text, scheme);
  if (credential === undefined) return valueAt(text, start);
  if (DIGEST.test(text.slice(scheme, credential))) return rangeIfAny(credential, endOfLine(text, credential));
  return range(BARE, text, credential);
}

/** Finds a private key in PEM, up to its last line or the end of the text. */
function keyAfter(text: string, start: number): Range {
  const found = text.indexOf(KEY_END, start);
  return { start, end: found < 0 ? text.length : found };
}

/**
 * Finds a bearer token. `Bearer` is also an English word, so the token must contain more than
 * letters.
 */
function bearerAfter(text: string, from: number): Range | undefined {
  let start = from;
  while (text.charAt(start) === ' ' || text.charAt(start) === '\t') start += 1;
  const token = range(TOKEN, text, start);
  if (token === undefined || token.end - start < MIN_BEARER_LENGTH) return undefined;
  return NON_LETTER.test(text.slice(start, token.end)) ? token : undefined;
}

/**
 * Finds a value:
 * 1. A quoted one ends at its quote or the end of the line.
 * 2. A bracketed one, also of a call or an index, ends at the closing bracket.
 * 3. A bare one ends at a blank or bracket. An alternative after `or` belongs to it.
 */
function valueAt(text: string, start: number): Range | undefined {
  const quoted = insideQuotes(text, start);
  if (quoted !== undefined) return quoted;
  const bracket = end(OPENING_BRACKET, text, start);
  const value = bracket === undefined ? range(BARE, text, start) : insideBrackets(text, bracket - 1);
  if (value === undefined && bracket === undefined) return undefined;
  const { start: from, end: to } = value ?? { start: bracket ?? start, end: bracket ?? start };
  return end(ALTERNATIVE, text, to) === undefined ? value : { start: from, end: endOfLine(text, to) };
}

function insideQuotes(text: string, start: number): Range | undefined {
  const inside = end(OPENING_QUOTE, text, start);
  if (inside === undefined) return undefined;
  // The quote with its escapes, without the string prefix.
  const quote = text.slice(start, inside).replace(/^[a-z]+/i, '');
  let last = inside;
  while (last < text.length && text.charAt(last) !== '\n' && !text.startsWith(quote, last)) last += 1;
  return rangeIfAny(inside, last);
}

/** Finds the content of the bracket at `opening`; up to the end of the line when unclosed. */
function insideBrackets(text: string, opening: number): Range | undefined {
  // A replacement is not scanned again.
  if (text.startsWith(REDACTED, opening)) return undefined;
  const start = opening + 1;
  const part = text.slice(opening, opening + MAX_BRACKETED_LENGTH);
  const length = endOfBrackets(part, 0);
  return rangeIfAny(start, length < part.length ? opening + length : endOfLine(text, start));
}

/** Finds a token. Such names also precede token counts and tokens of a language. */
function tokenAt(text: string, start: number, isJoined: boolean): Range | undefined {
  if (end(OPENING_QUOTE, text, start) !== undefined) {
    const quoted = insideQuotes(text, start);
    return quoted === undefined || quoted.end - quoted.start < MIN_JOINED_LENGTH ? undefined : quoted;
  }
  const bracket = end(OPENING_BRACKET, text, start);
  if (bracket !== undefined) {
    const inside = insideBrackets(text, bracket - 1);
    return inside !== undefined && QUOTE.test(text.slice(inside.start, inside.end)) ? inside : undefined;
  }
  const token = range(TOKEN, text, start);
  const word = token === undefined ? '' : text.slice(token.start, token.end);
  if (!LETTER.test(word)) return undefined;
  const isSecret = isJoined ? word.length >= MIN_JOINED_LENGTH : word.length >= MIN_TOKEN_LENGTH && DIGIT.test(word);
  return isSecret ? token : undefined;
}

function rangeIfAny(start: number, last: number): Range | undefined {
  return last > start ? { start, end: last } : undefined;
}

function range(pattern: RegExp, text: string, start: number): Range | undefined {
  const found = end(pattern, text, start);
  return found === undefined || found === start ? undefined : { start, end: found };
}

/** Returns where a match of `pattern` at `from` ends. */
function end(pattern: RegExp, text: string, from: number): number | undefined {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}
