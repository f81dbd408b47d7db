/** How long one piece of work may hold the event loop, in milliseconds. */
const DEFAULT_TURN_MS = 8;

/** The right to hold the event loop for a moment. */
export interface Turn {
  /** True once the moment is over: take another turn before going on. */
  isOver(): boolean;
}

/** Deals out the event loop to pieces of work, one a turn of the loop, in the order in which they asked. */
export interface Turns {
  take(): Promise<Turn>;
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
  const waiting: ((turn: Turn) => void)[] = [];
  let isScheduled = false;

  function schedule(): void {
    if (isScheduled || waiting.length === 0) return;
    isScheduled = true;
    defer(grantNext);
  }

  function grantNext(): void {
    isScheduled = false;
    const overAtMs = monotonicMs() + turnMs;
    waiting.shift()?.({ isOver: () => monotonicMs() >= overAtMs });
    schedule();
  }

  return {
    take: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        schedule();
      }),
  };
}
