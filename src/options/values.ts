/** Reading of option values: text as typed by a person -> a value, or a sentence that says what is wrong and how to write it. */

export type Parsed<Value> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly problem: string };
export type Parse<Value> = (text: string) => Parsed<Value>;

/** Where to listen. `host` is a name or an address without brackets; port 0 lets the system choose. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Timers of Node count in 32 bits: one that is longer would fire at once. */
export const longestDurationMs = 24 * 24 * 3_600_000;

const durationUnitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const sizeUnitBytes: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

function good<Value>(value: Value): Parsed<Value> {
  return { ok: true, value };
}

function bad(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem };
}

/** A value of unknown origin as it may stand in a message: short, quoted, without control characters. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text).replace(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '?');
}

/** `500ms`, `5s`, `1h`, `1h30m`, `0`; in milliseconds. */
export function duration(least = '0'): Parse<number> {
  const leastMs = parseDurationMs(least) ?? 0;
  return (text) => {
    const ms = parseDurationMs(text);
    if (ms === undefined) return bad(`${quoted(text)} is not a duration; write it like 500ms, 5s, 1h or 1h30m`);
    if (ms < leastMs) return bad(`${quoted(text)} is too short; the least is ${least}`);
    if (ms > longestDurationMs) return bad(`${quoted(text)} is too long; the most is 24d`);
    return good(ms);
  };
}

function parseDurationMs(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined;
  let sumMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) sumMs += Number(amount) * (durationUnitMs[unit ?? ''] ?? 0);
  return Math.round(sumMs);
}

/** Plain bytes, or with a unit: `64MiB`, `10GB`; in bytes. */
export function size(leastBytes = 0): Parse<number> {
  return (text) => {
    const match = /^(\d+(?:\.\d+)?) ?(B|kB|KB|MB|GB|KiB|MiB|GiB)?$/.exec(text);
    if (match === null) return bad(`${quoted(text)} is not a size; write bytes, or a unit as in 64MiB or 10GB`);
    const bytes = Math.round(Number(match[1]) * (sizeUnitBytes[match[2] ?? 'B'] ?? 1));
    if (!Number.isSafeInteger(bytes)) return bad(`${quoted(text)} is too large`);
    if (bytes < leastBytes) return bad(`${quoted(text)} is too small; the least is ${leastBytes} bytes`);
    return good(bytes);
  };
}

/** A whole number from `least` on. */
export function count(least = 0): Parse<number> {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) return bad(`${quoted(text)} is not a whole number`);
    return value < least ? bad(`${quoted(text)} is too small; the least is ${least}`) : good(value);
  };
}

/** One of a few words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): Parse<Word> {
  return (text) => {
    const word = words.find((candidate) => candidate === text);
    return word === undefined ? bad(`${quoted(text)} is not one of ${words.join(', ')}`) : good(word);
  };
}

/** Any text; none is `undefined`. */
export const optionalText: Parse<string | undefined> = (text) => good(text === '' ? undefined : text);

/** As `parse` says; none is `undefined`. */
export function optional<Value>(parse: Parse<Value>): Parse<Value | undefined> {
  return (text) => (text === '' ? good(undefined) : parse(text));
}

/** On when it is given, off without it; `--flag=false` is off too. */
export const switchValue: Parse<boolean> = (text) => {
  if (text === '' || text === 'false') return good(false);
  return text === 'true' ? good(true) : bad(`${quoted(text)} is not true or false; the flag alone is enough`);
};

/** A text that must be given; `what` completes the sentence 'is missing: give …'. */
export function requiredText(what: string): Parse<string> {
  return (text) => (text === '' ? bad(`is missing: give ${what}`) : good(text));
}

/** `host:port`, `[::1]:8080`, `:8080` for every address of the machine. */
export const listenAddress: Parse<ListenAddress> = (text) => {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]*)):(\d{1,5})$/.exec(text);
  if (match === null) {
    return bad(`${quoted(text)} is not an address; write host:port, as in 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080`);
  }
  const port = Number(match[3]);
  if (port > 65_535) return bad(`port ${port} does not exist; the highest is 65535`);
  const host = match[1] ?? match[2] ?? '';
  return good({ host: host === '' ? '0.0.0.0' : host, port });
};

/** The pattern of links to traces, `{traceId}` standing for the id and `{spanId}`, if it is there, for that of a span. None is `undefined`. */
export const traceUrlPattern: Parse<string | undefined> = (text) => {
  if (text === '') return good(undefined);
  if (!URL.canParse(text) || !/^https?:/i.test(text)) return bad('is not an http:// or https:// URL');
  if (!text.includes('{traceId}'))
    return bad('needs {traceId} where the id of the trace belongs, as in http://localhost:16686/trace/{traceId}');
  return good(text);
};

/** Where to post: an http(s) URL whose user and password, if any, become Basic authentication. */
export const httpTarget: Parse<URL> = (text) => {
  if (text === '') return bad('is missing: give the URL of a bridge, as in --to http://127.0.0.1:8080');
  // The text itself is not repeated: it may hold a password.
  if (!URL.canParse(text)) return bad('is not a URL; write it like http://127.0.0.1:8080');
  const url = new URL(text);
  return url.protocol === 'http:' || url.protocol === 'https:' ? good(url) : bad('must begin with http:// or https://');
};

/** A factor of the recorded speed; `max` is Infinity. */
export const replaySpeed: Parse<number> = (text) => {
  if (text === 'max') return good(Number.POSITIVE_INFINITY);
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0)
    return bad(`${quoted(text)} is not a speed; write 1 (as recorded), 10 (ten times as fast) or max`);
  return good(value);
};
