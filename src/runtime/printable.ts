/** Characters that can control a terminal, fake a line, hide, or change the order of text. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const MAX_EXCERPT_LENGTH = 300;

/**
 * Makes untrusted text safe for one line of a terminal or log: line breaks and tabs become spaces,
 * unsafe characters \uXXXX.
 */
export function printable(text: string): string {
  return escapeUnsafe(text.replace(/\s*[\r\n]+\s*/g, ' ').replaceAll('\t', ' '));
}

/** `printable`, limited to 300 characters. */
export function printableExcerpt(text: string): string {
  return printable(text.length > MAX_EXCERPT_LENGTH ? `${text.slice(0, MAX_EXCERPT_LENGTH)}…` : text);
}

/** Escapes unsafe characters as JSON does, so that escaped JSON still has the same value. */
export function escapeUnsafe(text: string): string {
  return text.replace(UNSAFE, (character) => character.split('').map(escapedUnit).join(''));
}

function escapedUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
