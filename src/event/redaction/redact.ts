import { cleanText, cleanValue } from '../clean-text.ts';
import { isKnownType, PAYLOAD_NAMES } from '../decode.ts';
import { reduceEntrypoint } from './entrypoint.ts';
import { isAutoscaler } from '../types/autoscaler.ts';
import { isEventId, isSession } from '../header-limits.ts';
import { hexFromBase64, ID_BYTES } from '../hex-id.ts';
import { getField, isRawObject, MAX_KEY_LENGTH, MAX_MAP_KEYS, type RawObject, snakeName } from '../fields.ts';
import { REDACTED } from './redact-text.ts';
import { redactRuntimeEnv } from './runtime-env.ts';
import { OTHER_KEYS, shapeOf } from '../shape.ts';
import { MAX_EXTRA_DATA_LENGTH } from '../types/task-profile.ts';
import { parseTimestamp } from '../timestamp.ts';

/** Maximum nesting that is copied. Ray's deepest event has eight levels. */
export const MAX_DEPTH = 32;

/** A number as protobuf prints it in JSON. */
const NUMBER = /^(?:-?\d{0,20}|NaN|-?Infinity)$/;
const STATE_KEY = /^(?:\d{1,10}|[A-Z][A-Z_]{0,79})$/;
const ENUM_NAME = /^[A-Z][A-Z0-9_]{0,79}$/;
/** Keys that Ray writes to `extra_data` of a profile entry; user code may add others. */
const EXTRA_DATA = new Set(['name', 'task_id', 'type', 'value', 'traceback']);

/** Returns the redacted value; undefined drops the field. */
type Redact = (value: unknown, depth: number) => unknown;

/**
 * Redaction rule of every field of Ray's events, 2.49 to 2.60, by camelCase name. A missing field
 * is from another release, and only its shape is kept. A name has one meaning in all messages,
 * except `metadata`.
 */
const FIELDS: ReadonlyMap<string, Redact> = bothSpellings({
  ...sameRule(
    redactText,
    `sourceType eventType severity message taskType language taskName callSite actorTaskName moduleName className functionName functionHash
     signature caller state errorType errorMessage actorReprName stdoutFile stderrFile componentType nodeIpAddress eventName hostname nodeName
     instanceId instanceTypeName aliveSubState reason reasonMessage name rayNamespace reprName restartReason formattedExceptionString
     ownerIpAddress workerType exitType exitDetail strategy schedulingState submissionId driverAgentHttpAddress platform component objectKind
     objectName`,
  ),
  ...sameRule(
    redactId,
    `nodeId taskId jobId parentTaskId placementGroupId actorId workerId componentId driverNodeId parentId ownerId creatorJobId creatorActorId
     softTargetNodeId`,
  ),
  ...sameRule(redactTime, 'timestamp startTimestamp'),
  ...sameRule(
    redactScalar,
    `taskAttempt attemptNumber workerPid isDebuggerPaused isDetachedActor isDetached pid port neverStarted failImmediately bundleIndex
     schedulingAttempt highestRetryDelayMs numCpus numGpus driverExitCode driverPid stdoutStart stdoutEnd stderrStart stderrEnd startTime
     endTime workerLaunchTimeMs workerLaunchedTimeMs startTimeMs endTimeMs memoryUsedBytes creationRequestReceivedNs memory`,
  ),
  ...sameRule(
    redactMessage,
    `${PAYLOAD_NAMES.join(' ')} stateTransitions rayErrorInfo actorDiedError actorUnavailableError runtimeEnvSetupFailedError deathCause
     actorDiedErrorContext creationTaskFailureContext runtimeEnvFailedContext actorUnschedulableContext oomContext nodeDeathInfo deathInfo
     taskFunc actorFunc pythonFunctionDescriptor javaFunctionDescriptor cppFunctionDescriptor taskLogInfo profileEvents events bundles
     bundlePlacements source entrypointResources runtimeEnvInfo`,
  ),
  ...sameRule(redactMap, 'requiredResources labelSelector labels resources unitResources customResources'),
  taskState: redactStates,
  eventId: redactIdentity(isEventId),
  sessionName: redactIdentity(isSession),
  serializedRuntimeEnv: (value) => (typeof value === 'string' ? redactRuntimeEnv(value) : shapeOf(value, false)),
  entrypoint: (value) => (typeof value === 'string' ? (reduceEntrypoint(value) ?? '') : shapeOf(value, false)),
  extraData: (value) => (typeof value === 'string' ? redactExtraData(value) : shapeOf(value, false)),
  config: (value, depth) => (isRawObject(value) ? redactObject(value, depth, CONFIG) : shapeOf(value, false)),
  // This is the metadata of a platform event's source; that of a job is in its `config`.
  metadata: onlyKeys(['namespace', 'ray_cluster_name']),
  customFields: onlyKeys(['count']),
  serializedException: dropField,
});

