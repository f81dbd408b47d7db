/** Lets several parties wait for conditions on shared state, without polling. */
export interface Waiters {
  /** Makes every waiting party check its condition. Call after each change of the state. */
  changed(): void;
  /** Resolves when the condition holds, or when `signal` aborts. */
  until(condition: () => boolean, signal: AbortSignal): Promise<void>;
}

export function createWaiters(): Waiters {
  const checks = new Set<() => void>();
  return {
    changed: () => {
      for (const check of checks) check();
    },
    until: (condition, signal) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!signal.aborted && !condition()) return;
          checks.delete(check);
          signal.removeEventListener('abort', check);
          resolve();
        };
        checks.add(check);
        signal.addEventListener('abort', check);
        check();
      }),
  };
}
