import type { RayEvent, TaskDefinition, TaskLifecycle } from '../../src/event/index.ts';

/** Decoded events of one session with as little in them as possible. */

export const SESSION = 'session_2026-11-26_10-00-00_000001_1';
export const JOB = '01000000';
export const DRIVER = driverOf(JOB);
export const START_NS = 1_800_000_000_000_000_000n;
let eventCount = 0;

export function header(session = SESSION): { readonly eventId: string; readonly session: string } {
  eventCount += 1;
  return { eventId: `event-${eventCount}`, session };
}

export function driverOf(job: string): string {
  return 'f'.repeat(40) + job;
}

export function taskId(number: number, job = JOB): string {
  return number.toString(16).padStart(16, '0') + 'f'.repeat(24) + job;
}

export function actorId(number: number, job = JOB): string {
  return number.toString(16).padStart(24, '0') + job;
}

/** The id of a node or of a worker. */
export function machineId(number: number): string {
  return number.toString(16).padStart(56, '0');
}

/** States with the seconds since the start at which they were entered. */
export function timed(times: Readonly<Record<string, number>>): { readonly state: string; readonly timeNs: bigint }[] {
  return Object.entries(times).map(([state, second]) => ({ state, timeNs: secondNs(second) }));
}

export function secondNs(second: number): bigint {
  return START_NS + BigInt(Math.round(second * 1e9));
}

export function states(id: string, times: Readonly<Record<string, number>>, over: Partial<TaskLifecycle> = {}): TaskLifecycle {
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

export function jobStates(times: Readonly<Record<string, number>>, jobId = JOB): RayEvent {
  return { ...header(), type: 'job_lifecycle', jobId, transitions: timed(times) };
}

export function many(size: number, eventsOf: (number: number) => readonly RayEvent[]): RayEvent[] {
  return Array.from({ length: size }, (_, number) => eventsOf(number)).flat();
}

export function workerStates(id: string, times: Readonly<Record<string, number>>): RayEvent {
  return { ...header(), type: 'worker_lifecycle', workerId: id, transitions: timed(times) };
}

export function nodeStates(id: string, times: Readonly<Record<string, number>>): RayEvent {
  return { ...header(), type: 'node_lifecycle', nodeId: id, transitions: timed(times) };
}

export function actorStates(id: string, times: Readonly<Record<string, number>>): RayEvent {
  return { ...header(), type: 'actor_lifecycle', actorId: id, transitions: timed(times) };
}