/** Rules inside a job's `config`, with the metadata keys that Ray or the bridge defines. */
const CONFIG: ReadonlyMap<string, Redact> = new Map<string, Redact>([
  ...FIELDS,
  ['metadata', onlyKeys(['job_name', 'job_submission_id', 'traceparent', 'tracestate', 'ray_otel.service_name', 'ray_otel.detail'])],
]);

/**
 * Envelope fields of an unknown event type that show its origin, each only in the form that Ray
 * writes.
 */
const UNKNOWN_ENVELOPE: ReadonlyMap<string, Redact> = bothSpellings({
  eventId: matching(/^[A-Za-z0-9+/]{38}==$/),
  sessionName: matching(/^session_[\d_-]{1,80}$/),
  eventType: redactEnum,
  sourceType: redactEnum,
  severity: redactEnum,
  timestamp: redactTime,
  nodeId: matching(/^[A-Za-z0-9+/]{38}==$/),
});

/** Envelope fields of an autoscaler event of an unknown type, which `decodeEvent` reads. */
const AUTOSCALER_ENVELOPE: ReadonlyMap<string, Redact> = new Map(
  [...FIELDS].filter(([name]) => !PAYLOAD_NAMES.includes(name) && !PAYLOAD_NAMES.map(snakeName).includes(name)),
);

/**
 * Returns a copy of a raw event without secrets, safe to write to a file. Keys may have either
 * spelling.
 * 1. Runtime environments are reduced to names, entry points to program and script.
 * 2. Values of unknown job metadata are replaced, and pickled exceptions dropped.
 * 3. Every text is cleaned as `decodeEvent` cleans it.
 * 4. Unknown fields, unknown event types and non-events are reduced to their shape.
 *
 * An event that decodes gives the same RayEvent from its copy. Redacting twice changes nothing.
 * Pure; never throws.
 */
export function redactRawEvent(raw: unknown): unknown {
  if (!isRawObject(raw)) return shapeOf(raw, false);
  if (isKnownType(raw)) return redactObject(raw, 0, FIELDS);
  const envelope = isAutoscaler(getField(raw, 'sourceType')) ? AUTOSCALER_ENVELOPE : UNKNOWN_ENVELOPE;
  return redactObject(raw, 0, envelope, true);
}

/** With `isEnvelope`, names of unknown fields are shown as field names of a message. */
function redactObject(raw: RawObject, depth: number, fields: ReadonlyMap<string, Redact>, isEnvelope = false): RawObject {
  const copy: Record<string, unknown> = {};
  const others: (readonly [string, unknown])[] = [];
  for (const key of Object.keys(raw)) {
    const redact = fields.get(key);
    const value = redact?.(raw[key], depth + 1);
    if (redact === undefined) others.push([key, raw[key]]);
    else if (value !== undefined) copy[key] = value;
  }
  if (others.length === 0) return copy;
  const shape = shapeOf(Object.fromEntries(others), true, isEnvelope ? 0 : 1);
  return isRawObject(shape) ? { ...copy, ...shape } : copy;
}

function redactText(value: unknown): unknown {
  return typeof value === 'string' ? cleanText(value) : redactScalar(value);
}

/** Keeps an id. Any other value is not Ray's and is reduced to its shape. */
function redactId(value: unknown): unknown {
  return value === '' || value === null || (typeof value === 'string' && isId(value)) ? value : shapeOf(value, false);
}

