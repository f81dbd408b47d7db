import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { rayEventsToSpans } from '../../src/convert.ts';
import type { Rejection } from '../../src/event/index.ts';
import {
  createQuarantine,
  type Quarantine,
  type QuarantineEntry,
  type QuarantineEvent,
  type QuarantineOptions,
  type QuarantineProblem,
  readQuarantine,
} from '../../src/quarantine/index.ts';
import { repositoryRoot } from '../repository/source-tree.ts';
import { readRecordedEvents } from '../support/posts.ts';

export const NOW_MS = Date.UTC(2026, 10, 23, 22, 19, 22);

export interface TestQuarantine {
  readonly folder: string;
  readonly quarantine: Quarantine;
  readonly events: QuarantineEvent[];
  /** Ends the pauses of the quarantine. */
  readonly wake: () => void;
  /** Resolves when all entries are written. */
  readonly written: () => Promise<void>;
}

export async function createTestQuarantine(over: Partial<QuarantineOptions> = {}): Promise<TestQuarantine> {
  const folder = over.folder ?? join(await mkdtemp(join(tmpdir(), 'quarantine-')), 'data', 'quarantine');
  const events: QuarantineEvent[] = [];
  const sleepers: (() => void)[] = [];
  const wake = (): void => {
    for (const end of sleepers.splice(0)) end();
  };
  const quarantine = createQuarantine({
    folder,
    now: () => NOW_MS,
    sleep: (_ms, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve();
        const end = (): void => {
          signal.removeEventListener('abort', end);
          resolve();
        };
        signal.addEventListener('abort', end);
        sleepers.push(end);
      }),
    onEvent: (event) => events.push(event),
    ...over,
  });
  return {
    folder,
    quarantine,
    events,
    wake,
    written: async () => {
      while (quarantine.queuedEntries() > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    },
  };
}

export const bytesOf = (event: unknown): Uint8Array => Buffer.from(JSON.stringify(event));

/** An event of a known type, so its id and message are kept. */
export function knownEvent(eventId: string, message = ''): Record<string, unknown> {
  return { eventType: 'TASK_LIFECYCLE_EVENT', eventId, message };
}

export function invalid(message = 'In taskLifecycleEvent: taskId is missing.'): Rejection {
  return { code: 'event_field_invalid', message };
}

export function unknownType(eventType: string): Rejection {
  return { code: 'event_type_unknown', message: `The event type ${eventType} is not known.`, eventType };
}

export async function readAll(folder: string): Promise<{ entries: QuarantineEntry[]; problems: QuarantineProblem[] }> {
  const entries: QuarantineEntry[] = [];
  const problems: QuarantineProblem[] = [];
  for await (const item of readQuarantine(folder)) {
    if (item.kind === 'problem') problems.push(item);
    else entries.push(item);
  }
  return { entries, problems };
}

/** Spans of a real job. */
export function realSpans(): readonly ReadableSpan[] {
  return rayEventsToSpans(readRecordedEvents(`${repositoryRoot}/test/fixtures/recordings/features-ray-2.60.0.ndjson`)).spans;
}
