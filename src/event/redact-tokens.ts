import { endOfBrackets, endOfLine, REDACTED } from './redaction/redact-text.ts';

/**
 * Secrets in free text: error messages, tracebacks with their source lines, call sites. Nobody can find all of them. Found are those that say what
 * they are: a value behind a name such as `password`, a credential of an `Authorization` header, and keys whose form their issuer made known.
 * One pass from left to right: what was replaced is not looked at again, so that cleaning twice changes nothing.
 */

/** Most texts have none of these, and are left at once. */
const HINT = new RegExp(
  [
    String.raw`pass|pwd|pw|secret|token|credential|(?:api|access|private|account|encryption|signing|subscription|master|license|functions?)[_ -]?key`,
    String.raw`bearer|auth|cookie|sig(?:nature)?=|url: ?\/`,
    String.raw`AKIA|ASIA|AIza|eyJ|gh[opsur]_|github_pat_|glpat-|xox[abprs]-|hf_|sk-|[rs]k_(?:live|test)_|npm_|pypi-|dapi|ya29\.|hvs\.|gls[ap]_|xapp-`,
    String.raw`hooks\.slack|api\.telegram|api\/webhooks`,
  ].join('|'),
  'i',
);

/** What a secret stands behind, or how one begins. The name of its group says how its end is found. */
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
 * AWS, Google, GitHub, GitLab, Slack, Hugging Face, OpenAI and those that write theirs alike, Stripe, npm, PyPI, Databricks, Vault, Grafana,
 * JSON Web Tokens, and URLs of Slack, Telegram and Discord to which anybody may post.
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
/** `_KEY_BASE` of `SECRET_KEY_BASE`, `s` of `credentials`. */
const NAME_END = /s?(?:[_-][\w-]{0,30})?/iy;
/**
 * Between a name and its value; a quote that closes the name may be escaped, as in JSON inside of JSON. Also a type between the two
 * (`password: str = `), an element of XML, and the sign as a URL has it.
 */
