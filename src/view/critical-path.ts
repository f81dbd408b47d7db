import { calledActorOf } from './called-actor.ts';
import type { Pace } from './pace.ts';
import type { AttemptView } from './records.ts';
import { sortInTurns } from './sort-in-turns.ts';
import { PENDING_STAGES } from './stage.ts';
import { earlier } from './times.ts';

/**
 * What determined when a job ended, or what it has been waiting for until now.
 *
 * Ray tells who called a task and when it was in which state. It does not tell what a caller waited for, nor which task made the arguments of another. So
 * the path is followed from the end backwards, by rules:
 * 1. Of the tasks that a task (or the driver) called, it waited for the one that ended last before the moment that is looked at. Up to there the time is the
 *    caller's own; from there on it is that task's.
 * 2. A task that ended after its caller is taken for one that the caller's caller waited for.
 * 3. Where nothing ended before, the time is the task's own, back to when it began to run; then its waiting, for a worker, a node, its arguments; then its
 *    earlier attempts. From its submission it goes on in its caller. A call on an actor waits for no node: it waits at its actor, which may be in creation.
 * 4. Who waited for its arguments got them of the task of the same caller that ended last before they were there: the time goes on in that one.
 * Each moment belongs to one step, so the steps add up to the whole. Tasks of which no end was told are left out when the job is over, since nobody can have
 * waited for them; while it runs, those that are open end now.
 */
export interface CriticalPath {
  /** In the order of time: each begins where the one before ends. */
  readonly steps: readonly PathStep[];
  /** Tasks that were not looked at because there are too many. */
  readonly tasksLeftOut: number;
}

export const PATH_PHASES = ['arguments', 'retry', 'node', 'worker', 'running', 'unknown'] as const;

export type PathPhase = (typeof PATH_PHASES)[number];

export interface PathStep {
  /** Undefined: the driver. */
  readonly attempt: AttemptView | undefined;
  /** `worker`: at its worker or actor. `retry`: from the end of one attempt to when the next one goes on, whose delay Ray notes as a wait for arguments. `unknown`: Ray did not tell when it began to run. */
  readonly phase: PathPhase;
  readonly startMs: number;
  readonly endMs: number;
  /** Of a wait for arguments that the step before is taken to have made. */
  readonly isHandedOn: boolean;
}

export interface PathInput {
  /** The last attempts of the tasks that have a row, in any order. */
  readonly tasks: readonly AttemptView[];
  readonly startMs: number;
  /** When the job ended, or the present. */
  readonly endMs: number;
  readonly isOver: boolean;
  readonly maxTasks: number;
}

/** Ray notes a moment of waiting for arguments of every task: what is shorter is no wait for another task. */
const ARGUMENTS_WAIT_MIN_MS = 5;
/** Callers that a task may have outlived: a bound for damaged streams. */
const OUTLIVED_MAX = 100;

interface Place {
  /** Undefined: the driver. */
  readonly attempt: AttemptView | undefined;
  readonly startMs: number;
  /** NaN: it is not known to have run. */
  readonly runningMs: number;
  readonly endMs: number;
  /** Tasks that it may have waited for, by their end. Those after the moment that is looked at are taken off. */
  awaited: Place[];
}

/** Gives way to the rest of the bridge while it looks. */
export async function findCriticalPath(input: PathInput, pace: Pace): Promise<CriticalPath> {
  const { startMs, endMs } = input;
  const driver: Place = { attempt: undefined, startMs, runningMs: startMs, endMs, awaited: [] };
  const places = await placesOf(input, pace);
  const callerOf = (place: Place): Place => {
    const parent = place.attempt?.parentTaskId;
    return (parent === undefined ? undefined : places.get(parent)) ?? driver;
  };
  for (const place of places.values()) {
    if (pace.isDue()) await pace.rest();
    awaiterOf(place, callerOf).awaited.push(place);
  }
  for (const place of [driver, ...places.values()]) {
    if (pace.isDue()) await pace.rest();
    if (place.awaited.length > 1) place.awaited = await sortInTurns(place.awaited, byEnd, pace);
  }

  const steps: PathStep[] = [];
  let atMs = endMs;
  /** The time from `fromMs` to the moment that is looked at; then that is `fromMs`. */
  const give = (attempt: AttemptView | undefined, phase: PathPhase, fromMs: number, isHandedOn = false): void => {
    const stepMs = Math.max(fromMs, startMs);
    if (!(stepMs < atMs)) return;
    steps.push({ attempt, phase, startMs: stepMs, endMs: atMs, isHandedOn });
    atMs = stepMs;
  };
  const left = new Set<Place>();
  let place = driver;
  for (;;) {
    if (pace.isDue()) await pace.rest();
    const { attempt, runningMs } = place;
    const awaited = Number.isNaN(runningMs) ? undefined : takeLast(place.awaited, runningMs, atMs);
    if (awaited !== undefined) {
      give(attempt, 'running', awaited.endMs);
      place = awaited;
      continue;
    }
    give(attempt, 'running', runningMs);
    if (attempt === undefined) break;
    const caller = callerOf(place);
    const maker = giveWaits(attempt, atMs, give, (fromMs, toMs) => lastOf([caller, awaiterOf(place, callerOf)], fromMs, toMs, atMs));
    left.add(place);
    place = maker ?? (left.has(caller) ? driver : caller);
  }
  return { steps: steps.toReversed(), tasksLeftOut: Math.max(0, input.tasks.length - input.maxTasks) };
}

