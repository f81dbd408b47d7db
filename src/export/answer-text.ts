import { readRpcStatus } from '../otlp/index.ts';

/** What is read of a page; a status and its reason are at the top of it. */
const MAX_PAGE_CHARACTERS = 4096;

/** A server's own words in an answer, for people: the message of a google.rpc.Status in protobuf or JSON, the visible text of a page, or plain text. */
export function textOfAnswer(body: Uint8Array, contentType: string): string {
  if (contentType.startsWith('application/x-protobuf')) return readRpcStatus(body)?.message ?? '';
  const text = new TextDecoder().decode(body);
  if (/^text\/html|^application\/xhtml/i.test(contentType) || /^\s*<(?:!doctype html|html)/i.test(text)) return visibleText(text);
  return messageOfJson(text) ?? text;
}

function messageOfJson(text: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && 'message' in parsed && typeof parsed.message === 'string') return parsed.message;
  } catch {
    // Not JSON: the text itself is the message.
  }
  return undefined;
}

function visibleText(page: string): string {
  return page
    .slice(0, MAX_PAGE_CHARACTERS)
    .replaceAll(/<(script|style)\b[^>]*>.*?<\/\1>/gis, ' ')
    .replaceAll(/<[^>]*>?/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
