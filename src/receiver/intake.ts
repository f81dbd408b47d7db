import { isDeduplicable, type RayEvent } from '../event/index.ts';
import type { AppendOutcome, Journal } from '../journal/index.ts';
import type { SeenEvents } from './seen-events.ts';

export type IntakeOutcome =
  | { readonly ok: true; readonly accepted: number; readonly duplicates: number }
  | Exclude<AppendOutcome, { ok: true }>;

/** Appends the new events of a batch to the journal, without duplicates. */
export interface Intake {
  /** `bytes`: size of the whole body. A batch with duplicates is charged for its new part only. */
  accept(events: readonly RayEvent[], bytes: number): Promise<IntakeOutcome>;
}

/** A batch that is being appended. */
interface Appending {
  readonly fresh: readonly RayEvent[];
  readonly settled: Promise<unknown>;
  /** Computed on first use. */
  identities?: ReadonlySet<string>;
}

/**
 * Events count as seen from the start of their append, and no longer if it fails: a refused batch
 * must not be a duplicate when Ray repeats it. A batch that shares events with one being appended
 * waits for its outcome, so that two identical posts make one set of entries.
 */
export function createIntake(journal: Journal, seen: SeenEvents): Intake {
  const appendings = new Set<Appending>();

  function claim(event: RayEvent): boolean {
    return !isDeduplicable(event) || seen.claim(event.session, event.eventId);
  }

  function forget(events: readonly RayEvent[]): void {
    for (const event of events) if (isDeduplicable(event)) seen.forget(event.session, event.eventId);
  }

  /** An append in progress with one of these events. */
  function findUnderWay(events: readonly RayEvent[]): Appending | undefined {
    for (const appending of appendings) {
      appending.identities ??= new Set(appending.fresh.filter(isDeduplicable).map(identityOf));
      const { identities } = appending;
      if (events.some((event) => identities.has(identityOf(event)))) return appending;
    }
    return undefined;
  }

  async function appendFresh(fresh: readonly RayEvent[], bytes: number): Promise<AppendOutcome> {
    let isKept = false;
    try {
      const outcome = await journal.append(fresh, bytes);
      isKept = outcome.ok;
      return outcome;
    } finally {
      if (!isKept) forget(fresh);
    }
  }

  async function accept(events: readonly RayEvent[], bytes: number): Promise<IntakeOutcome> {
    for (;;) {
      const repeated: RayEvent[] = [];
      const fresh = events.filter((event) => claim(event) || (repeated.push(event), false));
      const earlier = repeated.length === 0 ? undefined : findUnderWay(repeated);
      if (earlier === undefined) return appendClaimed(fresh, events.length, bytes);
      forget(fresh);
      await earlier.settled;
    }
  }

  async function appendClaimed(fresh: readonly RayEvent[], eventCount: number, bytes: number): Promise<IntakeOutcome> {
    const duplicates = eventCount - fresh.length;
    if (fresh.length === 0) return { ok: true, accepted: 0, duplicates };
    const result = appendFresh(fresh, Math.ceil((bytes * fresh.length) / eventCount));
    // A waiting batch checks again afterwards, so the outcome does not matter here.
    const appending: Appending = { fresh, settled: result.catch(() => {}) };
    appendings.add(appending);
    try {
      const outcome = await result;
      return outcome.ok ? { ok: true, accepted: fresh.length, duplicates } : outcome;
    } finally {
      appendings.delete(appending);
    }
  }

  return { accept };
}

function identityOf(event: RayEvent): string {
  return `${event.session}\n${event.eventId}`;
}
