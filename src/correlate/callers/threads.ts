import { isTerminal, type ProfileEntry, type StateTransition, type TaskProfile, type TimeNs } from '../../event/index.ts';
import { type Aged, AgingList } from '../compact/aging-list.ts';
import { largest, smallest, wholeTaskEntry } from '../states/merge.ts';
import { jobIdOf } from '../naming/ray-ids.ts';
import { SortedList } from '../compact/sorted-list.ts';

/** Threads of one session that are remembered; beyond it the oldest are forgotten. */
export const MAX_THREADS = 10_000;
/** Runs of attempts that ended, of one session; beyond it those that ended first are forgotten. */
export const MAX_ENDED_RUNS = 100_000;
/** About what a thread and a run take of memory. */
const THREAD_BYTES = 400;
const RUN_BYTES = 300;
/** Attempt numbers of one id. Ray gives threads none but 0. */
const MAX_PARTS = 8;
/** Runs that began before a submission are looked at for one that had not ended, from the last one back. */
const MAX_LOOKS = 16;

/** What the profile of one attempt number says. */
export interface ThreadPart {
  readonly number: number;
  submitsStartNs: TimeNs | undefined;
  submitsEndNs: TimeNs | undefined;
  /** The job has entries of user code under this id and number. */
  hasEntries: boolean;
}

/**
 * An id with nothing but profile entries that do not prove an attempt: `submit_task`, and user-defined ones of a made-up id. Ray makes up
 * a task id for each thread of a driver, task or actor that submits calls. Should the id turn out to be a task's, its attempt takes the entries.
 */
export interface Thread {
  readonly id: string;
  workerId: string | undefined;
  isDriver: boolean;
  readonly parts: ThreadPart[];
}

/** What of an attempt says when it ran. */
interface RunningAttempt {
  readonly number: number;
  readonly task: { readonly id: string };
  readonly transitions: readonly StateTransition[];
  readonly rareFields: { readonly profile: readonly ProfileEntry[] };
}

/** A thread among the others. */
interface KnownThread extends Thread, Aged<KnownThread> {}

/** A run of an attempt in a worker. */
interface Run extends RunKey, Aged<Run> {
  /** While it is open. */
  readonly attempt: RunningAttempt | undefined;
  readonly endNs: TimeNs | undefined;
  readonly runs: Runs;
}

interface RunKey {
  readonly startNs: TimeNs;
  readonly taskId: string;
  readonly number: number;
}

interface EndedRun extends RunKey {
  readonly endNs: TimeNs;
}

/** The runs of one worker. */
interface Runs {
  readonly workerId: string;
  readonly byStart: SortedList<Run, RunKey>;
  readonly byAttempt: Map<string, Run>;
  /** Threads of it that are remembered. */
  threads: number;
}

export type SavedRun = readonly [workerId: string, taskId: string, number: number, startNs: TimeNs, endNs: TimeNs];

/** The threads of a session, and what ran in their workers: a call of a thread belongs to the attempt that ran there. */
export class Threads {
  readonly #threads = new Map<string, KnownThread>();
  readonly #byAge = new AgingList<KnownThread>();
  readonly #ofJobs = new Map<string, Set<KnownThread>>();
  readonly #runs = new Map<string, Runs>();
  readonly #ended = new AgingList<Run>();
  readonly #onBytes: (change: number) => void;

  /** @param onBytes called with how much more, or less, memory is taken */
  constructor(onBytes: (change: number) => void) {
    this.#onBytes = onBytes;
  }

  get size(): number {
    return this.#threads.size;
  }

  get endedRuns(): number {
    return this.#ended.size;
  }

  get(id: string): Thread | undefined {
    return this.#threads.get(id);
  }

  /** Adds what a profile event says. True when its worker had no thread so far: the caller then notes what runs there. */
  note(event: TaskProfile & { readonly taskId: string }): boolean {
    const thread = this.#threads.get(event.taskId) ?? this.#added(event.taskId);
    if (event.componentType === 'driver') thread.isDriver = true;
    const part = partOf(thread, event.attempt);
    if (part !== undefined) {
      part.submitsStartNs = smallest(part.submitsStartNs, event.submitsStartNs);
      part.submitsEndNs = largest(part.submitsEndNs, event.submitsEndNs);
      part.hasEntries ||= event.entries.length > 0;
    }
    return event.componentType === 'worker' && this.#place(thread, smallest(thread.workerId, event.workerId));
  }

