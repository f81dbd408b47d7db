import { isDeduplicable, type RayEvent } from '../event/index.ts';
import type { AppendOutcome, Journal } from '../journal/index.ts';
import type { SeenEvents } from './seen-events.ts';

export type IntakeOutcome =
  | { readonly ok: true; readonly accepted: number; readonly duplicates: number }
  | Exclude<AppendOutcome, { ok: true }>;

/** Appends the events of a batch that were not seen before. */
export interface Intake {
  /** `bytes` is the size of the whole body; a batch of which a part was seen counts for that part. */
  accept(events: readonly RayEvent[], bytes: number): Promise<IntakeOutcome>;
}

/** A batch on its way into the journal. */
interface Appending {
  readonly fresh: readonly RayEvent[];
  readonly settled: Promise<unknown>;
  /** Made when somebody asks. */
  identities?: ReadonlySet<string>;
}

/**
 * The events of a batch count as seen from its begin, and no more once its append failed: a batch that was refused must not be a
 * duplicate when it comes again. A batch with events of one that is being appended waits for that one's outcome, so that two
 * identical posts at once make one set of entries.
 */
export function createIntake(journal: Journal, seen: SeenEvents): Intake {
  const underWay = new Set<Appending>();

  function claim(event: RayEvent): boolean {
    return !isDeduplicable(event) || seen.claim(event.session, event.eventId);
  }

  function forget(events: readonly RayEvent[]): void {
    for (const event of events) if (isDeduplicable(event)) seen.forget(event.session, event.eventId);
  }

  /** One that holds one of these events. */
  function findUnderWay(events: readonly RayEvent[]): Appending | undefined {
    for (const appending of underWay) {
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
    // The one who waits looks again and sees for itself whether it went well.
    const appending: Appending = { fresh, settled: result.catch(() => {}) };
    underWay.add(appending);
    try {
      const outcome = await result;
      return outcome.ok ? { ok: true, accepted: fresh.length, duplicates } : outcome;
    } finally {
      underWay.delete(appending);
    }
  }

  return { accept };
}

function identityOf(event: RayEvent): string {
  return `${event.session}\n${event.eventId}`;
}
