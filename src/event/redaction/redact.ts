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

/** Ray's deepest event has eight levels. */
export const MAX_DEPTH = 32;

/** As protobuf prints one in JSON. */
const NUMBER = /^(?:-?\d{0,20}|NaN|-?Infinity)$/;
const STATE_KEY = /^(?:\d{1,10}|[A-Z][A-Z_]{0,79})$/;
const ENUM_NAME = /^[A-Z][A-Z0-9_]{0,79}$/;
/** What Ray writes into `extra_data` of a profile entry; user code may add its own. */
const EXTRA_DATA = new Set(['name', 'task_id', 'type', 'value', 'traceback']);

/** A value that is fit to be written; undefined leaves its field out. */
type Redact = (value: unknown, depth: number) => unknown;

/**
 * Every field of Ray's events, 2.49 to 2.60, by its name in camelCase, and what is done with it. A field that is not here is of a release that
 * this one does not know: only its shape is kept. Names stand for one thing in all messages, but for `metadata`.
 */
const FIELDS: ReadonlyMap<string, Redact> = bothSpellings({
  ...all(
    text,
    `sourceType eventType severity message taskType language taskName callSite actorTaskName moduleName className functionName functionHash
     signature caller state errorType errorMessage actorReprName stdoutFile stderrFile componentType nodeIpAddress eventName hostname nodeName
     instanceId instanceTypeName aliveSubState reason reasonMessage name rayNamespace reprName restartReason formattedExceptionString
     ownerIpAddress workerType exitType exitDetail strategy schedulingState submissionId driverAgentHttpAddress platform component objectKind
     objectName`,
  ),
  ...all(
    id,
    `nodeId taskId jobId parentTaskId placementGroupId actorId workerId componentId driverNodeId parentId ownerId creatorJobId creatorActorId
     softTargetNodeId`,
  ),
  ...all(time, 'timestamp startTimestamp'),
  ...all(
    plain,
    `taskAttempt attemptNumber workerPid isDebuggerPaused isDetachedActor isDetached pid port neverStarted failImmediately bundleIndex
     schedulingAttempt highestRetryDelayMs numCpus numGpus driverExitCode driverPid stdoutStart stdoutEnd stderrStart stderrEnd startTime
     endTime workerLaunchTimeMs workerLaunchedTimeMs startTimeMs endTimeMs memoryUsedBytes creationRequestReceivedNs memory`,
  ),
  ...all(
    message,
    `${PAYLOAD_NAMES.join(' ')} stateTransitions rayErrorInfo actorDiedError actorUnavailableError runtimeEnvSetupFailedError deathCause
     actorDiedErrorContext creationTaskFailureContext runtimeEnvFailedContext actorUnschedulableContext oomContext nodeDeathInfo deathInfo
     taskFunc actorFunc pythonFunctionDescriptor javaFunctionDescriptor cppFunctionDescriptor taskLogInfo profileEvents events bundles
     bundlePlacements source entrypointResources runtimeEnvInfo`,
  ),
  ...all(map, 'requiredResources labelSelector labels resources unitResources customResources'),
  taskState: states,
  eventId: identity(isEventId),
  sessionName: identity(isSession),
  serializedRuntimeEnv: (value) => (typeof value === 'string' ? redactRuntimeEnv(value) : shapeOf(value, false)),
  entrypoint: (value) => (typeof value === 'string' ? (reduceEntrypoint(value) ?? '') : shapeOf(value, false)),
  extraData: (value) => (typeof value === 'string' ? redactExtraData(value) : shapeOf(value, false)),
  config: (value, depth) => (isRawObject(value) ? redactObject(value, depth, CONFIG) : shapeOf(value, false)),
  // Of the source of a platform event; that of a job is in its `config`.
  metadata: some(['namespace', 'ray_cluster_name']),
  customFields: some(['count']),
  serializedException: leaveOut,
});

/** Metadata of a job that Ray or the bridge gave a meaning. */
const CONFIG: ReadonlyMap<string, Redact> = new Map<string, Redact>([
  ...FIELDS,
  ['metadata', some(['job_name', 'job_submission_id', 'traceparent', 'tracestate', 'ray_otel.service_name', 'ray_otel.detail'])],
]);

/** Of an event of an unknown type these fields of its envelope tell where it came from; each only in the form that Ray writes. */
const UNKNOWN_ENVELOPE: ReadonlyMap<string, Redact> = bothSpellings({
  eventId: form(/^[A-Za-z0-9+/]{38}==$/),
  sessionName: form(/^session_[\d_-]{1,80}$/),
  eventType: enumForm,
  sourceType: enumForm,
  severity: enumForm,
  timestamp: time,
  nodeId: form(/^[A-Za-z0-9+/]{38}==$/),
});

