/** A busy receiver must not stop the pump: what it has not worked through fills the journal. */
const ANSWERS_IN_A_ROW_MAX = 4;
/** How long one piece of work may hold the event loop, in milliseconds. */
const DEFAULT_TURN_MS = 8;
/** The same for the background while senders wait: their bodies arrive between two turns. */
const SHORT_TURN_MS = 2;
/** So long after the last turn for an answer senders count as waiting, in milliseconds: an answer itself waits for the disk, and its sender posts again. */
const WAITING_MS = 50;

/** The right to hold the event loop for a moment. */
export interface Turn {
  /** True once the moment is over: take another turn before going on. */
  isOver(): boolean;
}

/**
 * Deals out the event loop to pieces of work, one a turn of the loop, in the order in which they asked. Work that a sender waits for comes
 * before work in the background, which gets every fifth turn at least, and a short one: what comes faster than it is worked through
 * waits in the journal for a moment, and not at its senders.
 */
export interface Turns {
  take(kind?: 'answer' | 'background'): Promise<Turn>;
}

export interface TurnsOptions {
  /** Default 8 ms. */
  readonly turnMs?: number;
  /** Whether the background has so much to do that it gets whole turns even while senders wait. Default: never. */
  readonly isBackgroundBehind?: () => boolean;
  /** A clock that never steps, in milliseconds. Default `performance.now`. */
  readonly monotonicMs?: () => number;
  /** Calls back in a later turn of the event loop. Default `setImmediate`. */
  readonly defer?: (callback: () => void) => void;
}

/**
 * Large batches, and many at once, must not keep a sender waiting past its 3 s: whoever works long asks for a turn, and the
 * sockets are served between two turns.
 */
export function createTurns(options: TurnsOptions = {}): Turns {
  const { turnMs = DEFAULT_TURN_MS, monotonicMs = () => performance.now(), defer = setImmediate } = options;
  const { isBackgroundBehind = () => false } = options;
  const answers: ((turn: Turn) => void)[] = [];
  const background: ((turn: Turn) => void)[] = [];
  let answersInARow = 0;
  let lastAnswerMs = Number.NEGATIVE_INFINITY;
  let isScheduled = false;

  function schedule(): void {
    if (isScheduled || answers.length + background.length === 0) return;
    isScheduled = true;
    defer(grantNext);
  }

  function grantNext(): void {
    isScheduled = false;
    const nowMs = monotonicMs();
    const isForAnswer = answers.length > 0 && (background.length === 0 || answersInARow < ANSWERS_IN_A_ROW_MAX);
    answersInARow = isForAnswer ? answersInARow + 1 : 0;
    if (isForAnswer) lastAnswerMs = nowMs;
    const isShort = !isForAnswer && nowMs - lastAnswerMs < WAITING_MS && !isBackgroundBehind();
    const overAtMs = nowMs + (isShort ? Math.min(SHORT_TURN_MS, turnMs) : turnMs);
    (isForAnswer ? answers : background).shift()?.({ isOver: () => monotonicMs() >= overAtMs });
    schedule();
  }

  return {
    take: (kind = 'answer') =>
      new Promise((resolve) => {
        (kind === 'answer' ? answers : background).push(resolve);
        schedule();
      }),
  };
}
