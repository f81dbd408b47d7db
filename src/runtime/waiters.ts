/** Those who wait for entries, or for the end. */
export interface EntryWaits {
  /** Resolves when `isOver` is true after a change, or when `signal` aborts. */
  until(isOver: () => boolean, signal: AbortSignal): Promise<void>;
  changed(): void;
}

export function createEntryWaits(): EntryWaits {
  const wakeUps = new Set<() => void>();
  return {
    changed() {
      for (const wake of wakeUps) wake();
    },
    async until(isOver, signal) {
      if (isOver() || signal.aborted) return;
      await new Promise<void>((resolve) => {
        const finish = (): void => {
          if (!isOver() && !signal.aborted) return;
          wakeUps.delete(finish);
          signal.removeEventListener('abort', finish);
          resolve();
        };
        wakeUps.add(finish);
        signal.addEventListener('abort', finish);
      });
    },
  };
}
