/** How often files are looked at. Read anew rather than watched: a mounted secret changes by a link that is put elsewhere. */
const lookEveryMs = 5000;

export interface Reloaded {
  /** Which files: the name of their setting. */
  readonly what: string;
  readonly outcome: { readonly ok: true; readonly holds: string } | { readonly ok: false; readonly problem: string };
}

/** Something that is made of files. */
export interface Reloadable {
  /** Takes over what changed. Undefined when nothing did; on a problem the old state holds, and the next look tells it again. */
  reload(): Reloaded | undefined;
}

export interface WatchOptions {
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  readonly onReload: (reloaded: Reloaded) => void;
}

/** Looks again and again, until the signal aborts. */
export async function watch(reloadables: readonly Reloadable[], { sleep, signal, onReload }: WatchOptions): Promise<void> {
  if (reloadables.length === 0) return;
  for (;;) {
    await sleep(lookEveryMs, signal);
    if (signal.aborted) return;
    for (const reloadable of reloadables) {
      const reloaded = reloadable.reload();
      if (reloaded !== undefined) onReload(reloaded);
    }
  }
}
