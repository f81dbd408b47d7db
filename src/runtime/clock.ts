/** Waits `ms` milliseconds, or until `signal` aborts; never rejects. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

/** What the pipeline takes from the outside world, so that tests own time and chance. */
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
  /** Takes the listener off the parent: AbortSignal.any would keep it for the parent's whole life. */
  release(): void;
}

/** A signal that aborts with its parent, or alone. */
export function childSignal(parent: AbortSignal): ChildSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  if (parent.aborted) abort();
  parent.addEventListener('abort', abort, { once: true });
  return { signal: controller.signal, abort, release: () => parent.removeEventListener('abort', abort) };
}

/** Lets several parties wait for a condition over shared state, without polling. */
export interface ChangeBoard {
  /** Tells the waiting parties to look again. */
  changed(): void;
  /** Resolves when the condition holds, or when `signal` aborts. */
  until(condition: () => boolean, signal: AbortSignal): Promise<void>;
}

export function createChangeBoard(): ChangeBoard {
  const watchers = new Set<() => void>();
  return {
    changed: () => {
      for (const look of watchers) look();
    },
    until: (condition, signal) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!signal.aborted && !condition()) return;
          watchers.delete(look);
          signal.removeEventListener('abort', look);
          resolve();
        };
        watchers.add(look);
        signal.addEventListener('abort', look);
        look();
      }),
  };
}
