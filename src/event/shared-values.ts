import { cleanText } from './clean-text.ts';
import { hexFromBase64Bytes, type IdBytes, ID_BYTES, isNilId } from './hex-id.ts';
import type { ScanBytes } from './scan-bytes.ts';
import { TextCache } from './text-cache.ts';

/** Names of tasks, functions, classes, files and sessions that are told apart at once. One costs up to 600 bytes. */
const TEXT_PLACES = 4096;
/** Nodes, workers, actors, callers of tasks. One costs up to 200 bytes. */
const ID_PLACES = 4096;
/** A longer text is no name. Bytes. */
export const MAX_TEXT_LENGTH = 256;
/** What a nil id becomes: absent. */
export const NIL_ID = '';

/**
 * Short texts that need no cleaning, each as one string for all events that hold it. Undefined for one that needs it, because
 * what cleaning takes away may be a secret, and for one with a backslash, which in the bytes of a body means something else.
 */
export const plainTexts = new TextCache(TEXT_PLACES, MAX_TEXT_LENGTH, plainText);

const ids: Readonly<Record<IdBytes, TextCache<string | undefined>>> = {
  [ID_BYTES.job]: idCache(ID_BYTES.job),
  [ID_BYTES.actor]: idCache(ID_BYTES.actor),
  [ID_BYTES.placementGroup]: idCache(ID_BYTES.placementGroup),
  [ID_BYTES.task]: idCache(ID_BYTES.task),
  [ID_BYTES.node]: idCache(ID_BYTES.node),
};

/** Base64 of an id of this size to its hex; `NIL_ID` for none, undefined for what is no such id. */
export function idsOf(bytes: IdBytes): TextCache<string | undefined> {
  return ids[bytes];
}

function plainText(bytes: ScanBytes, start: number, end: number): string | undefined {
  const text = bytes.text(start, end);
  return !text.includes('\\') && cleanText(text) === text ? text : undefined;
}

function idCache(size: IdBytes): TextCache<string | undefined> {
  return new TextCache(ID_PLACES, Math.ceil(size / 3) * 4, (bytes, start, end) => {
    if (start === end) return NIL_ID;
    const hex = hexFromBase64Bytes(bytes.bytes, start, end, size);
    return hex !== undefined && isNilId(hex) ? NIL_ID : hex;
  });
}
