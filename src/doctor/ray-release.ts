import { RAY_EVENT_TYPES } from '../event/index.ts';

/** A release of Ray: 2.49.2 is [2, 49]. Patch releases do not change the event stream. */
export type RayRelease = readonly [major: number, minor: number];

export function parseRelease(version: string): RayRelease | undefined {
  const match = /^(\d{1,4})\.(\d{1,4})(?:\.|$)/.exec(version);
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}

export function isAtLeast([major, minor]: RayRelease, [minMajor, minMinor]: RayRelease): boolean {
  return major > minMajor || (major === minMajor && minor >= minMinor);
}

/** First release that posts events. */
export const FIRST_WITH_EVENTS: RayRelease = [2, 49];
/** First release with events of jobs, actors and nodes, and with `RAY_enable_ray_event`. */
export const FIRST_WITH_RAY_EVENT: RayRelease = [2, 50];
/** First release that accepts `ALL` as the list of event types. */
export const FIRST_WITH_ALL: RayRelease = [2, 54];
/** First release with the name TASK_LIFECYCLE_EVENT for TASK_EXECUTION_EVENT. */
export const FIRST_WITH_TASK_LIFECYCLE: RayRelease = [2, 51];

/** Names in the default list of Ray 2.49 and 2.50 that no event has as its type. */
const HARMLESS_EVENT_TYPES: ReadonlySet<string> = new Set(['ACTOR_TASK_EXECUTION_EVENT', 'EVENT_TYPE_UNSPECIFIED']);

export interface EventTypeList {
  readonly isAll: boolean;
  readonly names: ReadonlySet<string>;
  /** Names that no release knows. */
  readonly unknownNames: readonly string[];
}

/** Parses the list as Ray does: exact names, separated by commas, with optional spaces. */
export function parseEventTypes(text: string): EventTypeList {
  const names = new Set(
    text
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  );
  const isAll = text.trim().toUpperCase() === 'ALL';
  const unknownNames = isAll ? [] : [...names].filter((name) => !RAY_EVENT_TYPES.includes(name) && !HARMLESS_EVENT_TYPES.has(name));
  return { isAll, names, unknownNames };
}

/** Whether Ray reads a flag as on: `1` or `true` in any case, without spaces. `yes` and `on` are off. Observed with Ray 2.60. */
export function isOn(value: string | undefined): boolean {
  return /^(?:1|true)$/i.test(value ?? '');
}
