/** Waits `ms` milliseconds, or until `signal` aborts. Never rejects. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

/** Time and randomness, injected so that tests control both. */
export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly sleep: Sleep;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export const systemClock: Clock = {
  now: Date.now,
  random: Math.random,
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const finish = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const timer = setTimeout(finish, ms);
      signal.addEventListener('abort', finish, { once: true });
    }),
};

export interface ChildSignal {
  readonly signal: AbortSignal;
  abort(): void;
  /**
   * Removes the listener from the parent. `AbortSignal.any` would keep it as long as the parent
   * lives.
   */
  release(): void;
}

/** A signal that aborts with its parent, or on its own. */
export function childSignal(parent: AbortSignal): ChildSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  if (parent.aborted) abort();
  parent.addEventListener('abort', abort, { once: true });
  return { signal: controller.signal, abort, release: () => parent.removeEventListener('abort', abort) };
}

/**
 * A signal that aborts with `stop`, or after `ms`.
 *
 * `AbortSignal.any([stop, AbortSignal.timeout(ms)])` is not enough: Node holds the sources of a
 * combined signal weakly. The garbage collector can collect the timeout, which then never fires.
 * The timer here keeps its controller alive.
 * Source: https://github.com/nodejs/node/issues/57736
 */
export function withTimeLimit(stop: AbortSignal, ms: number): AbortSignal {
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort(new DOMException('The time limit was reached.', 'TimeoutError'));
  }, ms).unref();
  const either = AbortSignal.any([stop, limit.signal]);
  const disarm = (): void => {
    clearTimeout(timer);
  };
  either.addEventListener('abort', disarm, { once: true });
  return either;
}
