/** Returns ' (did you mean …?)' with the candidate closest to `word`, or '' when no candidate is close. */
export function suggestion(word: string, candidates: readonly string[]): string {
  let nearest: { candidate: string; distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(word.slice(0, 60), candidate);
    if (nearest === undefined || distance < nearest.distance) nearest = { candidate, distance };
  }
  const isNear =
    nearest !== undefined &&
    (nearest.distance <= 1 + nearest.candidate.length / 4 || (word.length > 4 && nearest.candidate.startsWith(word)));
  return nearest !== undefined && isNear ? ` (did you mean ${nearest.candidate}?)` : '';
}

/** Words longer than this many characters are not checked. */
const MAX_LENGTH = 100;
/** Allowed edit distance for short names. */
const MIN_TYPOS = 2;
/** Longer names allow one edit per this many characters. */
const LENGTH_PER_TYPO = 12;
/** Minimum number of words in a name for rule 2 of `nearMiss`: shorter names match too much. */
const MIN_WORDS = 4;

/**
 * Returns the candidate that `word` was most likely meant to be, or undefined. In this order:
 *
 * 1. The closest candidate that differs only in letter case and a few characters.
 * 2. The only candidate that has one word more or one word less than `word`.
 */
export function nearMiss(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > MAX_LENGTH) return undefined;
  const [written, known] = [word.toUpperCase(), candidates.map((candidate) => ({ candidate, name: candidate.toUpperCase() }))];
  let nearest: { readonly candidate: string; readonly distance: number } | undefined;
  for (const { candidate, name } of known) {
    const maxDistance = Math.max(MIN_TYPOS, Math.floor(name.length / LENGTH_PER_TYPO));
    if (Math.abs(written.length - name.length) > maxDistance) continue;
    const distance = editDistance(written, name);
    if (distance <= maxDistance && (nearest === undefined || distance < nearest.distance)) nearest = { candidate, distance };
  }
  if (nearest !== undefined) return nearest.candidate;
  const [only, ...others] = known.filter(({ name }) => isOneWordOff(written, name));
  return others.length === 0 ? only?.candidate : undefined;
}

function isOneWordOff(left: string, right: string): boolean {
  const [shorter = [], longer = []] = [left.split('_'), right.split('_')].toSorted((a, b) => a.length - b.length);
  if (shorter.length + 1 !== longer.length || longer.length < MIN_WORDS) return false;
  return longer.some((_, index) => longer.toSpliced(index, 1).join('_') === shorter.join('_'));
}

function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const substitution = (previous[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[right.length] ?? 0;
}
