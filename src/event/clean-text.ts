import { REDACTED, redactEnvVars, redactUrls } from './redaction/redact-text.ts';
import { announcesSecret, redactTokens } from './redact-tokens.ts';

const BEL = 0x07;
const TAB = 0x09;
const NEWLINE = 0x0a;
const ESC = 0x1b;
const CSI = 0x9b;
const STRING_END = 0x9c;

/**
 * Text of an event, fit to be stored and shown: terminal sequences (ECMA-48: CSI, OSC and the other control strings) and
 * control characters but newline and tab removed, lone surrogates replaced, values of runtime environments' `env_vars`, and
 * credentials, queries and fragments of URLs, and what says that it is a password or a token, redacted. Linear in the length of the text, and cleaning twice changes nothing.
 */
export function cleanText(text: string): string {
  let cleaned = hasControls(text) ? withoutControls(text) : text;
  if (!cleaned.isWellFormed()) cleaned = cleaned.toWellFormed();
  return redactTokens(redactUrls(redactEnvVars(cleaned)));
}

/** As `cleanText`, of a value that has a name: nothing is left of it when the name says that it is a secret. */
export function cleanValue(name: string, value: string): string {
  return value !== '' && announcesSecret(name) ? REDACTED : cleanText(value);
}

/** Cuts a text to `limit` UTF-16 units, never between the halves of a surrogate pair. The result is a copy. */
export function cutText(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const last = text.charCodeAt(limit - 1);
  const splitsPair = last >= 0xd800 && last <= 0xdbff;
  return copyOf(text.slice(0, splitsPair ? limit - 1 : limit));
}

/** V8 lets a part of a string hold on to the whole, which here may be a body of many MiB. */
function copyOf(text: string): string {
  const encoding = text.isWellFormed() ? 'utf8' : 'utf16le';
  return Buffer.from(text, encoding).toString(encoding);
}

/** A control character of C0, DEL or C1. */
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

/** The index behind the terminal sequence, or the single control character, that begins at `start`. */
function endOfSequence(text: string, start: number, code: number): number {
  if (code === CSI) return endOfControlSequence(text, start + 1);
  if (isStringStart(code - 0x40)) return endOfControlString(text, start + 1);
  if (code !== ESC) return start + 1;
  const next = text.charCodeAt(start + 1);
  if (next === CSI - 0x40) return endOfControlSequence(text, start + 2);
  if (isStringStart(next)) return endOfControlString(text, start + 2);
  return endOfEscape(text, start + 1);
}

/** Of the seven-bit forms of DCS, SOS, OSC, PM and APC. */
function isStringStart(code: number): boolean {
  return code === 0x50 || code === 0x58 || code === 0x5d || code === 0x5e || code === 0x5f;
}

function endOfControlSequence(text: string, start: number): number {
  let index = start;
  while (isBetween(text.charCodeAt(index), 0x20, 0x3f)) index += 1;
  return isBetween(text.charCodeAt(index), 0x40, 0x7e) ? index + 1 : index;
}

/** A control string that is never closed ends with its line, so that it cannot swallow a whole traceback. */
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