/** An autoscaler's event of an unknown type is shown by its envelope, as `decodeEvent` does. */
const AUTOSCALER_ENVELOPE: ReadonlyMap<string, Redact> = new Map(
  [...FIELDS].filter(([name]) => !PAYLOAD_NAMES.includes(name) && !PAYLOAD_NAMES.map(snakeName).includes(name)),
);

/**
 * A copy of a raw event (as posted, either spelling of the keys) without secrets, fit to be written to a file: runtime
 * environments reduced to names, entry points to program and script, values of unknown job metadata replaced, pickled
 * exceptions left out, every text cleaned as `decodeEvent` cleans it. What is not known to be a field of Ray's events is reduced to its
 * shape, and so is an event of an unknown type, and what is no event. An event that decodes gives the same RayEvent from its copy. Redacting
 * twice changes nothing. Pure; never throws.
 */
export function redactRawEvent(raw: unknown): unknown {
  if (!isRawObject(raw)) return shapeOf(raw, false);
  if (isKnownType(raw)) return redactObject(raw, 0, FIELDS);
  const envelope = isAutoscaler(getField(raw, 'sourceType')) ? AUTOSCALER_ENVELOPE : UNKNOWN_ENVELOPE;
  return redactObject(raw, 0, envelope, true);
}

/** `isEnvelope`: names of other fields are shown, as those of a message. */
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

function text(value: unknown): unknown {
  return typeof value === 'string' ? cleanText(value) : plain(value);
}

/** Anything else than an id is something that a sender put in the wrong place. */
function id(value: unknown): unknown {
  return value === '' || value === null || (typeof value === 'string' && isId(value)) ? value : shapeOf(value, false);
}

function isId(value: string): boolean {
  return Object.values(ID_BYTES).some((bytes) => hexFromBase64(value, bytes) !== undefined);
}

/** What is no time reads as an absent one. */
function time(value: unknown): unknown {
  return value === null || (typeof value === 'string' && parseTimestamp(value) !== undefined) ? value : shapeOf(value, false);
}

/** A number or a flag. Ray writes large numbers as texts of digits. */
function plain(value: unknown): unknown {
  if (typeof value === 'string') return NUMBER.test(value) ? value : shapeOf(value, false);
  return typeof value === 'number' || typeof value === 'boolean' || value === null ? value : shapeOf(value, false);
}

/** A message of Ray's, or a list of them. */
function message(value: unknown, depth: number): unknown {
  if (depth >= MAX_DEPTH) return '[too deep]';
  if (Array.isArray(value)) return value.map((element) => message(element, depth + 1));
  return isRawObject(value) ? redactObject(value, depth, FIELDS) : shapeOf(value, false);
}

/** Keys and values are data, and both are shown, but for values whose keys say that they are secrets. */
function map(value: unknown): unknown {
  if (!isRawObject(value)) return shapeOf(value, false);
  // As many and as long as `decodeEvent` takes.
  const entries = Object.entries(value).slice(0, MAX_MAP_KEYS);
  const usable = entries.filter(([key]) => key !== '__proto__' && key.length <= MAX_KEY_LENGTH);
  return Object.fromEntries(
    usable.map(([key, inner]) => [cleanText(key), typeof inner === 'string' ? cleanValue(key, inner) : plain(inner)]),
  );
}

/** Times by the number or the name of a state. */
function states(value: unknown): unknown {
  if (!isRawObject(value)) return shapeOf(value, false);
  const entries = Object.entries(value);
  const known = entries.filter(([key]) => STATE_KEY.test(key)).map(([key, inner]) => [key, time(inner)] as const);
  return Object.fromEntries(known.length === entries.length ? known : [...known, [OTHER_KEYS, REDACTED] as const]);
}

/** Of a map that may hold anything, what has a meaning. */
function some(names: readonly string[]): Redact {
  return (value) => {
    if (!isRawObject(value)) return shapeOf(value, false);
    const entries = Object.entries(value);
    const known = entries.filter(([key]) => names.includes(key)).map(([key, inner]) => [key, text(inner)] as const);
    return Object.fromEntries(known.length === entries.length ? known : [...known, [OTHER_KEYS, REDACTED] as const]);
  };
}

/** An identity is taken as it is or not at all. */
function identity(isGood: (value: unknown) => boolean): Redact {
  return (value) => (isGood(value) ? value : shapeOf(value, false));
}

function form(pattern: RegExp): Redact {
  return (value) => (typeof value === 'string' && pattern.test(value) ? value : shapeOf(value, false));
}

/** The name or the number of an enum's value. */
function enumForm(value: unknown): unknown {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && ENUM_NAME.test(value) && cleanText(value) === value ? value : shapeOf(value, false);
}

function leaveOut(): undefined {
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

function all(redact: Redact, names: string): Record<string, Redact> {
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, redact]));
}

function bothSpellings(fields: Readonly<Record<string, Redact>>): ReadonlyMap<string, Redact> {
  return new Map(Object.entries(fields).flatMap(([name, redact]) => [[name, redact] as const, [snakeName(name), redact] as const]));
}
