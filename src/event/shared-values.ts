import { cleanText } from './clean-text.ts';
import { hexFromBase64Bytes, type IdBytes, ID_BYTES, isNilId } from './hex-id.ts';
import type { ScanBytes } from './scan-bytes.ts';
import { TextCache } from './text-cache.ts';

/** Cached names of tasks, functions, classes, files and sessions. One costs up to 600 bytes. */
const MAX_TEXTS = 4096;
/** Cached ids of nodes, workers, actors and parent tasks. One costs up to 200 bytes. */
const MAX_IDS = 4096;
/** A longer text is not cached as a name. Bytes. */
export const MAX_TEXT_LENGTH = 256;
/** Result for a nil id, which means absent. */
export const NIL_ID = '';

/**
 * Short texts that need no cleaning, one string for all events. Undefined for a text that needs
 * cleaning, which may remove a secret, and for one with a backslash, which is an escape in the
 * bytes of a body.
 */
export const PLAIN_TEXTS = new TextCache(MAX_TEXTS, MAX_TEXT_LENGTH, plainText);

const ID_CACHES: Readonly<Record<IdBytes, TextCache<string | undefined>>> = {
  [ID_BYTES.job]: idCache(ID_BYTES.job),
  [ID_BYTES.actor]: idCache(ID_BYTES.actor),
  [ID_BYTES.placementGroup]: idCache(ID_BYTES.placementGroup),
  [ID_BYTES.task]: idCache(ID_BYTES.task),
  [ID_BYTES.node]: idCache(ID_BYTES.node),
};

/**
 * Returns the cache from base64 to hex for ids of this size. It gives `NIL_ID` for nil or empty,
 * and undefined for anything but an id.
 */
export function idsOf(bytes: IdBytes): TextCache<string | undefined> {
  return ID_CACHES[bytes];
}

function plainText(bytes: ScanBytes, start: number, end: number): string | undefined {
  const text = bytes.text(start, end);
  return !text.includes('\\') && cleanText(text) === text ? text : undefined;
}

function idCache(size: IdBytes): TextCache<string | undefined> {
  return new TextCache(MAX_IDS, Math.ceil(size / 3) * 4, (bytes, start, end) => {
    if (start === end) return NIL_ID;
    const hex = hexFromBase64Bytes(bytes.bytes, start, end, size);
    return hex !== undefined && isNilId(hex) ? NIL_ID : hex;
  });
}
