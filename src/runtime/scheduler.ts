/**
 * After this many slices for answers in a row, the background gets one. A busy receiver must not
 * starve the pump and fill the journal.
 */
const MAX_ANSWERS_IN_A_ROW = 4;
/** How long one slice may hold the event loop, in milliseconds. */
const DEFAULT_SLICE_MS = 8;
/** The length of a background slice while senders wait, so that their bodies arrive sooner. */
const SHORT_SLICE_MS = 2;
/**
 * Senders count as waiting until this long after the last answer slice: an answer waits for the
 * disk, and its sender posts again.
 */
const SENDERS_WAIT_MS = 50;

/** The right to hold the event loop for a few milliseconds. */
export interface TimeSlice {
  /** True when the time has passed: take another slice before continuing. */
  hasEnded(): boolean;
}

/**
 * Shares the event loop between pieces of work: one slice in each iteration of the loop, in the
 * order of the requests.
 * 1. Work that a sender waits for (`answer`) comes before work in the background.
 * 2. The background gets at least every fifth slice.
 * 3. A background slice is short while senders wait, unless the background is behind.
 */
export interface Scheduler {
  /**
   * A slice for an answer without waiting, or undefined when the answers of this iteration of the
   * event loop have used their time, or others wait. Small posts need no iteration each.
   */
  takeNow(): TimeSlice | undefined;
  take(kind?: 'answer' | 'background'): Promise<TimeSlice>;
}

export interface SchedulerOptions {
  /** Length of a slice. Default 8 ms. */
  readonly sliceMs?: number;
  /**
   * Whether the background has so much work that it gets whole slices even while senders wait.
   * Default: never.
   */
  readonly isBackgroundBehind?: () => boolean;
  /** A clock that never steps, in milliseconds. Default `performance.now`. */
  readonly monotonicMs?: () => number;
  /** Calls back in a later iteration of the event loop. Default `setImmediate`. */
  readonly defer?: (callback: () => void) => void;
}

/**
 * Long work takes slices so that Node serves sockets between two of them: Ray gives up on a post
 * after 3 s.
 */
export function createScheduler(options: SchedulerOptions = {}): Scheduler {
  const { sliceMs = DEFAULT_SLICE_MS, monotonicMs = () => performance.now(), defer = setImmediate } = options;
  const { isBackgroundBehind = () => false } = options;
  const answers: ((slice: TimeSlice) => void)[] = [];
  const background: ((slice: TimeSlice) => void)[] = [];
  let answersInARow = 0;
  let lastAnswerMs = Number.NEGATIVE_INFINITY;
  let isScheduled = false;
  /** End of the time of answers in this iteration of the event loop; undefined at its start. */
  let iterationEndMs: number | undefined;
  const iterationSlice: TimeSlice = { hasEnded: () => iterationEndMs === undefined || monotonicMs() >= iterationEndMs };
  const endIteration = (): void => {
    iterationEndMs = undefined;
  };

  function schedule(): void {
    if (isScheduled || answers.length + background.length === 0) return;
    isScheduled = true;
    defer(grantNext);
  }

  function grantNext(): void {
    isScheduled = false;
    const nowMs = monotonicMs();
    const isForAnswer = answers.length > 0 && (background.length === 0 || answersInARow < MAX_ANSWERS_IN_A_ROW);
    answersInARow = isForAnswer ? answersInARow + 1 : 0;
    if (isForAnswer) lastAnswerMs = nowMs;
    const isShort = !isForAnswer && nowMs - lastAnswerMs < SENDERS_WAIT_MS && !isBackgroundBehind();
    const endMs = nowMs + (isShort ? Math.min(SHORT_SLICE_MS, sliceMs) : sliceMs);
    (isForAnswer ? answers : background).shift()?.({ hasEnded: () => monotonicMs() >= endMs });
    schedule();
  }

  return {
    takeNow() {
      if (answers.length > 0) return undefined;
      const nowMs = monotonicMs();
      if (iterationEndMs === undefined) {
        iterationEndMs = nowMs + sliceMs;
        defer(endIteration);
      }
      if (nowMs >= iterationEndMs) return undefined;
      lastAnswerMs = nowMs;
      return iterationSlice;
    },
    take: (kind = 'answer') =>
      new Promise((resolve) => {
        (kind === 'answer' ? answers : background).push(resolve);
        schedule();
      }),
  };
}
