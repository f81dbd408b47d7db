import { REDACTED, redactEnvVars, redactUrls } from './redaction/redact-text.ts';
import { announcesSecret, redactTokens } from './redact-tokens.ts';

const BEL = 0x07;
const TAB = 0x09;
const NEWLINE = 0x0a;
const ESC = 0x1b;
const CSI = 0x9b;
const STRING_END = 0x9c;

/**
 * Cleans a text of an event so that it can be stored and shown:
 * 1. Terminal sequences (ECMA-48: CSI, OSC and the other control strings) and control characters
 *    are removed, except newline and tab.
 * 2. Lone surrogates are replaced.
 * 3. Values of `env_vars`, credentials, queries and fragments of URLs, passwords and tokens are
 *    redacted.
 *
 * Takes linear time. Cleaning a cleaned text changes nothing.
 */
export function cleanText(text: string): string {
  let cleaned = hasControls(text) ? withoutControls(text) : text;
  if (!cleaned.isWellFormed()) cleaned = cleaned.toWellFormed();
  return redactTokens(redactUrls(redactEnvVars(cleaned)));
}

/** Cleans the value of a named field. Redacts all of it when the name announces a secret. */
export function cleanValue(name: string, value: string): string {
  return value !== '' && announcesSecret(name) ? REDACTED : cleanText(value);
}

/** Cuts a text to `limit` UTF-16 units, never inside a surrogate pair. The result is a copy. */
export function cutText(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const last = text.charCodeAt(limit - 1);
  const splitsPair = last >= 0xd800 && last <= 0xdbff;
  return copyOf(text.slice(0, splitsPair ? limit - 1 : limit));
}

/** Copies a text, because V8 lets a slice keep its whole source alive, here a body of many MiB. */
function copyOf(text: string): string {
  const encoding = text.isWellFormed() ? 'utf8' : 'utf16le';
  return Buffer.from(text, encoding).toString(encoding);
}

/** Whether the code is a control character of C0 or C1, or DEL. */
export function isControl(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

function hasControls(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (isControl(code) && code !== NEWLINE && code !== TAB) return true;
  }
  return false;
}

function withoutControls(text: string): string {
  const kept: string[] = [];
  let keptFrom = 0;
  let index = 0;
  while (index < text.length) {
    const code = text.charCodeAt(index);
    if (!isControl(code) || code === NEWLINE || code === TAB) {
      index += 1;
      continue;
    }
    kept.push(text.slice(keptFrom, index));
    index = endOfSequence(text, index, code);
    keptFrom = index;
  }
  kept.push(text.slice(keptFrom));
  return kept.join('');
}

/** Returns the index after the terminal sequence or single control character at `start`. */
function endOfSequence(text: string, start: number, code: number): number {
  if (code === CSI) return endOfControlSequence(text, start + 1);
  if (isStringStart(code - 0x40)) return endOfControlString(text, start + 1);
  if (code !== ESC) return start + 1;
  const next = text.charCodeAt(start + 1);
  if (next === CSI - 0x40) return endOfControlSequence(text, start + 2);
  if (isStringStart(next)) return endOfControlString(text, start + 2);
  return endOfEscape(text, start + 1);
}

/** Whether the code is the second byte of DCS, SOS, OSC, PM or APC in seven-bit form. */
function isStringStart(code: number): boolean {
  return code === 0x50 || code === 0x58 || code === 0x5d || code === 0x5e || code === 0x5f;
}

function endOfControlSequence(text: string, start: number): number {
  let index = start;
  while (isBetween(text.charCodeAt(index), 0x20, 0x3f)) index += 1;
  return isBetween(text.charCodeAt(index), 0x40, 0x7e) ? index + 1 : index;
}

/** An unclosed control string ends with its line, so that it cannot swallow a whole traceback. */
function endOfControlString(text: string, start: number): number {
  for (let index = start; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === BEL || code === STRING_END) return index + 1;
    if (code === ESC) return text.charCodeAt(index + 1) === 0x5c ? index + 2 : index;
    if (code === NEWLINE) return index;
  }
  return text.length;
}

function endOfEscape(text: string, start: number): number {
  let index = start;
  while (isBetween(text.charCodeAt(index), 0x20, 0x2f)) index += 1;
  return isBetween(text.charCodeAt(index), 0x30, 0x7e) ? index + 1 : index;
}

function isBetween(code: number, first: number, last: number): boolean {
  return code >= first && code <= last;
}
