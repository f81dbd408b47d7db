import type { Sleep } from './clock.ts';
import type { Result } from './result.ts';

/**
 * How often files are read again. Polled, because Kubernetes updates a mounted secret by replacing
 * a link, which file watchers miss.
 */
const POLL_INTERVAL_MS = 5000;

export interface Reloaded {
  /** The setting that names the files. */
  readonly setting: string;
  /** What the files hold now, for people: `2 tokens`. */
  readonly outcome: Result<string>;
}

/** State read from files that may change while the process runs. */
export interface Reloadable {
  /**
   * Reads the files again. Undefined when nothing changed. On a problem the previous state stays,
   * and the next poll reports it again.
   */
  reload(): Reloaded | undefined;
}

export interface WatchOptions {
  readonly sleep: Sleep;
  readonly signal: AbortSignal;
  readonly onReload: (reloaded: Reloaded) => void;
}

/** Polls the files until the signal aborts. */
export async function watchFiles(reloadables: readonly Reloadable[], { sleep, signal, onReload }: WatchOptions): Promise<void> {
  if (reloadables.length === 0) return;
  for (;;) {
    await sleep(POLL_INTERVAL_MS, signal);
    if (signal.aborted) return;
    for (const reloadable of reloadables) {
      const reloaded = reloadable.reload();
      if (reloaded !== undefined) onReload(reloaded);
    }
  }
}
