import { escapeUnsafe, failure, type Result, success } from '../runtime/index.ts';

/** Parsers of option values: typed text in; a value, or a sentence that says what is wrong and how to write it, out. */

export type Parse<Value> = (text: string) => Result<Value>;

/** Address to listen on. `host` is a name, or an address without brackets. Port 0 lets the system choose. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Longest duration. Node's timers have 32 bits: a longer one would fire immediately. */
export const MAX_DURATION_MS = 24 * 24 * 3_600_000;

const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

const MAX_QUOTED_LENGTH = 60;

/** Makes a user's value safe to quote in a message: short, in quotes, without control characters. */
export function quoted(text: string): string {
  return escapeUnsafe(JSON.stringify(text.length > MAX_QUOTED_LENGTH ? `${text.slice(0, MAX_QUOTED_LENGTH)}…` : text));
}

/** Parses `500ms`, `5s`, `1h`, `1h30m` or `0` into milliseconds. `min` is a duration, too. */
export function duration(min = '0'): Parse<number> {
  const minMs = parseDurationMs(min) ?? 0;
  return (text) => {
    const ms = parseDurationMs(text);
    if (ms === undefined) return failure(`${quoted(text)} is not a duration; write it like 500ms, 5s, 1h or 1h30m`);
    if (ms < minMs) return failure(`${quoted(text)} is too short; the minimum is ${min}`);
    if (ms > MAX_DURATION_MS) return failure(`${quoted(text)} is too long; the maximum is 24d`);
    return success(ms);
  };
}

function parseDurationMs(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined;
  let sumMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) sumMs += Number(amount) * (MS_PER_UNIT[unit ?? ''] ?? 0);
  return Math.round(sumMs);
}

/** Parses a size into bytes: plain bytes, or with a unit such as `64MiB` or `10GB`. */
export function size(minBytes = 0): Parse<number> {
  return (text) => {
    const match = /^(\d+(?:\.\d+)?) ?(B|kB|KB|MB|GB|KiB|MiB|GiB)?$/.exec(text);
    if (match === null) return failure(`${quoted(text)} is not a size; write bytes, or a unit as in 64MiB or 10GB`);
    const bytes = Math.round(Number(match[1]) * (BYTES_PER_UNIT[match[2] ?? 'B'] ?? 1));
    if (!Number.isSafeInteger(bytes)) return failure(`${quoted(text)} is too large`);
    if (bytes < minBytes) return failure(`${quoted(text)} is too small; the minimum is ${minBytes} bytes`);
    return success(bytes);
  };
}

/** Parses a whole number that is at least `min`. */
export function count(min = 0): Parse<number> {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) return failure(`${quoted(text)} is not a whole number`);
    return value < min ? failure(`${quoted(text)} is too small; the minimum is ${min}`) : success(value);
  };
}

/** Parses one of the given words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): Parse<Word> {
  return (text) => {
    const word = words.find((candidate) => candidate === text);
    return word === undefined ? failure(`${quoted(text)} is not one of ${words.join(', ')}`) : success(word);
  };
}

/** Accepts any text. Empty text gives undefined. */
export const optionalText: Parse<string | undefined> = (text) => success(text === '' ? undefined : text);

/** Makes a parser optional: empty text gives undefined. */
export function optional<Value>(parse: Parse<Value>): Parse<Value | undefined> {
  return (text) => (text === '' ? success(undefined) : parse(text));
}

/** Parses a switch: on when the flag is present, off when it is absent or `--flag=false`. */
export const switchValue: Parse<boolean> = (text) => {
  if (text === '' || text === 'false') return success(false);
  return text === 'true' ? success(true) : failure(`${quoted(text)} is not true or false; write the flag without a value`);
};

/** Accepts any text but an empty one. `what` completes the message 'is required: …'. */
export function requiredText(what: string): Parse<string> {
  return (text) => (text === '' ? failure(`is required: ${what}`) : success(text));
}

/** Parses `host:port` or `[::1]:8080`. `:8080` means every address of the machine. */
export const listenAddress: Parse<ListenAddress> = (text) => {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]*)):(\d{1,5})$/.exec(text);
  if (match === null) {
    return failure(`${quoted(text)} is not an address; write host:port, as in 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080`);
  }
  const port = Number(match[3]);
  if (port > 65_535) return failure(`port ${port} does not exist; the maximum is 65535`);
  const host = match[1] ?? match[2] ?? '';
  return success({ host: host === '' ? '0.0.0.0' : host, port });
};

/** Parses a link pattern with the placeholder `{traceId}` and, optionally, `{spanId}`. Empty text gives undefined. */
export const traceUrlPattern: Parse<string | undefined> = (text) => {
  if (text === '') return success(undefined);
  if (!URL.canParse(text) || !/^https?:/i.test(text)) return failure('is not an http:// or https:// URL');
  if (!text.includes('{traceId}'))
    return failure('must contain {traceId}, which is replaced by the trace id, as in http://localhost:16686/trace/{traceId}');
  return success(text);
};

/** Parses an http(s) URL. The caller sends its user and password, if any, as Basic authentication. */
export const httpTarget: Parse<URL> = (text) => {
  if (text === '') return failure('is required: the URL of a bridge, as in --to http://127.0.0.1:8080');
  // Problems never quote the text: it may hold a password.
  if (!URL.canParse(text)) return failure('is not a URL; write it like http://127.0.0.1:8080');
  const url = new URL(text);
  return url.protocol === 'http:' || url.protocol === 'https:' ? success(url) : failure('must begin with http:// or https://');
};

/** Parses URLs separated by commas. Empty text gives an empty list. */
export const httpTargets: Parse<readonly URL[]> = (text) => {
  const urls: URL[] = [];
  for (const piece of text.split(',').filter((part) => part.trim() !== '')) {
    const parsed = httpTarget(piece.trim());
    if (!parsed.ok) return parsed;
    urls.push(parsed.value);
  }
  return success(urls);
};

/** Parses a factor of the recorded speed. `max` gives Infinity. */
export const replaySpeed: Parse<number> = (text) => {
  if (text === 'max') return success(Number.POSITIVE_INFINITY);
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0)
    return failure(`${quoted(text)} is not a speed; write 1 (as recorded), 10 (ten times as fast) or max`);
  return success(value);
};
