import { calledActorOf } from './called-actor.ts';
import type { Pace } from './pace.ts';
import type { AttemptView } from './records.ts';
import { sortInSlices } from './sort-in-slices.ts';
import { PENDING_STAGES } from './stage.ts';
import { earlier } from './times.ts';

/**
 * The critical path of a job: the chain of tasks that determined when the job ended, or what a
 * running job waits for.
 *
 * Ray reports the caller of each task and the times of its states. It does not report what a caller
 * waited for, nor which task produced the arguments of another. So the search goes backwards from
 * the end, by these rules:
 * 1. A task (or the driver) waited for that task among those it called that ended last before the
 *    current moment. The time after that end is the caller's own; the time before it belongs to the
 *    called task.
 * 2. If a task ended after its caller, then the caller's caller waited for it.
 * 3. If no called task ended before the current moment, the time is the task's own, back to when it
 *    began to run. Before that come its waits for a worker, a node and its arguments, then its
 *    earlier attempts. Before its submission, the path continues in its caller. A call on an actor
 *    waits for no node: it waits at its actor, even while the actor is being created.
 * 4. If a task waited for its arguments, they came from the task of the same caller that ended last
 *    before they were available. The path continues there.
 *
 * Each moment belongs to exactly one step, so the steps add up to the whole. After the end of a
 * job, tasks without an end are left out, because nothing can have waited for them. While the job
 * runs, open tasks count as ending now.
 */
export interface CriticalPath {
  /** In time order: each step begins where the one before ends. */
  readonly steps: readonly PathStep[];
  /** Tasks beyond `maxTasks`, which the search did not examine. */
  readonly tasksLeftOut: number;
}

export const PATH_PHASES = ['arguments', 'retry', 'node', 'worker', 'running', 'unknown'] as const;

export type PathPhase = (typeof PATH_PHASES)[number];

export interface PathStep {
  /** Undefined for the driver. */
  readonly attempt: AttemptView | undefined;
  /**
   * `worker`: waits at its worker or actor. `retry`: from the end of one attempt until the next
   * leaves its delay, which Ray reports as a wait for arguments. `unknown`: Ray did not report when
   * the attempt began to run.
   */
  readonly phase: PathPhase;
  readonly startMs: number;
  readonly endMs: number;
  /** True for a wait for arguments that the task of the step before probably produced. */
  readonly isHandedOn: boolean;
}

export interface PathInput {
  /** The latest attempts of the tasks with a row, in any order. */
  readonly tasks: readonly AttemptView[];
  readonly startMs: number;
  /** The end of the job, or the present. */
  readonly endMs: number;
  readonly isOver: boolean;
  readonly maxTasks: number;
}

/**
 * Ray reports a short wait for arguments for every task. A shorter wait than this was not for
 * another task.
 */
const MIN_ARGUMENTS_WAIT_MS = 5;
/** Maximum callers that a task can have outlived: a bound for damaged streams. */
const MAX_OUTLIVED_CALLERS = 100;

/** A task, or the driver, that may be on the path. */
interface Candidate {
  /** Undefined for the driver. */
  readonly attempt: AttemptView | undefined;
  readonly startMs: number;
  /** NaN if it is not known to have run. */
  readonly runningMs: number;
  readonly endMs: number;
  /**
   * Tasks that it may have waited for, by end. The search removes those that end after the current
   * moment.
   */
  awaited: Candidate[];
}

/** Works in time slices. */
export async function findCriticalPath(input: PathInput, pace: Pace): Promise<CriticalPath> {
  const { startMs, endMs } = input;
  const driver: Candidate = { attempt: undefined, startMs, runningMs: startMs, endMs, awaited: [] };
  const candidates = await candidatesOf(input, pace);
  const callerOf = (candidate: Candidate): Candidate => {
    const parent = candidate.attempt?.parentTaskId;
    return (parent === undefined ? undefined : candidates.get(parent)) ?? driver;
  };
  for (const candidate of candidates.values()) {
    if (pace.isDue()) await pace.rest();
    awaiterOf(candidate, callerOf).awaited.push(candidate);
  }
  for (const candidate of [driver, ...candidates.values()]) {
    if (pace.isDue()) await pace.rest();
    if (candidate.awaited.length > 1) candidate.awaited = await sortInSlices(candidate.awaited, byEnd, pace);
  }

  const steps: PathStep[] = [];
  let atMs = endMs;
  /**
   * Adds a step from `fromMs` to the current moment, and moves the current moment back to `fromMs`.
   */
  const addStep = (attempt: AttemptView | undefined, phase: PathPhase, fromMs: number, isHandedOn = false): void => {
    const stepMs = Math.max(fromMs, startMs);
    if (!(stepMs < atMs)) return;
    steps.push({ attempt, phase, startMs: stepMs, endMs: atMs, isHandedOn });
    atMs = stepMs;
  };
  const left = new Set<Candidate>();
  let candidate = driver;
  for (;;) {
    if (pace.isDue()) await pace.rest();
    const { attempt, runningMs } = candidate;
    const awaited = Number.isNaN(runningMs) ? undefined : takeLast(candidate.awaited, runningMs, atMs);
    if (awaited !== undefined) {
      addStep(attempt, 'running', awaited.endMs);
      candidate = awaited;
      continue;
    }
    addStep(attempt, 'running', runningMs);
    if (attempt === undefined) break;
    const caller = callerOf(candidate);
    const producer = addWaits(attempt, atMs, addStep, (fromMs, toMs) =>
      takeLatest([caller, awaiterOf(candidate, callerOf)], fromMs, toMs, atMs),
    );
    left.add(candidate);
    candidate = producer ?? (left.has(caller) ? driver : caller);
  }
  return { steps: steps.toReversed(), tasksLeftOut: Math.max(0, input.tasks.length - input.maxTasks) };
}