function isId(value: string): boolean {
  return Object.values(ID_BYTES).some((bytes) => hexFromBase64(value, bytes) !== undefined);
}

/** Keeps a valid time. The decoder reads any other value as absent. */
function redactTime(value: unknown): unknown {
  return value === null || (typeof value === 'string' && parseTimestamp(value) !== undefined) ? value : shapeOf(value, false);
}

/** Keeps a number or boolean. Ray writes large numbers as decimal strings. */
function redactScalar(value: unknown): unknown {
  if (typeof value === 'string') return NUMBER.test(value) ? value : shapeOf(value, false);
  return typeof value === 'number' || typeof value === 'boolean' || value === null ? value : shapeOf(value, false);
}

/** Redacts a nested message, or a list of messages. */
function redactMessage(value: unknown, depth: number): unknown {
  if (depth >= MAX_DEPTH) return '[too deep]';
  if (Array.isArray(value)) return value.map((element) => redactMessage(element, depth + 1));
  return isRawObject(value) ? redactObject(value, depth, FIELDS) : shapeOf(value, false);
}

/** Redacts a map of user data. Keys and values are shown, unless the key announces a secret. */
function redactMap(value: unknown): unknown {
  if (!isRawObject(value)) return shapeOf(value, false);
  // The same limits as in `decodeEvent`.
  const entries = Object.entries(value).slice(0, MAX_MAP_KEYS);
  const usable = entries.filter(([key]) => key !== '__proto__' && key.length <= MAX_KEY_LENGTH);
  return Object.fromEntries(
    usable.map(([key, inner]) => [cleanText(key), typeof inner === 'string' ? cleanValue(key, inner) : redactScalar(inner)]),
  );
}

/** Redacts a map from the number or name of a state to its time. */
function redactStates(value: unknown): unknown {
  if (!isRawObject(value)) return shapeOf(value, false);
  const entries = Object.entries(value);
  const known = entries.filter(([key]) => STATE_KEY.test(key)).map(([key, inner]) => [key, redactTime(inner)] as const);
  return Object.fromEntries(known.length === entries.length ? known : [...known, [OTHER_KEYS, REDACTED] as const]);
}

/** Keeps only the named keys of a map that may contain anything. */
function onlyKeys(names: readonly string[]): Redact {
  return (value) => {
    if (!isRawObject(value)) return shapeOf(value, false);
    const entries = Object.entries(value);
    const known = entries.filter(([key]) => names.includes(key)).map(([key, inner]) => [key, redactText(inner)] as const);
    return Object.fromEntries(known.length === entries.length ? known : [...known, [OTHER_KEYS, REDACTED] as const]);
  };
}

/** Keeps an identity unchanged, or reduces it to its shape. */
function redactIdentity(isGood: (value: unknown) => boolean): Redact {
  return (value) => (isGood(value) ? value : shapeOf(value, false));
}

function matching(pattern: RegExp): Redact {
  return (value) => (typeof value === 'string' && pattern.test(value) ? value : shapeOf(value, false));
}

/** Keeps the name or number of an enum value. */
function redactEnum(value: unknown): unknown {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && ENUM_NAME.test(value) && cleanText(value) === value ? value : shapeOf(value, false);
}

function dropField(): undefined {
  return undefined;
}

function redactExtraData(value: string): string {
  if (value.length > MAX_EXTRA_DATA_LENGTH) return REDACTED;
  try {
    const extra: unknown = JSON.parse(value);
    if (!isRawObject(extra)) return REDACTED;
    const entries = Object.entries(extra).filter(([key, inner]) => EXTRA_DATA.has(key) && typeof inner === 'string');
    return JSON.stringify(Object.fromEntries(entries.map(([key, inner]) => [key, cleanText(String(inner))])));
  } catch {
    return REDACTED;
  }
}

function sameRule(redact: Redact, names: string): Record<string, Redact> {
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, redact]));
}

function bothSpellings(fields: Readonly<Record<string, Redact>>): ReadonlyMap<string, Redact> {
  return new Map(Object.entries(fields).flatMap(([name, redact]) => [[name, redact] as const, [snakeName(name), redact] as const]));
}