const SEPARATOR =
  /\\{0,7}["']?\]?[ \t]{0,4}(?::[ \t]{0,4}[A-Za-z][\w.|]{0,60}(?:\[[\w.,| ]{0,60}\])?[ \t]{1,4}=(?!=)|=>|:=|[:=])[ \t]{0,4}|>(?=[^\s>=])|%3[AD]/iy;
/** Between a long option and its value, in a command line or in a list of its words. */
const OPTION_SEPARATOR = /[ \t]{1,4}(?=[^\s-])|\\{0,7}["'],[ \t]{0,4}(?=\\{0,7}["'])/y;
/** `password 'x' is wrong`. */
const QUOTE_AHEAD = /[ \t]{1,2}(?=\\{0,7}["'])/y;
const SCHEME = /(?:basic|bearer|token|digest|negotiate|apikey)[ \t]{1,4}/iy;
const DIGEST = /digest/i;
/** Python's letters before a string are a part of its quote. */
const OPENING_QUOTE = /(?:\\{0,7}|[bfru]{1,2})["']/iy;
const OPENING_BRACKET = /[\w.]*[([{]/y;
const ALTERNATIVE = /[\])}]?[ \t]{1,2}or[ \t]{1,2}[\w.]{0,40}["'([{]/y;
const BARE = /[^\s"',;&|(){}[\]<>\\]+/y;
const TOKEN = /[\w.~+/=-]+/y;
const LINE_OF_HEADER = /[^\n"'\\]+/y;
const QUERY = /[^\s"'<>]+/y;
const HAS_LETTER = /[A-Za-z]/;
const HAS_DIGIT = /\d/;
const HAS_QUOTE = /["']/;
const NO_WORD = /[\d.~+/=_-]/;
const MIN_TOKEN_LENGTH = 6;
const MIN_JOINED_LENGTH = 4;
const MIN_BEARER_LENGTH = 7;
/** Of the name of an option before the word that gives it away. UTF-16 units. */
const MAX_OPTION_LENGTH = 40;
/** Of what is looked through for the bracket that closes a value. UTF-16 units. */
const MAX_BRACKETED_LENGTH = 4096;

/** Of no known form, but longer than any limit below: only a name before it gives it away. */
const SAMPLE_VALUE = 'x1y2z3w4';

/** Whether a name, such as that of a label, says that its value is a secret. */
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
  const behind = index + introduction.length;
  if (groups['key'] !== undefined) return keyBehind(text, behind);
  if (groups['call'] !== undefined) return insideBrackets(text, behind);
  if (groups['bearer'] !== undefined) return bearerBehind(text, behind);
  if (groups['query'] !== undefined) return range(QUERY, text, behind);
  const nameEnd = end(NAME_END, text, behind) ?? behind;
  const isToken = groups['token'] !== undefined;
  const start = end(SEPARATOR, text, nameEnd);
  if (start === undefined) {
    const value = startWithoutSign(text, index, nameEnd, groups['password'] !== undefined);
    if (value === undefined) return undefined;
    return isToken ? tokenAt(text, value, true) : valueAt(text, value);
  }
  if (groups['authorization'] !== undefined) return credentialAt(text, start);
  if (groups['cookie'] !== undefined) return range(LINE_OF_HEADER, text, end(OPENING_QUOTE, text, start) ?? start);
  // `token=abc`, as in a query: a value of a program's source has blanks around the sign.
  return isToken ? tokenAt(text, start, /[=:>DA]/i.test(text.charAt(start - 1))) : valueAt(text, start);
}

/** Where a value begins that no `=` or `:` separates from its name: that of a long option, or a password in quotes. */
function startWithoutSign(text: string, name: number, nameEnd: number, isPassword: boolean): number | undefined {
  let start = name;
  while (start > 0 && name - start < MAX_OPTION_LENGTH && /[\w-]/.test(text.charAt(start - 1))) start -= 1;
  if (text.startsWith('--', start)) return end(OPTION_SEPARATOR, text, nameEnd);
  return isPassword ? end(QUOTE_AHEAD, text, nameEnd) : undefined;
}

/** Behind a scheme such as `Basic`, or what stands there. A digest has several parts. */
function credentialAt(text: string, start: number): Range | undefined {
  const scheme = end(OPENING_QUOTE, text, start) ?? start;
  const credential = end(SCHEME, text, scheme);
  if (credential === undefined) return valueAt(text, start);
  if (DIGEST.test(text.slice(scheme, credential))) return rangeIfAny(credential, endOfLine(text, credential));
  return range(BARE, text, credential);
}

/** A private key in PEM, up to its last line or to the end of the text. */
function keyBehind(text: string, start: number): Range {
  const found = text.indexOf(KEY_END, start);
  return { start, end: found < 0 ? text.length : found };
}

/** `Bearer` is an English word too: a credential has more than letters. */
function bearerBehind(text: string, from: number): Range | undefined {
  let start = from;
  while (text.charAt(start) === ' ' || text.charAt(start) === '\t') start += 1;
  const token = range(TOKEN, text, start);
  if (token === undefined || token.end - start < MIN_BEARER_LENGTH) return undefined;
  return NO_WORD.test(text.slice(start, token.end)) ? token : undefined;
}

/**
 * In quotes up to the same quote or to the end of the line; in brackets, also those of a call or of an index, up to the one that closes them;
 * else up to a blank or a bracket. What follows `or` belongs to it.
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
  // Escaped as it is, but without the letters before it.
  const quote = text.slice(start, inside).replace(/^[a-z]+/i, '');
  let last = inside;
  while (last < text.length && text.charAt(last) !== '\n' && !text.startsWith(quote, last)) last += 1;
  return rangeIfAny(inside, last);
}

/** Up to the bracket that closes the one at `opening`; to the end of the line when none does. */
function insideBrackets(text: string, opening: number): Range | undefined {
  // What was replaced is not looked at again.
  if (text.startsWith(REDACTED, opening)) return undefined;
  const start = opening + 1;
  const part = text.slice(opening, opening + MAX_BRACKETED_LENGTH);
  const length = endOfBrackets(part, 0);
  return rangeIfAny(start, length < part.length ? opening + length : endOfLine(text, start));
}

/** Behind such a name stand numbers of tokens and tokens of a language too. */
function tokenAt(text: string, start: number, isJoined: boolean): Range | undefined {
  if (end(OPENING_QUOTE, text, start) !== undefined) {
    const quoted = insideQuotes(text, start);
    return quoted === undefined || quoted.end - quoted.start < MIN_JOINED_LENGTH ? undefined : quoted;
  }
  const bracket = end(OPENING_BRACKET, text, start);
  if (bracket !== undefined) {
    const inside = insideBrackets(text, bracket - 1);
    return inside !== undefined && HAS_QUOTE.test(text.slice(inside.start, inside.end)) ? inside : undefined;
  }
  const token = range(TOKEN, text, start);
  const word = token === undefined ? '' : text.slice(token.start, token.end);
  if (!HAS_LETTER.test(word)) return undefined;
  const isSecret = isJoined ? word.length >= MIN_JOINED_LENGTH : word.length >= MIN_TOKEN_LENGTH && HAS_DIGIT.test(word);
  return isSecret ? token : undefined;
}

function rangeIfAny(start: number, last: number): Range | undefined {
  return last > start ? { start, end: last } : undefined;
}

function range(pattern: RegExp, text: string, start: number): Range | undefined {
  const found = end(pattern, text, start);
  return found === undefined || found === start ? undefined : { start, end: found };
}

/** Where a match that begins at `from` ends. */
function end(pattern: RegExp, text: string, from: number): number | undefined {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}
