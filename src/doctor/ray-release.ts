/** A release of Ray: 2.49.2 is [2, 49]. Patches change nothing of the event stream. */
export type RayRelease = readonly [major: number, minor: number];

export function parseRelease(version: string): RayRelease | undefined {
  const match = /^(\d{1,4})\.(\d{1,4})(?:\.|$)/.exec(version);
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}

export function isAtLeast([major, minor]: RayRelease, [leastMajor, leastMinor]: RayRelease): boolean {
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

/** The first release that posts events at all. */
export const FIRST_WITH_EVENTS: RayRelease = [2, 49];
/** The first with events of jobs, actors and nodes, and with `RAY_enable_ray_event`. */
export const FIRST_WITH_RAY_EVENT: RayRelease = [2, 50];
/** The first that takes `ALL` as list of event types. */
export const FIRST_WITH_ALL: RayRelease = [2, 54];
/** From here on TASK_EXECUTION_EVENT is TASK_LIFECYCLE_EVENT. */
export const FIRST_WITH_TASK_LIFECYCLE: RayRelease = [2, 51];

/** Values of Ray's `RayEvent.EventType`, 2.49 to 2.60. */
export const KNOWN_EVENT_TYPES: ReadonlySet<string> = new Set([
  'TASK_DEFINITION_EVENT',
  'TASK_EXECUTION_EVENT',
  'TASK_LIFECYCLE_EVENT',
  'ACTOR_TASK_DEFINITION_EVENT',
  'TASK_PROFILE_EVENT',
  'DRIVER_JOB_DEFINITION_EVENT',
  'DRIVER_JOB_LIFECYCLE_EVENT',
  'NODE_DEFINITION_EVENT',
  'NODE_LIFECYCLE_EVENT',
  'ACTOR_DEFINITION_EVENT',
  'ACTOR_LIFECYCLE_EVENT',
  'PLACEMENT_GROUP_DEFINITION_EVENT',
  'PLACEMENT_GROUP_LIFECYCLE_EVENT',
  'SUBMISSION_JOB_DEFINITION_EVENT',
  'SUBMISSION_JOB_LIFECYCLE_EVENT',
  'PLATFORM_EVENT',
  'WORKER_DEFINITION_EVENT',
  'WORKER_LIFECYCLE_EVENT',
]);

/** In Ray's own default list of 2.49 and 2.50, though no event has that type. */
const HARMLESS_EVENT_TYPES: ReadonlySet<string> = new Set(['ACTOR_TASK_EXECUTION_EVENT', 'EVENT_TYPE_UNSPECIFIED']);

export interface EventTypeList {
  readonly isAll: boolean;
  readonly names: ReadonlySet<string>;
  /** Names that no release knows. */
  readonly unknownNames: readonly string[];
}

/** Reads the list as Ray does: commas between exact names, spaces around them are fine. */
export function parseEventTypes(text: string): EventTypeList {
  const names = new Set(
    text
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  );
  const isAll = text.trim().toUpperCase() === 'ALL';
  const unknownNames = isAll ? [] : [...names].filter((name) => !KNOWN_EVENT_TYPES.has(name) && !HARMLESS_EVENT_TYPES.has(name));
  return { isAll, names, unknownNames };
}

/** Ray reads `1` and `true`, in any case and without spaces, as on; `yes` and `on` are off. Seen with 2.60. */
export function isOn(value: string | undefined): boolean {
  return /^(?:1|true)$/i.test(value ?? '');
}
