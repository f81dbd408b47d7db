import { decodeActorDefinition } from './types/actor-definition.ts';
import { decodeActorLifecycle } from './types/actor-lifecycle.ts';
import { decodeActorTaskDefinition } from './types/actor-task-definition.ts';
import { decodeAutoscaler, isAutoscaler } from './types/autoscaler.ts';
import { cleanText, cutText } from './clean-text.ts';
import { decodeDriverJobDefinition } from './types/driver-job-definition.ts';
import { decodeDriverJobLifecycle } from './types/driver-job-lifecycle.ts';
import { type Draft, getField, isRawObject, Problem, type RawObject, readId, readObject, setDefined } from './fields.ts';
import { isEventId, isSession, MAX_EVENT_ID_LENGTH, MAX_SESSION_LENGTH } from './header-limits.ts';
import { ID_BYTES } from './hex-id.ts';
import { decodeNodeDefinition } from './types/node-definition.ts';
import { decodeNodeLifecycle } from './types/node-lifecycle.ts';
import type { PayloadDecoder } from './payload.ts';
import { decodePlacementGroupDefinition } from './types/placement-group-definition.ts';
import { decodePlacementGroupLifecycle } from './types/placement-group-lifecycle.ts';
import { decodePlatform } from './types/platform.ts';
import type { EventHeader, RayEvent } from './ray-event.ts';
import type { Decoded, Rejection, RejectionCode } from './rejection.ts';
import { decodeSubmissionJobDefinition } from './types/submission-job-definition.ts';
import { decodeSubmissionJobLifecycle } from './types/submission-job-lifecycle.ts';
import { decodeTaskDefinition } from './types/task-definition.ts';
import { decodeTaskExecution } from './types/task-execution.ts';
import { decodeTaskLifecycle } from './types/task-lifecycle.ts';
import { decodeTaskProfile } from './types/task-profile.ts';
import { decodeWorkerDefinition } from './types/worker-definition.ts';
import { decodeWorkerLifecycle } from './types/worker-lifecycle.ts';

/** Maximum length of an unknown type name in a rejection, in UTF-16 units. */
const MAX_QUOTED_LENGTH = 80;
/** Names and numbers of Ray's enums. Any other text could be a secret and is not shown. */
const TYPE_NAME = /^(?:[A-Z][A-Z0-9_]*|-?\d+(?:\.\d+)?)$/;
const NO_TYPE_NAME = 'OTHER';

interface EventType {
  readonly name: string;
  /**
   * Number in `RayEvent.EventType`. An emitter newer than Ray's agent sends it in place of the
   * name.
   */
  readonly number: number;
  /** Field of the envelope that holds the payload. */
  readonly payload: string;
  readonly decode: PayloadDecoder;
}

function eventType(name: string, number: number, payload: string, decode: PayloadDecoder): EventType {
  return { name, number, payload, decode };
}

/** Every event type of Ray 2.49 to 2.60. A new type is one row here and one file in `types/`. */
const EVENT_TYPES: readonly EventType[] = [
  eventType('TASK_DEFINITION_EVENT', 1, 'taskDefinitionEvent', decodeTaskDefinition),
  eventType('TASK_EXECUTION_EVENT', 2, 'taskExecutionEvent', decodeTaskExecution),
  eventType('TASK_LIFECYCLE_EVENT', 2, 'taskLifecycleEvent', decodeTaskLifecycle),
  eventType('ACTOR_TASK_DEFINITION_EVENT', 3, 'actorTaskDefinitionEvent', decodeActorTaskDefinition),
  eventType('TASK_PROFILE_EVENT', 4, 'taskProfileEvents', decodeTaskProfile),
  eventType('DRIVER_JOB_DEFINITION_EVENT', 5, 'driverJobDefinitionEvent', decodeDriverJobDefinition),
  eventType('DRIVER_JOB_LIFECYCLE_EVENT', 6, 'driverJobLifecycleEvent', decodeDriverJobLifecycle),
  eventType('NODE_DEFINITION_EVENT', 7, 'nodeDefinitionEvent', decodeNodeDefinition),
  eventType('NODE_LIFECYCLE_EVENT', 8, 'nodeLifecycleEvent', decodeNodeLifecycle),
  eventType('ACTOR_DEFINITION_EVENT', 9, 'actorDefinitionEvent', decodeActorDefinition),
  eventType('ACTOR_LIFECYCLE_EVENT', 10, 'actorLifecycleEvent', decodeActorLifecycle),
  eventType('PLACEMENT_GROUP_DEFINITION_EVENT', 11, 'placementGroupDefinitionEvent', decodePlacementGroupDefinition),
  eventType('PLACEMENT_GROUP_LIFECYCLE_EVENT', 12, 'placementGroupLifecycleEvent', decodePlacementGroupLifecycle),
  eventType('SUBMISSION_JOB_DEFINITION_EVENT', 13, 'submissionJobDefinitionEvent', decodeSubmissionJobDefinition),
  eventType('SUBMISSION_JOB_LIFECYCLE_EVENT', 14, 'submissionJobLifecycleEvent', decodeSubmissionJobLifecycle),
  eventType('PLATFORM_EVENT', 15, 'platformEvent', decodePlatform),
  eventType('WORKER_DEFINITION_EVENT', 17, 'workerDefinitionEvent', decodeWorkerDefinition),
  eventType('WORKER_LIFECYCLE_EVENT', 16, 'workerLifecycleEvent', decodeWorkerLifecycle),
];