async function candidatesOf({ tasks, endMs, isOver, maxTasks }: PathInput, pace: Pace): Promise<ReadonlyMap<string, Candidate>> {
  const candidates = new Map<string, Candidate>();
  for (const attempt of tasks.slice(0, maxTasks)) {
    if (pace.isDue()) await pace.rest();
    const { stage, runningMs } = attempt;
    if (Number.isNaN(attempt.startMs) || stage === 'unfinished' || (isOver && Number.isNaN(attempt.endMs))) continue;
    let { startMs } = attempt;
    for (let each = attempt.previous; each !== undefined; each = each.previous) if (each.startMs < startMs) ({ startMs } = each);
    const ownEndMs = Number.isNaN(attempt.endMs) ? endMs : attempt.endMs;
    candidates.set(attempt.taskId, { attempt, startMs, runningMs, endMs: ownEndMs, awaited: [] });
  }
  return candidates;
}

/** The nearest caller that did not end before the candidate. */
function awaiterOf(candidate: Candidate, callerOf: (candidate: Candidate) => Candidate): Candidate {
  let caller = callerOf(candidate);
  for (let outlived = 0; caller.attempt !== undefined && caller.endMs < candidate.endMs; outlived += 1) {
    if (outlived >= MAX_OUTLIVED_CALLERS) break;
    caller = callerOf(caller);
  }
  return caller;
}

/**
 * Removes and returns the last task that ended in the interval. The current moment only moves back,
 * so later tasks are not needed again.
 */
function takeLast(awaited: Candidate[], fromMs: number, toMs: number): Candidate | undefined {
  while ((awaited.at(-1)?.endMs ?? 0) > toMs) awaited.pop();
  return (awaited.at(-1)?.endMs ?? Number.NaN) > fromMs ? awaited.pop() : undefined;
}

function takeLatest(callers: readonly Candidate[], fromMs: number, toMs: number, atMs: number): Candidate | undefined {
  const untilMs = Math.min(toMs, atMs);
  let last: Candidate | undefined;
  let from: Candidate[] = [];
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

/**
 * Adds the waits of a task back to its submission. Stops at the task that probably produced its
 * arguments, and returns it.
 */
function addWaits(
  last: AttemptView,
  nowMs: number,
  addStep: (attempt: AttemptView, phase: PathPhase, fromMs: number, isHandedOn?: boolean) => void,
  producerOf: (fromMs: number, toMs: number) => Candidate | undefined,
): Candidate | undefined {
  let untilMs = last.stage === 'pending_args' ? nowMs : last.runningMs;
  for (let attempt: AttemptView | undefined = last; attempt !== undefined; attempt = attempt.previous) {
    const { startMs, nodeWaitMs, workerWaitMs, previous } = attempt;
    if (attempt !== last) {
      addStep(attempt, 'retry', attempt.endMs);
      if (!Number.isNaN(attempt.runningMs)) addStep(attempt, 'running', attempt.runningMs);
      untilMs = attempt.runningMs;
    }
    const isReported = !Number.isNaN(untilMs) || PENDING_STAGES.includes(attempt.stage);
    // Without a reported RUNNING, the attempt may have run after its last known wait: that time is
    // unknown.
    const wait = (phase: PathPhase, laterMs: readonly number[]): PathPhase =>
      isReported || laterMs.some((ms) => !Number.isNaN(ms)) ? phase : 'unknown';
    const isCall = calledActorOf(attempt.taskId) !== undefined;
    addStep(attempt, wait('worker', []), isCall && isReported ? earlier(workerWaitMs, nodeWaitMs) : workerWaitMs);
    addStep(attempt, wait(isCall ? 'worker' : 'node', [workerWaitMs]), nodeWaitMs);
    const argumentsEndMs = [nodeWaitMs, workerWaitMs, untilMs].find((ms) => !Number.isNaN(ms)) ?? Number.NaN;
    const canHaveProducer = previous === undefined && argumentsEndMs - startMs >= MIN_ARGUMENTS_WAIT_MS;
    const producer = canHaveProducer ? producerOf(startMs, argumentsEndMs) : undefined;
    if (producer !== undefined) {
      addStep(attempt, 'arguments', producer.endMs, true);
      return producer;
    }
    addStep(attempt, wait(attempt.number === 0 ? 'arguments' : 'retry', [nodeWaitMs, workerWaitMs]), startMs);
  }
  return undefined;
}

/** Orders by end, then by submission: open tasks all end at the same moment. */
function byEnd(a: Candidate, b: Candidate): number {
  return a.endMs - b.endMs || a.startMs - b.startMs || ((a.attempt?.taskId ?? '') < (b.attempt?.taskId ?? '') ? -1 : 1);
}
