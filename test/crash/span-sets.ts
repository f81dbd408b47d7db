import type { Receipt, SpanRecord } from './sink.ts';

/** What a run gave, held against the run that nothing disturbed. Spans are told by `<trace id><span id> <name>`. */
export interface Comparison {
  readonly spans: number;
  readonly missing: readonly string[];
  /** Not there in the undisturbed run. */
  readonly extra: readonly string[];
  /** Other bytes than in the undisturbed run. */
  readonly different: readonly string[];
  /** Came twice, with two contents. */
  readonly conflicting: readonly string[];
}

export function compareSpans(wanted: SpanRecord, found: SpanRecord): Comparison {
  const missing: string[] = [];
  const different: string[] = [];
  for (const [key, [first]] of wanted.spans) {
    const receipts = found.spans.get(key);
    if (receipts === undefined) missing.push(`${key} ${first?.name}`);
    else if (receipts.some(({ digest }) => digest !== first?.digest)) different.push(`${key} ${first?.name}`);
  }
  const extra: string[] = [];
  for (const [key, [first]] of found.spans) if (!wanted.spans.has(key)) extra.push(`${key} ${first?.name}`);
  return { spans: found.spans.size, missing, extra, different, conflicting: conflictingSpans(found) };
}

/** What is not as it must be, one line each; empty when the two are the same to the byte. */
export function differencesOf(comparison: Comparison): string[] {
  return (['missing', 'extra', 'different', 'conflicting'] as const).flatMap((what) => {
    const spans = comparison[what];
    return spans.length === 0 ? [] : [`${spans.length} of ${comparison.spans} spans ${what}: ${spans.slice(0, 4).join(', ')}`];
  });
}

export function conflictingSpans({ spans }: SpanRecord): string[] {
  return [...spans].flatMap(([key, receipts]) =>
    receipts.some(({ digest }) => digest !== receipts[0]?.digest) ? [`${key} ${receipts[0]?.name}`] : [],
  );
}

export interface Resent {
  /** Sent again because the answer was not heard: the bridge ended first, or the backend did not answer. */
  readonly unheard: number;
  /** Sent again although the answer had left for a bridge that was there to hear it, just before that bridge ended. */
  readonly heard: number;
  /** Of those, the most answers that had left after the one about the span: 0 is the last answer before the end. */
  readonly answersSince: number;
  /** Sent again by the same process. */
  readonly needless: number;
}

/** `endsMs`: when the bridge was ended, on the clock of the sink. */
export function resentSpans({ spans, answeredMs }: SpanRecord, endsMs: readonly number[]): Resent {
  const answers = [...answeredMs.values()].sort((a, b) => a - b);
  let unheard = 0;
  let heard = 0;
  let answersSince = 0;
  let needless = 0;
  const judge = (before: Receipt, again: Receipt): void => {
    const heardMs = answeredMs.get(before.request);
    if (heardMs === undefined) {
      unheard += 1;
      return;
    }
    const endMs = endsMs.find((ms) => ms >= heardMs && ms <= again.atMs);
    if (endMs === undefined) {
      needless += 1;
      return;
    }
    heard += 1;
    answersSince = Math.max(answersSince, answers.filter((ms) => ms > heardMs && ms <= endMs).length);
  };
  for (const receipts of spans.values()) {
    for (const [index, again] of receipts.entries()) {
      const before = receipts[index - 1];
      if (before !== undefined) judge(before, again);
    }
  }
  return { unheard, heard, answersSince, needless };
}
