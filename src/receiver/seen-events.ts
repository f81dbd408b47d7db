import { createHash } from 'node:crypto';

/** Ray's ids have 40 characters; a longer one is remembered by its hash, so that no id costs more than this. */
const MAX_KEPT_ID_LENGTH = 64;

type Generation = Map<string, Set<string>>;

/** The event ids that were accepted lately. */
export interface SeenEvents {
  has(session: string, eventId: string): boolean;
  add(session: string, eventId: string): void;
  size(): number;
}

/**
 * Remembers at least the last `maxRemembered` ids and at most twice as many: when the young generation is full, it becomes
 * the old one, and the old one is forgotten. An id that is seen again is young again.
 */
export function createSeenEvents(maxRemembered: number): SeenEvents {
  let young: Generation = new Map();
  let old: Generation = new Map();
  let youngSize = 0;
  let oldSize = 0;

  function add(session: string, eventId: string): void {
    const id = boundedId(eventId);
    if (holds(young, session, id)) return;
    if (youngSize >= maxRemembered) {
      old = young;
      oldSize = youngSize;
      young = new Map();
      youngSize = 0;
    }
    const ids = young.get(session);
    if (ids === undefined) young.set(session, new Set([id]));
    else ids.add(id);
    youngSize += 1;
  }

  return {
    has(session, eventId) {
      const id = boundedId(eventId);
      return holds(young, session, id) || holds(old, session, id);
    },
    add,
    size: () => youngSize + oldSize,
  };
}

function holds(generation: Generation, session: string, id: string): boolean {
  return generation.get(session)?.has(id) ?? false;
}

function boundedId(eventId: string): string {
  return eventId.length <= MAX_KEPT_ID_LENGTH ? eventId : createHash('sha256').update(eventId).digest('base64');
}
