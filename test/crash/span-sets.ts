import { encodedSpans, numbersOf } from './otlp-bytes.ts';
import type { Receipt, SpanRecord } from './sink.ts';

/**
 * The spans of a run, compared with those of the undisturbed run. `<trace id><span id> <name>`
 * identifies a span.
 */
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

const jobSums = ['finished', 'failed', 'unfinished'].map((state) => `ray.job.tasks.${state}`).concat('ray.job.attempts', 'ray.job.actors');

/**
 * With a trace's budget which attempts are folded may depend on what came first, but not how many
 * there are: each job counts the same in both runs, and its folds hold what it says they do. For
 * records with their bytes.
 */
export function differencesOfSums(wanted: SpanRecord, found: SpanRecord): string[] {
  const [before, after] = [sumsOf(wanted), sumsOf(found)];
  const differences: string[] = [];
  if (before.jobs.size !== after.jobs.size) differences.push(`${after.jobs.size} jobs of ${before.jobs.size}`);
  for (const [key, { traceId, numbers }] of after.jobs) {
    const wantedNumbers = before.jobs.get(key)?.numbers;
    for (const sum of jobSums) {
      if (numbers.get(sum) !== wantedNumbers?.get(sum))
        differences.push(`job ${key}: ${sum} is ${numbers.get(sum)} instead of ${wantedNumbers?.get(sum)}`);
    }
    const folded = numbers.get('ray.job.folded_attempts') ?? 0;
    if (folded !== (after.folded.get(traceId) ?? 0))
      differences.push(`job ${key}: ${folded} attempts folded, ${after.folded.get(traceId)} in its folds`);
  }
  return differences;
}

/** Jobs by their span, and attempts that folds hold by trace. */
function sumsOf({ bodies }: SpanRecord) {
  const jobs = new Map<string, { readonly traceId: string; readonly numbers: Map<string, number> }>();
  const folded = new Map<string, number>();
  const seen = new Set<string>();
  for (const span of bodies.flatMap((body) => encodedSpans(body))) {
    const { traceId, spanId } = span;
    if (seen.has(traceId + spanId)) continue;
    seen.add(traceId + spanId);
    const numbers = numbersOf(span);
    if (numbers.has('ray.job.attempts')) jobs.set(spanId, { traceId, numbers });
    const attempts = numbers.get('ray.fold.attempts');
    if (attempts !== undefined) folded.set(traceId, (folded.get(traceId) ?? 0) + attempts);
  }
  return { jobs, folded };
}

export interface Resent {
  /**
   * Sent again because the answer did not arrive: the bridge ended first, or the backend did not
   * answer.
   */
  readonly unanswered: number;
  /** Sent again although the answer was sent to a running bridge, just before it ended. */
  readonly afterAnswer: number;
  /**
   * Of those, the most answers that had left after the one about the span: 0 is the last answer
   * before the end.
   */
  readonly answersSince: number;
  /** Sent again by the same process. */
  readonly needless: number;
}

/** `endsMs`: when the bridge was ended, on the clock of the sink. */
export function resentSpans({ spans, answeredMs }: SpanRecord, endsMs: readonly number[]): Resent {
  const answers = [...answeredMs.values()].sort((a, b) => a - b);
  let unanswered = 0;
  let afterAnswer = 0;
  let answersSince = 0;
  let needless = 0;
  const judge = (before: Receipt, again: Receipt): void => {
    const receivedMs = answeredMs.get(before.request);
    if (receivedMs === undefined) {
      unanswered += 1;
      return;
    }
    const endMs = endsMs.find((ms) => ms >= receivedMs && ms <= again.atMs);
    if (endMs === undefined) {
      needless += 1;
      return;
    }
    afterAnswer += 1;
    answersSince = Math.max(answersSince, answers.filter((ms) => ms > receivedMs && ms <= endMs).length);
  };
  for (const receipts of spans.values()) {
    for (const [index, again] of receipts.entries()) {
      const before = receipts[index - 1];
      if (before !== undefined) judge(before, again);
    }
  }
  return { unanswered, afterAnswer, answersSince, needless };
}
