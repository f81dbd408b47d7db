import { cleanText } from './clean-text.ts';
import { reduceEntrypoint } from './entrypoint.ts';
import { isRawObject, type RawObject } from './fields.ts';
import { REDACTED } from './redact-text.ts';
import { redactRuntimeEnv } from './runtime-env.ts';
import { MAX_EXTRA_DATA_LENGTH } from './task-profile.ts';

/** Ray's deepest event has eight levels. */
export const MAX_DEPTH = 32;
const TOO_DEEP = '[too deep]';

/** Metadata of a job that Ray or the bridge gave a meaning. */
const JOB_METADATA = new Set(['job_name', 'job_submission_id', 'traceparent', 'tracestate', 'ray_otel.service_name', 'ray_otel.detail']);
/** What Ray writes into `extra_data` of a profile entry; user code may add its own. */
const EXTRA_DATA = new Set(['name', 'task_id', 'type', 'value', 'traceback']);

type Redact = (value: unknown, depth: number) => unknown;

/** Fields that are not copied as they are, by their proto name without underscores in lower case. `undefined` leaves the field out. */
const REDACTIONS: ReadonlyMap<string, Redact> = new Map<string, Redact>([
  // Identities, which decodeEvent takes as they are or not at all.
  ['eventid', identityOf],
  ['sessionname', identityOf],
  ['serializedruntimeenv', (value) => (typeof value === 'string' ? redactRuntimeEnv(value) : REDACTED)],
  ['runtimeenv', () => undefined],
  ['envvars', () => undefined],
  ['uris', () => undefined],
  ['entrypoint', (value) => (typeof value === 'string' ? (reduceEntrypoint(value) ?? '') : REDACTED)],
  ['config', redactConfig],
  ['serializedexception', () => undefined],
  ['extradata', (value) => (typeof value === 'string' ? redactExtraData(value) : REDACTED)],
]);

/**
 * A copy of a raw event (as posted, either spelling of the keys) without secrets, fit to be written to a file: runtime
 * environments reduced to names, entry points to program and script, values of unknown job metadata replaced, pickled
 * exceptions left out, every text cleaned as `decodeEvent` cleans it. An event that decodes gives the same
 * RayEvent from its copy (but for a label that is named like one of these fields). Levels beyond `MAX_DEPTH` are replaced. Pure; never throws.
 */
export function redactRawEvent(raw: unknown): unknown {
  return redactValue(raw, 0);
}

function identityOf(value: unknown, depth: number): unknown {
  return typeof value === 'string' ? value : redactValue(value, depth);
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return TOO_DEEP;
  if (Array.isArray(value)) return value.map((element) => redactValue(element, depth + 1));
  return isRawObject(value) ? redactObject(value, depth) : undefined;
}

function redactObject(raw: RawObject, depth: number): RawObject {
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(raw)) {
    // Writing to it would change the copy's prototype.
    if (key === '__proto__') continue;
    const redact = REDACTIONS.get(key.replaceAll('_', '').toLowerCase()) ?? redactValue;
    const value = redact(raw[key], depth + 1);
    if (value !== undefined) copy[cleanText(key)] = value;
  }
  return copy;
}

/** A job's `config`: its metadata is the user's own, unlike that of a platform event's source. */
function redactConfig(config: unknown, depth: number): unknown {
  const copy = redactValue(config, depth);
  if (!isRawObject(copy)) return copy;
  const { metadata } = copy;
  return isRawObject(metadata) ? { ...copy, metadata: redactMetadata(metadata) } : copy;
}

function redactMetadata(metadata: RawObject): RawObject {
  const entries = Object.entries(metadata);
  return Object.fromEntries(entries.map(([key, value]) => [key, JOB_METADATA.has(key) ? value : REDACTED]));
}

function redactExtraData(text: string): string {
  if (text.length > MAX_EXTRA_DATA_LENGTH) return REDACTED;
  try {
    const extra: unknown = JSON.parse(text);
    if (!isRawObject(extra)) return REDACTED;
    const entries = Object.entries(extra).filter(([key, value]) => EXTRA_DATA.has(key) && typeof value === 'string');
    return JSON.stringify(Object.fromEntries(entries.map(([key, value]) => [key, cleanText(String(value))])));
  } catch {
    return REDACTED;
  }
}
