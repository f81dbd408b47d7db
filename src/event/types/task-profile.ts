import {
  type Draft,
  isRawObject,
  type Problem,
  type RawObject,
  getField,
  readEpochNs,
  readId,
  readInt32,
  readList,
  readMessage,
  readName,
  readObject,
  setDefined,
} from '../fields.ts';
import { ID_BYTES } from '../hex-id.ts';
import type { Payload } from '../payload.ts';
import type { ProfileEntry, TaskProfile, TimeNs } from '../ray-event.ts';

/** Maximum length of `extra_data` that is parsed. UTF-16 units. */
export const MAX_EXTRA_DATA_LENGTH = 4 * 1024 * 1024;

/**
 * Entry of the time that the caller spent on a submission, one a call. The states of the call
 * contain it.
 */
const SUBMIT_TASK = 'submit_task';
/** Prefix of the entry for the whole execution of a task, which ends with the task. */
const WHOLE_TASK_PREFIX = 'task::';
/** How Python prints a class: `<class 'ValueError'>`. */
const CLASS_PREFIX = "<class '";
const CLASS_SUFFIX = "'>";

/** Decodes `TaskProfileEvents` (`events_task_profile_events.proto`). */
export function decodeTaskProfile({ body, header, problem }: Payload): TaskProfile {
  const source = readObject(body, 'profileEvents', problem) ?? {};
  const profile: Draft<TaskProfile> = {
    eventId: header.eventId,
    session: header.session,
    type: 'task_profile',
    attempt: readInt32(body, 'attemptNumber', problem) ?? 0,
    componentType: readName(source, 'componentType', problem) ?? '',
    entries: [],
  };
  setDefined(profile, 'emitterNodeId', header.emitterNodeId);
  addEntries(profile, source, problem);
  setDefined(profile, 'taskId', readId(body, 'taskId', ID_BYTES.task, problem));
  setDefined(profile, 'jobId', readId(body, 'jobId', ID_BYTES.job, problem));
  setDefined(profile, 'workerId', readId(source, 'componentId', ID_BYTES.worker, problem));
  setDefined(profile, 'nodeIpAddress', readName(source, 'nodeIpAddress', problem));
  return profile;
}

function addEntries(profile: Draft<TaskProfile>, source: RawObject, problem: Problem): void {
  const entries: ProfileEntry[] = [];
  const list = readList(source, 'events', problem);
  for (let index = 0; index < list.length && problem.message === undefined; index += 1) {
    const entry = readEntry(list[index], problem);
    if (problem.message !== undefined) problem.prefix(`profileEvents.events[${index}]`);
    else if (entry?.name === SUBMIT_TASK) addSubmit(profile, entry);
    else if (entry !== undefined) entries.push(entry);
  }
  profile.entries = entries;
}

function addSubmit(profile: Draft<TaskProfile>, { startNs, endNs }: ProfileEntry): void {
  if (profile.submitsStartNs === undefined || startNs < profile.submitsStartNs) profile.submitsStartNs = startNs;
  if (profile.submitsEndNs === undefined || endNs > profile.submitsEndNs) profile.submitsEndNs = endNs;
}

function readEntry(raw: unknown, problem: Problem): ProfileEntry | undefined {
  if (!isRawObject(raw)) {
    problem.report('element', 'is not an object');
    return undefined;
  }
  const name = readName(raw, 'eventName', problem) ?? '';
  const times = entryTimes(name, readEpochNs(raw, 'startTime', problem), readEpochNs(raw, 'endTime', problem));
  if (times === undefined) return undefined;
  const entry: Draft<ProfileEntry> = { name, ...times };
  if (name !== SUBMIT_TASK) addException(entry, raw, problem);
  return entry;
}

/**
 * Returns the times of an entry, or undefined when one is missing. Two exceptions: the end of a
 * whole task, and either time of a submission, are evidence alone.
 */
function entryTimes(
  name: string,
  startNs: TimeNs | undefined,
  endNs: TimeNs | undefined,
): Pick<ProfileEntry, 'startNs' | 'endNs'> | undefined {
  if (startNs !== undefined && endNs !== undefined) return { startNs, endNs };
  const timeNs = name === SUBMIT_TASK ? (startNs ?? endNs) : name.startsWith(WHOLE_TASK_PREFIX) ? endNs : undefined;
  return timeNs === undefined ? undefined : { startNs: timeNs, endNs: timeNs };
}

/**
 * Reads `extra_data`, which is JSON text. An entry that ended in an exception has `type`, `value`
 * and `traceback`.
 */
function addException(entry: Draft<ProfileEntry>, raw: RawObject, problem: Problem): void {
  const extra = parseExtraData(getField(raw, 'extraData'));
  if (extra === undefined || typeof extra['traceback'] !== 'string') return;
  const type = readName(extra, 'type', problem);
  if (type !== undefined) entry.exceptionType = className(type);
  setDefined(entry, 'exceptionMessage', readMessage(extra, 'value', problem));
  setDefined(entry, 'exceptionStacktrace', readMessage(extra, 'traceback', problem));
}

function parseExtraData(text: unknown): RawObject | undefined {
  if (typeof text !== 'string' || text.length > MAX_EXTRA_DATA_LENGTH || !text.includes('"traceback"')) return undefined;
  try {
    const extra: unknown = JSON.parse(text);
    return isRawObject(extra) ? extra : undefined;
  } catch {
    return undefined;
  }
}

function className(type: string): string {
  const isPrinted = type.startsWith(CLASS_PREFIX) && type.endsWith(CLASS_SUFFIX);
  return isPrinted ? type.slice(CLASS_PREFIX.length, -CLASS_SUFFIX.length) : type;
}