async function placesOf({ tasks, endMs, isOver, maxTasks }: PathInput, pace: Pace): Promise<ReadonlyMap<string, Place>> {
  const places = new Map<string, Place>();
  for (const attempt of tasks.slice(0, maxTasks)) {
    if (pace.isDue()) await pace.rest();
    const { stage, runningMs } = attempt;
    if (Number.isNaN(attempt.startMs) || stage === 'unfinished' || (isOver && Number.isNaN(attempt.endMs))) continue;
    let { startMs } = attempt;
    for (let each = attempt.previous; each !== undefined; each = each.previous) if (each.startMs < startMs) ({ startMs } = each);
    const ownEndMs = Number.isNaN(attempt.endMs) ? endMs : attempt.endMs;
    places.set(attempt.taskId, { attempt, startMs, runningMs, endMs: ownEndMs, awaited: [] });
  }
  return places;
}

/** The nearest caller that did not end before it. */
function awaiterOf(place: Place, callerOf: (place: Place) => Place): Place {
  let caller = callerOf(place);
  for (let outlived = 0; caller.attempt !== undefined && caller.endMs < place.endMs; outlived += 1) {
    if (outlived >= OUTLIVED_MAX) break;
    caller = callerOf(caller);
  }
  return caller;
}

/** The moment that is looked at only goes back, so that what ended after it is not looked at again. */
function takeLast(awaited: Place[], fromMs: number, toMs: number): Place | undefined {
  while ((awaited.at(-1)?.endMs ?? 0) > toMs) awaited.pop();
  return (awaited.at(-1)?.endMs ?? Number.NaN) > fromMs ? awaited.pop() : undefined;
}

function lastOf(callers: readonly Place[], fromMs: number, toMs: number, atMs: number): Place | undefined {
  const untilMs = Math.min(toMs, atMs);
  let last: Place | undefined;
  let from: Place[] = [];
  for (const { awaited } of callers) {
    while ((awaited.at(-1)?.endMs ?? 0) > untilMs) awaited.pop();
    const each = awaited.at(-1);
    if (each === undefined || !(each.endMs > fromMs) || (last !== undefined && byEnd(each, last) <= 0)) continue;
    last = each;
    from = awaited;
  }
  if (last !== undefined) from.pop();
  return last;
}

/** The task that is taken to have made its arguments, if there is one; else its waiting is given back to its submission. */
function giveWaits(
  last: AttemptView,
  nowMs: number,
  give: (attempt: AttemptView, phase: PathPhase, fromMs: number, isHandedOn?: boolean) => void,
  makerOf: (fromMs: number, toMs: number) => Place | undefined,
): Place | undefined {
  let untilMs = last.stage === 'pending_args' ? nowMs : last.runningMs;
  for (let attempt: AttemptView | undefined = last; attempt !== undefined; attempt = attempt.previous) {
    const { startMs, nodeWaitMs, workerWaitMs, previous } = attempt;
    if (attempt !== last) {
      give(attempt, 'retry', attempt.endMs);
      if (!Number.isNaN(attempt.runningMs)) give(attempt, 'running', attempt.runningMs);
      untilMs = attempt.runningMs;
    }
    const isTold = !Number.isNaN(untilMs) || PENDING_STAGES.includes(attempt.stage);
    // Where RUNNING is not told the last wait that is known may have been followed by running: whose the time was is unknown.
    const wait = (phase: PathPhase, laterMs: readonly number[]): PathPhase =>
      isTold || laterMs.some((ms) => !Number.isNaN(ms)) ? phase : 'unknown';
    const isCall = calledActorOf(attempt.taskId) !== undefined;
    give(attempt, wait('worker', []), isCall && isTold ? earlier(workerWaitMs, nodeWaitMs) : workerWaitMs);
    give(attempt, wait(isCall ? 'worker' : 'node', [workerWaitMs]), nodeWaitMs);
    const argumentsEndMs = [nodeWaitMs, workerWaitMs, untilMs].find((ms) => !Number.isNaN(ms)) ?? Number.NaN;
    const canHaveMaker = previous === undefined && argumentsEndMs - startMs >= ARGUMENTS_WAIT_MIN_MS;
    const maker = canHaveMaker ? makerOf(startMs, argumentsEndMs) : undefined;
    if (maker !== undefined) {
      give(attempt, 'arguments', maker.endMs, true);
      return maker;
    }
    give(attempt, wait(attempt.number === 0 ? 'arguments' : 'retry', [nodeWaitMs, workerWaitMs]), startMs);
  }
  return undefined;
}

/** Of those that end together, as all that are open do: the one that was submitted last is last. */
function byEnd(a: Place, b: Place): number {
  return a.endMs - b.endMs || a.startMs - b.startMs || ((a.attempt?.taskId ?? '') < (b.attempt?.taskId ?? '') ? -1 : 1);
}
