import { parseMessage, type RecordedEvent, type RecordedPost } from './read.ts';

export type RawEvents = { readonly ok: true; readonly events: readonly unknown[] } | { readonly ok: false; readonly message: string };

/** The events that an item of a recording holds, as Ray sent them, not decoded. */
export function rawEventsOf(item: RecordedPost | RecordedEvent): RawEvents {
  if (item.kind === 'event') return { ok: true, events: [item.event] };
  try {
    const body: unknown = JSON.parse(item.body);
    return { ok: true, events: Array.isArray(body) ? body : [body] };
  } catch (error) {
    return { ok: false, message: `the recorded body is not JSON: ${parseMessage(error)}` };
  }
}
