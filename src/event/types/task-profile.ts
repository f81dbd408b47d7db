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

/** Longer `extra_data` is not looked into. UTF-16 units. */
export const MAX_EXTRA_DATA_LENGTH = 4 * 1024 * 1024;

/** How a submission took on the caller's side: one a call, and of no interest beside the call's own states. */
const SUBMIT_TASK = 'submit_task';
/** Of the entry that spans the whole execution of a task: it ends with the task. */
const WHOLE_TASK_PREFIX = 'task::';
/** How Python prints a class. */
const CLASS_PREFIX = "<class '";
const CLASS_SUFFIX = "'>";

/** `TaskProfileEvents` (`events_task_profile_events.proto`). */
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
 * An entry without one of its times is left out, with two exceptions: of the whole task the end alone is evidence, and of a submission
 * any time is.
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

/** `extra_data` is JSON text; of an entry that ended in an exception it has `type`, `value` and `traceback`. */
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
