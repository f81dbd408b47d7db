import type { EntryKind, QuarantineEntry, QuarantineProblem } from '../quarantine/index.ts';
import { readQuarantine } from '../quarantine/index.ts';
import { done, type Outcome, failed } from './command.ts';

/** Entries that a command works on. */
export interface Selection {
  /** Ids of entries. Empty for all. */
  readonly ids: ReadonlySet<string>;
  readonly kind: EntryKind | 'all';
  readonly code: string | undefined;
  /** Prefix of an entry's id, event id, trace id or span id. */
  readonly idPrefix: string | undefined;
}

/** Selected entries in the order of the files. Calls `onProblem` with damaged lines. */
export async function* selectEntries(
  folder: string,
  selection: Selection,
  onProblem: (problem: QuarantineProblem) => void,
): AsyncGenerator<QuarantineEntry, void, undefined> {
  for await (const item of readQuarantine(folder)) {
    if (item.kind === 'problem') onProblem(item);
    else if (isSelected(item, selection)) yield item;
  }
}

function isSelected(entry: QuarantineEntry, { ids, kind, code, idPrefix }: Selection): boolean {
  if (ids.size > 0 && !ids.has(entry.id)) return false;
  if (kind !== 'all' && entry.kind !== kind) return false;
  if (code !== undefined && entry.code !== code) return false;
  return idPrefix === undefined || idsOf(entry).some((id) => id.startsWith(idPrefix));
}

function idsOf(entry: QuarantineEntry): readonly string[] {
  if (entry.kind === 'span') return [entry.id, entry.traceId, entry.spanId];
  const event: Readonly<Record<string, unknown>> = typeof entry.event === 'object' ? { ...entry.event } : {};
  return [entry.id, event['eventId'], event['event_id']].filter((id) => typeof id === 'string');
}

/** Fails when an id of the selection is not in `found`. */
export function checkIds({ ids }: Selection, found: readonly string[]): Outcome {
  const foundIds = new Set(found);
  const absent = [...ids].filter((id) => !foundIds.has(id));
  if (absent.length === 0) return done;
  const named = absent.slice(0, 5).map((id) => JSON.stringify(id.slice(0, 60)));
  return failed(`not in quarantine, or not selected: ${named.join(', ')}${absent.length > named.length ? ' and others' : ''}`);
}

export function formatEntries(count: number): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? 'entry' : 'entries'}`;
}
