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

/**
 * An event is seen once its append succeeded, not before: a batch that was refused must not be a duplicate when it comes
 * again. A batch that shares events with one that is being appended waits for that one's outcome, so that two identical
 * posts at once make one set of entries.
 */
export function createIntake(journal: Journal, seen: SeenEvents): Intake {
  const pending = new Map<string, Promise<unknown>>();

  function findPending(events: readonly RayEvent[]): Promise<unknown> | undefined {
    if (pending.size === 0) return undefined;
    for (const event of events) {
      const appending = pending.get(pendingKey(event));
      if (appending !== undefined && isDeduplicable(event)) return appending;
    }
    return undefined;
  }

  function selectFresh(events: readonly RayEvent[]): readonly RayEvent[] {
    const inBatch = new Set<string>();
    return events.filter((event) => {
      if (!isDeduplicable(event)) return true;
      const key = pendingKey(event);
      if (inBatch.has(key) || seen.has(event.session, event.eventId)) return false;
      inBatch.add(key);
      return true;
    });
  }

  async function appendFresh(fresh: readonly RayEvent[], bytes: number): Promise<AppendOutcome> {
    const outcome = await journal.append(fresh, bytes);
    if (outcome.ok) for (const event of fresh) if (isDeduplicable(event)) seen.add(event.session, event.eventId);
    return outcome;
  }

  async function accept(events: readonly RayEvent[], bytes: number): Promise<IntakeOutcome> {
    for (let appending = findPending(events); appending !== undefined; appending = findPending(events)) await appending;
    const fresh = selectFresh(events);
    if (fresh.length === 0) return { ok: true, accepted: 0, duplicates: events.length };
    const appending = appendFresh(fresh, Math.ceil((bytes * fresh.length) / events.length));
    // The one who waits looks again and sees for itself whether it went well.
    const settled = appending.catch(() => {});
    const keys = fresh.filter(isDeduplicable).map(pendingKey);
    for (const key of keys) pending.set(key, settled);
    try {
      const outcome = await appending;
      return outcome.ok ? { ok: true, accepted: fresh.length, duplicates: events.length - fresh.length } : outcome;
    } finally {
      for (const key of keys) pending.delete(key);
    }
  }

  return { accept };
}

function pendingKey(event: RayEvent): string {
  return `${event.session}\n${event.eventId}`;
}