  /** What belongs to an attempt after all. */
  take(id: string, number: number): ThreadPart | undefined {
    const thread = this.#threads.get(id);
    const at = thread?.parts.findIndex((part) => part.number === number) ?? -1;
    if (thread === undefined || at === -1) return undefined;
    const [part] = thread.parts.splice(at, 1);
    if (thread.parts.length === 0) this.#forget(thread);
    return part;
  }

  /** With the session. */
  forgetAll(): void {
    for (const thread of this.#threads.values()) this.#forget(thread);
  }

  forgetJob(jobId: string): void {
    for (const thread of this.#ofJobs.get(jobId) ?? []) this.#forget(thread);
  }

  /** To be called when the states, the profile or the worker of an open attempt changed. */
  noteRun(workerId: string | undefined, attempt: RunningAttempt): void {
    const runs = workerId === undefined ? undefined : this.#runs.get(workerId);
    const startNs = runs === undefined ? undefined : startOf(attempt);
    if (runs === undefined || startNs === undefined) return;
    const { task, number } = attempt;
    const known = runs.byAttempt.get(keyOf(task.id, number));
    if (known?.startNs === startNs) return;
    if (known !== undefined) runs.byStart.remove(known);
    addRun(runs, { startNs, taskId: task.id, number, attempt, endNs: undefined });
  }

  /** To be called when an attempt is closed that ended at `endNs`, as far as it says so itself. */
  endRun(workerId: string | undefined, attempt: RunningAttempt, endNs: TimeNs): void {
    const runs = workerId === undefined ? undefined : this.#runs.get(workerId);
    const run = runs?.byAttempt.get(keyOf(attempt.task.id, attempt.number));
    if (runs === undefined || run === undefined) return;
    this.#addEnded(runs, { startNs: run.startNs, taskId: run.taskId, number: run.number, endNs: endOf(attempt) ?? endNs });
  }

  /** The one attempt that ran in a worker at a time; undefined where there was none, or more than one. */
  runningAt(workerId: string, atNs: TimeNs): RunKey | undefined {
    const runs = this.#runs.get(workerId)?.byStart;
    let found: Run | undefined;
    let run = runs?.lastUpTo({ startNs: atNs, taskId: LAST_ID, number: 0 });
    for (let looks = 0; run !== undefined && looks < MAX_LOOKS; looks += 1) {
      const endNs = run.attempt === undefined ? run.endNs : endOf(run.attempt);
      if (endNs === undefined || endNs >= atNs) {
        if (found !== undefined) return undefined;
        found = run;
      }
      run = runs?.lastUpTo({ startNs: run.startNs, taskId: run.taskId, number: run.number - 1 });
    }
    return found;
  }

  /** For a checkpoint: threads, and runs that ended, oldest first. Open ones are noted again. */
  save(): { readonly threads: Iterable<Thread>; readonly runs: Iterable<SavedRun> } {
    return { threads: savedThreads(this.#byAge), runs: savedRuns(this.#ended) };
  }

  restoreThread({ workerId, ...saved }: Thread): void {
    const thread = this.#add({ ...saved, workerId: undefined });
    if (workerId !== undefined) this.#place(thread, workerId);
  }

  restoreRun([workerId, taskId, number, startNs, endNs]: SavedRun): void {
    const runs = this.#runs.get(workerId);
    if (runs !== undefined) this.#addEnded(runs, { taskId, number, startNs, endNs });
  }

  #added(id: string): KnownThread {
    const thread = this.#add({ id, workerId: undefined, isDriver: false, parts: [] });
    const { oldest } = this.#byAge;
    if (oldest !== undefined && this.#byAge.size > MAX_THREADS) this.#forget(oldest);
    return thread;
  }

  #add(saved: Thread): KnownThread {
    const thread: KnownThread = { ...saved, older: undefined, newer: undefined };
    this.#threads.set(thread.id, thread);
    this.#byAge.add(thread);
    this.#onBytes(THREAD_BYTES);
    const jobId = jobIdOf(thread.id);
    const others = this.#ofJobs.get(jobId);
    if (others === undefined) this.#ofJobs.set(jobId, new Set([thread]));
    else others.add(thread);
    return thread;
  }

  #forget(thread: KnownThread): void {
    this.#threads.delete(thread.id);
    this.#byAge.remove(thread);
    this.#onBytes(-THREAD_BYTES);
    const jobId = jobIdOf(thread.id);
    const others = this.#ofJobs.get(jobId);
    others?.delete(thread);
    if (others?.size === 0) this.#ofJobs.delete(jobId);
    this.#leave(thread);
  }

  /** True when the runs of the worker are not known yet. */
  #place(thread: KnownThread, workerId: string | undefined): boolean {
    if (workerId === undefined || workerId === thread.workerId) return false;
    this.#leave(thread);
    thread.workerId = workerId;
    const known = this.#runs.get(workerId);
    if (known !== undefined) {
      known.threads += 1;
      return false;
    }
    this.#runs.set(workerId, { workerId, byStart: new SortedList(compareRuns), byAttempt: new Map(), threads: 1 });
    return true;
  }

  #leave({ workerId }: Thread): void {
    const runs = workerId === undefined ? undefined : this.#runs.get(workerId);
    if (workerId === undefined || runs === undefined) return;
    runs.threads -= 1;
    if (runs.threads > 0) return;
    this.#runs.delete(workerId);
    for (const run of runs.byAttempt.values()) this.#forgetEnded(run);
  }

