import { REDACTED } from './redaction/redact-text.ts';

/**
 * Secrets in free text: error messages, tracebacks with their source lines, call sites. Nobody can find all of them. Found are those that say what
 * they are: a value behind a name such as `password`, a credential of an `Authorization` header, and keys whose form their issuer made known.
 * One pass from left to right: what was replaced is not looked at again, so that cleaning twice changes nothing.
 */

/** Most texts have none of these, and are left at once. */
const HINT =
  /passw|passphrase|pwd|secret|token|credential|api[_-]?key|access[_-]?key|private[_ -]?key|bearer|auth|cookie|AKIA|ASIA|AIza|eyJ|gh[opsur]_|github_pat_|glpat-|xox[abprs]-|hf_|sk-/i;

/** What a secret stands behind, or how one begins. The name of its group says how its end is found. */
const INTRODUCTIONS = new RegExp(
  [
    String.raw`(?<key>-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)`,
    String.raw`(?<authorization>authorization)`,
    String.raw`(?<cookie>cookie)`,
    String.raw`(?<password>passw(?:or)?d|passphrase|pwd|secret|credential|api[_-]?key|access[_-]?key|private[_-]?key)`,
    String.raw`(?<token>token|auth)(?![a-z])`,
    String.raw`\b(?<bearer>bearer)(?=[ \t])`,
  ].join('|'),
  'gi',
);
/** AWS, Google, GitHub, GitLab, Slack, Hugging Face, OpenAI and those that write theirs alike, JSON Web Tokens. */
const KNOWN_FORMS = new RegExp(
  [
    String.raw`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`,
    String.raw`\bAIza[\w-]{35}`,
    String.raw`\bgh[opsur]_[A-Za-z0-9]{36,}`,
    String.raw`\bgithub_pat_\w{22,}`,
    String.raw`\bglpat-[\w-]{20,}`,
    String.raw`\bxox[abprs]-[\w-]{10,}`,
    String.raw`\bhf_[A-Za-z0-9]{30,}`,
    String.raw`\bsk-[A-Za-z0-9_-]{20,}`,
    String.raw`\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*`,
  ].join('|'),
  'g',
);
const KEY_END = '-----END ';
/** `_KEY_BASE` of `SECRET_KEY_BASE`, `s` of `credentials`. */
const NAME_END = /s?(?:[_-][\w-]{0,30})?/y;
/** Between a name and its value; a quote that closes the name may be escaped, as in JSON inside of JSON. */
const SEPARATOR = /\\{0,7}["']?\]?[ \t]{0,4}(?:=>|[:=])[ \t]{0,4}/y;
const SCHEME = /(?:basic|bearer|token|digest|negotiate|apikey)[ \t]{1,4}/iy;
const OPENING_QUOTE = /\\{0,7}["']/y;
const BARE = /[^\s"',;&|(){}[\]<>\\]+/y;
const TOKEN = /[\w.~+/=-]+/y;
const LINE_OF_HEADER = /[^\n"'\\]+/y;
const HAS_LETTER = /[A-Za-z]/;
const HAS_DIGIT = /\d/;
const NO_WORD = /[\d.~+/=_-]/;
const MIN_TOKEN_LENGTH = 6;
const MIN_JOINED_LENGTH = 4;
const MIN_BEARER_LENGTH = 7;

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
  if (groups['bearer'] !== undefined) return bearerBehind(text, behind);
  const separatorAt = end(NAME_END, text, behind) ?? behind;
  const start = end(SEPARATOR, text, separatorAt);
  if (start === undefined) return undefined;
  if (groups['authorization'] !== undefined) {
    const credential = end(SCHEME, text, end(OPENING_QUOTE, text, start) ?? start);
    return credential === undefined ? valueAt(text, start) : range(BARE, text, credential);
  }
  if (groups['cookie'] !== undefined) return range(LINE_OF_HEADER, text, end(OPENING_QUOTE, text, start) ?? start);
  return groups['password'] === undefined ? tokenAt(text, start) : valueAt(text, start);
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

/** In quotes up to the same quote or to the end of the line; else up to a blank or a bracket. */
function valueAt(text: string, start: number): Range | undefined {
  const inside = end(OPENING_QUOTE, text, start);
  if (inside === undefined) return range(BARE, text, start);
  const quote = text.slice(start, inside);
  let last = inside;
  while (last < text.length && text.charAt(last) !== '\n' && !text.startsWith(quote, last)) last += 1;
  return last > inside ? { start: inside, end: last } : undefined;
}

/** Behind such a name stand numbers of tokens and tokens of a language too. */
function tokenAt(text: string, start: number): Range | undefined {
  if (end(OPENING_QUOTE, text, start) !== undefined) {
    const quoted = valueAt(text, start);
    return quoted === undefined || quoted.end - quoted.start < MIN_JOINED_LENGTH ? undefined : quoted;
  }
  const token = range(TOKEN, text, start);
  const word = token === undefined ? '' : text.slice(token.start, token.end);
  if (!HAS_LETTER.test(word)) return undefined;
  // `token=abc`, as in a query: a value of a program's source has blanks around the sign.
  const isJoined = /[=:]/.test(text.charAt(start - 1));
  const isSecret = isJoined ? word.length >= MIN_JOINED_LENGTH : word.length >= MIN_TOKEN_LENGTH && HAS_DIGIT.test(word);
  return isSecret ? token : undefined;
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
