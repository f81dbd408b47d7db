import type { FileTexts } from './source-tree.ts';

/** A way of writing that slows a reader down, and what to write in its place. */
interface Wording {
  readonly pattern: RegExp;
  readonly instead: string;
}

/** Each pattern is looked for in every line, whatever its case. */
const BANNED: readonly Wording[] = [
  { pattern: /\b(?:told|tells?|telling)\b/, instead: 'reported, reports, says, distinguishes' },
  { pattern: /\b(?:hears?|heard)\b/, instead: 'receives, received, reads' },
  { pattern: /\bof which\b|\bfor who\b|\bof who\b/, instead: 'a sentence of its own' },
  { pattern: /\bwhoever\b/, instead: 'anyone who, the operator, the reader' },
  { pattern: /\b(?:is|are|was|were) over\b/, instead: 'ended, finished' },
  { pattern: /\bmend(?:s|ed|ing)?\b/, instead: 'fix' },
  { pattern: /\bfor good\b/, instead: 'permanently' },
  { pattern: /\banew\b/, instead: 'again' },
  { pattern: /\bgoes on\b/, instead: 'continues' },
  { pattern: /\btroubles?\b/, instead: 'problem, error' },
  { pattern: /\ba while\b|\bjust now\b/, instead: 'a time with its unit' },
  { pattern: /\bis missing: give\b/, instead: 'is required' },
  { pattern: /\bstands? (?:at|in)\b/, instead: 'is at, is in' },
  { pattern: /\bis none\b|\bwhat is none\b/, instead: 'is not a ...' },
  { pattern: /\bsomebody\b/, instead: 'a user, an operator, another program' },
  { pattern: /\b(?:re)?tak(?:e|es|en) up\b|\btook up\b/, instead: 'restored, read' },
  { pattern: /\bunfold(?:s|ed|ing)?\b/, instead: 'expand' },
];

/** Lines that keep a banned wording for a reason, each as a part of the line. */
const ALLOWED: readonly string[] = [
  // The parameter of the public API that expands rolled-up rows.
  "'unfold'",
  '`unfold`',
  '&unfold=',
  '?unfold=',
  'unfold: [',
  'unfold must ',
  // Python's own words.
  'is None',
];

/** Every use of a banned wording as one sentence; empty when there is none. */
export function wordingBreaches(files: FileTexts): string[] {
  return [...files].flatMap(([path, text]) => text.split('\n').flatMap((line, index) => lineBreaches(`${path}:${index + 1}`, line)));
}

function lineBreaches(place: string, line: string): string[] {
  if (ALLOWED.some((part) => line.includes(part))) return [];
  return BANNED.flatMap(({ pattern, instead }) => {
    const match = new RegExp(pattern, 'i').exec(line);
    return match === null ? [] : [`${place} says "${match[0]}"; write: ${instead}`];
  });
}
