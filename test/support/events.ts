import type {
  ActorDefinition,
  JobDefinition,
  ProfileEntry,
  RayEvent,
  StateTransition,
  TaskDefinition,
  TaskLifecycle,
  TaskProfile,
} from '../../src/event/index.ts';

/** Builders of decoded events of one session, with as little in them as possible. Raw ones, as Ray posts them, are in `raw-events.ts`. */

export const SESSION = 'session_2026-11-26_10-00-00_000001_1';
export const JOB = '01000000';
export const DRIVER = driverOf(JOB);
/** The time of second 0. */
export const START_NS = 1_800_000_000_000_000_000n;
let eventCount = 0;

/** States with the seconds since the start at which they were entered; a list of pairs where a state is entered twice. */
export type StateTimes = Readonly<Record<string, number>> | readonly (readonly [state: string, second: number])[];

/** Session and an event id that no other event has. */
export function header(session = SESSION): { readonly eventId: string; readonly session: string } {
  eventCount += 1;
  return { eventId: `event-${eventCount}`, session };
}

export function driverOf(job: string): string {
  return 'f'.repeat(40) + job;
}

/** The id of a task of a job, or of a call on an actor. */
export function taskId(number: number, jobOrActor = JOB): string {
  return number.toString(16).padStart(16, '0') + jobOrActor.padStart(32, 'f');
}

export function actorId(number: number, job = JOB): string {
  return number.toString(16).padStart(24, '0') + job;
}

/** The id of the task that creates an actor. */
export function creationOf(actor: string): string {
  return 'f'.repeat(16) + actor;
}

/** The id of a node or of a worker. */
export function machineId(number: number): string {
  return number.toString(16).padStart(56, '0');
}

export function timed(times: StateTimes): StateTransition[] {
  const pairs = isList(times) ? times : Object.entries(times);
  return pairs.map(([state, second]) => at(state, second));
}

/** A state and the second at which it was entered. */
export function at(state: string, second: number): StateTransition {
  return { state, timeNs: secondNs(second) };
}

export function secondNs(second: number): bigint {
  return START_NS + BigInt(Math.round(second * 1e9));
}

/** Seconds since the start. */
export function secondOf(timeNs: bigint): number {
  return Number(timeNs - START_NS) / 1e9;
}

export function states(id: string, times: StateTimes, over: Partial<TaskLifecycle> = {}): TaskLifecycle {
  return { ...header(), type: 'task_lifecycle', taskId: id, attempt: 0, transitions: timed(times), ...over };
}

export function definition(id: string, over: Partial<TaskDefinition> = {}): TaskDefinition {
  return {
    ...header(),
    type: 'task_definition',
    taskId: id,
    attempt: 0,
    taskType: 'NORMAL_TASK',
    name: 'work',
    language: 'PYTHON',
    parentTaskId: DRIVER,
    requiredResources: {},
    ...over,
  };
}

export function profile(id: string, entries: readonly ProfileEntry[], over: Partial<TaskProfile> = {}): TaskProfile {
  return { ...header(), type: 'task_profile', taskId: id, attempt: 0, componentType: 'worker', entries, ...over };
}

export function jobDefinition(over: Partial<JobDefinition> = {}): JobDefinition {
  return { ...header(), type: 'job_definition', jobId: JOB, entrypoint: 'python train.py', ...over };
}

export function jobStates(times: StateTimes, jobId = JOB): RayEvent {
  return { ...header(), type: 'job_lifecycle', jobId, transitions: timed(times) };
}

export function many(size: number, eventsOf: (number: number) => readonly RayEvent[]): RayEvent[] {
  return Array.from({ length: size }, (_, number) => eventsOf(number)).flat();
}

export function workerStates(id: string, times: StateTimes): RayEvent {
  return { ...header(), type: 'worker_lifecycle', workerId: id, transitions: timed(times) };
}

export function nodeStates(id: string, times: StateTimes): RayEvent {
  return { ...header(), type: 'node_lifecycle', nodeId: id, transitions: timed(times) };
}

export function actorDefinition(id: string, over: Partial<ActorDefinition> = {}): ActorDefinition {
  return { ...header(), type: 'actor_definition', actorId: id, isDetached: false, requiredResources: {}, ...over };
}

export function actorStates(id: string, times: StateTimes): RayEvent {
  return { ...header(), type: 'actor_lifecycle', actorId: id, transitions: timed(times) };
}

function isList(times: StateTimes): times is readonly (readonly [state: string, second: number])[] {
  return Array.isArray(times);
}