/** Payload fields of the envelope. An event fills exactly one. */
export const PAYLOAD_NAMES: readonly string[] = EVENT_TYPES.map(({ payload }) => payload);

/** Names of `RayEvent.EventType`. TASK_EXECUTION_EVENT is the name of TASK_LIFECYCLE_EVENT in 2.49 and 2.50. */
export const RAY_EVENT_TYPES: readonly string[] = EVENT_TYPES.map(({ name }) => name);

const TYPES_BY_NAME = new Map(EVENT_TYPES.map((type) => [type.name, type]));

/**
 * Decodes one element of a posted array into a `RayEvent`, or returns a rejection. The input is
 * `RayEvent` of Ray's `events_base_event.proto` as JSON, with camelCase or snake_case keys. Unknown
 * fields are ignored; unknown enum values stay as text. Pure; never throws.
 */
export function decodeEvent(raw: unknown): Decoded<RayEvent> {
  if (!isRawObject(raw)) return reject('event_not_object', 'The event is not a JSON object.');
  const sentType = getField(raw, 'eventType');
  if (typeof sentType !== 'string' && typeof sentType !== 'number') {
    return reject('event_type_missing', 'The event has no eventType.');
  }
  const session = getField(raw, 'sessionName');
  if (!isSession(session)) {
    return reject(
      'event_session_invalid',
      `sessionName is not a string of 1 to ${MAX_SESSION_LENGTH} characters without control characters.`,
    );
  }
  const problem = new Problem();
  const header = readHeader(raw, session, problem);
  const type = findType(sentType, raw);
  if (type === undefined) return decodeUnknown(raw, sentType, header, problem);

  const body = readObject(raw, type.payload, problem);
  if (body === undefined && problem.message === undefined) {
    return reject('event_payload_missing', `The event is a ${type.name} but has no ${type.payload}.`);
  }
  const event = type.decode({ body: body ?? {}, header, envelope: raw, problem });
  return finish(event, problem, type.payload);
}

/**
 * Whether a second event with the same `eventId` is a duplicate. Platform events reuse the id for
 * updates.
 */
export function isDeduplicable(event: RayEvent): boolean {
  return event.type !== 'cluster_point' || event.source !== 'platform';
}

function readHeader(raw: RawObject, session: string, problem: Problem): EventHeader {
  const eventId = getField(raw, 'eventId');
  const isId = isEventId(eventId);
  if (!isId) problem.report('eventId', `is not a string of 1 to ${MAX_EVENT_ID_LENGTH} characters without control characters`);
  const header: Draft<EventHeader> = { eventId: isId ? eventId : '', session };
  setDefined(header, 'emitterNodeId', readId(raw, 'nodeId', ID_BYTES.node, problem));
  return header;
}

/** Whether the event is of a type that Ray 2.49 to 2.60 sends. */
export function isKnownType(raw: RawObject): boolean {
  const sent = getField(raw, 'eventType');
  return (typeof sent === 'string' || typeof sent === 'number') && findType(sent, raw) !== undefined;
}

/**
 * Finds the row of a type. Number 2 has two names, before and since 2.51; the filled payload field
 * decides.
 */
function findType(sent: string | number, raw: RawObject): EventType | undefined {
  if (typeof sent === 'string') return TYPES_BY_NAME.get(sent);
  const candidates = EVENT_TYPES.filter((type) => type.number === sent);
  return candidates.find((type) => getField(raw, type.payload) !== undefined) ?? candidates[0];
}

function decodeUnknown(raw: RawObject, sentType: string | number, header: EventHeader, problem: Problem): Decoded<RayEvent> {
  const name = shownType(sentType);
  if (isAutoscaler(getField(raw, 'sourceType'))) {
    const point = decodeAutoscaler({ body: raw, header, envelope: raw, problem }, name);
    if (problem.message === undefined) return accept(point, problem);
  }
  const rejection = { code: 'event_type_unknown', message: `The event type ${name} is not known.`, eventType: name } as const;
  return { ok: false, rejection };
}

/** Returns the form of an unknown type name that is safe for logs and metrics. */
function shownType(sentType: string | number): string {
  const name = cutText(cleanText(String(sentType)), MAX_QUOTED_LENGTH);
  return TYPE_NAME.test(name) ? name : NO_TYPE_NAME;
}

function finish(event: RayEvent, problem: Problem, payload: string): Decoded<RayEvent> {
  if (problem.message === undefined) return accept(event, problem);
  return reject('event_field_invalid', `In ${payload}: ${problem.message}.`);
}

function accept(event: RayEvent, { ignoredTimes }: Problem): Decoded<RayEvent> {
  return ignoredTimes === 0 ? { ok: true, event } : { ok: true, event, ignoredTimes };
}

function reject(code: RejectionCode, message: string): { readonly ok: false; readonly rejection: Rejection } {
  return { ok: false, rejection: { code, message } };
}
