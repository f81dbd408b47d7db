/** A busy receiver must not stop the pump: what it has not worked through fills the journal. */
const ANSWERS_IN_A_ROW_MAX = 4;
/** How long one piece of work may hold the event loop, in milliseconds. */
const DEFAULT_TURN_MS = 8;

/** The right to hold the event loop for a moment. */
export interface Turn {
  /** True once the moment is over: take another turn before going on. */
  isOver(): boolean;
}

/**
 * Deals out the event loop to pieces of work, one a turn of the loop, in the order in which they asked. Work that a sender waits for comes
 * before work in the background, which gets every fifth turn at least.
 */
export interface Turns {
  take(kind?: 'answer' | 'background'): Promise<Turn>;
}

export interface TurnsOptions {
  /** Default 8 ms. */
  readonly turnMs?: number;
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
  const answers: ((turn: Turn) => void)[] = [];
  const background: ((turn: Turn) => void)[] = [];
  let answersInARow = 0;
  let isScheduled = false;

  function schedule(): void {
    if (isScheduled || answers.length + background.length === 0) return;
    isScheduled = true;
    defer(grantNext);
  }

  function grantNext(): void {
    isScheduled = false;
    const overAtMs = monotonicMs() + turnMs;
    const isForAnswer = answers.length > 0 && (background.length === 0 || answersInARow < ANSWERS_IN_A_ROW_MAX);
    answersInARow = isForAnswer ? answersInARow + 1 : 0;
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