  #forgetEnded(run: Run): void {
    if (!this.#ended.has(run)) return;
    this.#ended.remove(run);
    this.#onBytes(-RUN_BYTES);
  }

  #addEnded(runs: Runs, ended: EndedRun): void {
    const known = runs.byAttempt.get(keyOf(ended.taskId, ended.number));
    if (known !== undefined) {
      runs.byStart.remove(known);
      this.#forgetEnded(known);
    }
    this.#ended.add(addRun(runs, { ...ended, attempt: undefined }));
    this.#onBytes(RUN_BYTES);
    const { oldest } = this.#ended;
    if (oldest === undefined || this.#ended.size <= MAX_ENDED_RUNS) return;
    this.#forgetEnded(oldest);
    oldest.runs.byStart.remove(oldest);
    oldest.runs.byAttempt.delete(keyOf(oldest.taskId, oldest.number));
  }
}

/** After every task id. */
const LAST_ID = 'g';

function addRun(runs: Runs, noted: Omit<Run, 'runs' | 'older' | 'newer'>): Run {
  const run: Run = { ...noted, runs, older: undefined, newer: undefined };
  runs.byStart.add(run);
  runs.byAttempt.set(keyOf(run.taskId, run.number), run);
  return run;
}

function* savedThreads(threads: Iterable<KnownThread>): Generator<Thread> {
  for (const { id, workerId, isDriver, parts } of threads) yield { id, workerId, isDriver, parts };
}

function* savedRuns(ended: Iterable<Run>): Generator<SavedRun> {
  for (const { runs, taskId, number, startNs, endNs = 0n } of ended) yield [runs.workerId, taskId, number, startNs, endNs];
}

function partOf({ parts }: Thread, number: number): ThreadPart | undefined {
  const known = parts.find((part) => part.number === number);
  if (known !== undefined || parts.length >= MAX_PARTS) return known;
  const part: ThreadPart = { number, submitsStartNs: undefined, submitsEndNs: undefined, hasEntries: false };
  parts.push(part);
  return part;
}

/** By the clock of the worker. */
function startOf({ transitions, rareFields }: RunningAttempt): TimeNs | undefined {
  let startNs: TimeNs | undefined;
  for (const { state, timeNs } of transitions) if (state === 'RUNNING') startNs = smallest(startNs, timeNs);
  return startNs ?? wholeTaskEntry(rareFields.profile)?.startNs;
}

/** By the clock of the worker, where the profile says it. */
function endOf({ transitions, rareFields }: RunningAttempt): TimeNs | undefined {
  const whole = wholeTaskEntry(rareFields.profile);
  if (whole !== undefined) return whole.endNs;
  let endNs: TimeNs | undefined;
  for (const { state, timeNs } of transitions) if (isTerminal(state)) endNs = largest(endNs, timeNs);
  return endNs;
}

function keyOf(taskId: string, number: number): string {
  return `${taskId}/${number}`;
}

function compareRuns(a: RunKey, b: RunKey): number {
  if (a.startNs !== b.startNs) return a.startNs < b.startNs ? -1 : 1;
  if (a.taskId !== b.taskId) return a.taskId < b.taskId ? -1 : 1;
  return a.number - b.number;
}
