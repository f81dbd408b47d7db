import {
  type AttemptIdentity,
  actorEnd,
  actorStart,
  definition,
  executorStates,
  jobEnd,
  jobStart,
  nodeStart,
  ownerStates,
  type Place,
  profile,
  type Setting,
} from './generated-events.ts';
import { Seeded } from './seeded.ts';

/** Shares are of the attempts, 0 to 1. Defaults are those of the recordings. */
export interface GeneratedStreamOptions {
  readonly seed: number;
  readonly jobs: number;
  /** Tasks and actor calls, retries not counted. */
  readonly tasksPerJob: number;
  /** Attempts with a definition and three states and no end, all in one job more, which has no end either. Default 0. */
  readonly openTasks?: number;
  readonly session?: string;
  /** `2.54` stands for Ray 2.50 to 2.54. Default `2.60`. */
  readonly release?: '2.60' | '2.54';
  /** Default 1,000; 10,000 for `2.54`. */
  readonly eventsPerPost?: number;
  readonly startMs?: number;
  /** Jobs that run side by side. Default 4. */
  readonly jobsAtOnce?: number;
  /** Calls on actors. Default 0.5. */
  readonly actors?: number;
  readonly actorsPerJob?: number;
  /** Attempts that fail with an exception and are not retried. Default 0.01. */
  readonly failed?: number;
  /** Attempts that fail and are tried again. Default 0.01. */
  readonly retried?: number;
  /** RUNNING arrives after the end. Default 0.36, counted by place in the stream: by post it is a third. */
  readonly lateRunning?: number;
  /** Only the worker's own events arrive. Default 0.002. */
  readonly lost?: number;
  /** Attempts with a profile event. Default 0: with Ray's default event types there are none. */
  readonly profiles?: number;
  /** Tasks that call others, how many each, and how deep. Default 0.03, 6 and 3. */
  readonly parents?: number;
  readonly fanOut?: number;
  readonly depth?: number;
  /** FINISHED of the job and its driver is missing. Default 0. */
  readonly endlessJobs?: number;
  /** The whole of `serializedRuntimeEnv`, JSON. Default `{}`. */
  readonly runtimeEnv?: string;
  readonly moduleName?: string;
  readonly nodes?: number;
  readonly workersPerNode?: number;
  /** Attempts start one a millisecond, and all events of one arrive within this many milliseconds: what the generator remembers. Default 2,000. */
  readonly windowMs?: number;
}

/** What a stream reported, for tests that nothing of it is lost. */
export interface StreamSummary {
  posts: number;
  events: number;
  bytes: number;
  jobs: number;
  /** Of tasks, actor calls and creations of actors; not the drivers. */
  attempts: number;
  finished: number;
  failed: number;
  /** Without an end: open ones and lost ones. */
  unended: number;
  lateRunning: number;
  actors: number;
  nodes: number;
}

interface Job {
  readonly id: string;
  readonly hex: string;
  readonly bytes: Buffer;
  readonly driverTaskId: string;
  readonly actors: { readonly id: string; readonly bytes: Buffer; readonly place: Place }[];
  readonly callers: Caller[];
  left: number;
}

interface Caller {
  readonly taskId: string;
  readonly depth: number;
}

interface Retry {
  readonly job: Job;
  readonly attempt: AttemptIdentity;
}

const MS = 1_000_000;
const HEADER_MS = 1000;
const ACTOR_CLASS = 'A';

/**
 * A stream as Ray posts it, one JSON body at a time; equal options give equal bytes. What it remembers does not grow with its length.
 *
 * @returns what it reported
 */
export function* generatedPosts(options: GeneratedStreamOptions): Generator<string, StreamSummary> {
  const stream = new Stream(options);
  const perPost = options.eventsPerPost ?? (options.release === '2.54' ? 10_000 : 1000);
  const { summary } = stream;
  let post: string[] = [];
  const body = (): string => {
    const text = `[${post.join(', ')}]`;
    summary.posts += 1;
    summary.events += post.length;
    summary.bytes += Buffer.byteLength(text);
    post = [];
    return text;
  };
  for (const event of stream.run()) {
    post.push(event);
    if (post.length === perPost) yield body();
  }
  if (post.length > 0) yield body();
  return summary;
}

/** All posts at once, for streams that are small. */
export function generatedStream(options: GeneratedStreamOptions): { readonly posts: string[]; readonly summary: StreamSummary } {
  const posts: string[] = [];
  const generator = generatedPosts(options);
  for (;;) {
    const next = generator.next();
    if (next.done) return { posts, summary: next.value };
    posts.push(next.value);
  }
}

class Stream {
  readonly summary: StreamSummary = {
    posts: 0,
    events: 0,
    bytes: 0,
    jobs: 0,
    attempts: 0,
    finished: 0,
    failed: 0,
    unended: 0,
    lateRunning: 0,
    actors: 0,
    nodes: 0,
  };
  readonly #options: Required<Omit<GeneratedStreamOptions, 'eventsPerPost'>>;
  readonly #random: Seeded;
  readonly #setting: Setting;
  readonly #places: Place[] = [];
  readonly #nodeIds: string[] = [];
  /** What arrives in which millisecond, as far ahead as the window. Written when it is sent: texts that wait would be copied again and again. */
  readonly #arrivals: (() => string)[][];
  readonly #retries: Retry[][];
  #pending = 0;
  #nowMs = 0;
  #tasks = 0;

  constructor(options: GeneratedStreamOptions) {
    this.#options = {
      openTasks: 0,
      session: 'session_2026-01-01_00-00-00_000000_1000',
      release: '2.60',
      startMs: Date.UTC(2026, 0, 1),
      jobsAtOnce: 4,
      actors: 0.5,
      actorsPerJob: 2,
      failed: 0.01,
      retried: 0.01,
      lateRunning: 0.36,
      lost: 0.002,
      profiles: 0,
      parents: 0.03,
      fanOut: 6,
      depth: 3,
      endlessJobs: 0,
      runtimeEnv: '{}',
      moduleName: 'w_load',
      nodes: 4,
      workersPerNode: 8,
      windowMs: 2000,
      ...options,
    };
    const { seed, session, release, runtimeEnv, moduleName, startMs, windowMs } = this.#options;
    this.#random = new Seeded(seed);
    this.#setting = {
      session,
      release,
      moduleName,
      runtimeEnv: JSON.stringify(runtimeEnv),
      eventId: () => this.#random.uniqueId(28).toString('base64'),
      timestamp: createTimestamps(startMs),
    };
    this.#arrivals = Array.from({ length: windowMs }, () => []);
    this.#retries = Array.from({ length: windowMs }, () => []);
  }

  *run(): Generator<string> {
    yield* this.#nodes();
    if (this.#options.openTasks > 0) yield* this.#openTasks();
    for (let first = 0; first < this.#options.jobs; first += this.#options.jobsAtOnce) {
      yield* this.#wave(first, Math.min(this.#options.jobsAtOnce, this.#options.jobs - first));
    }
  }

  *#nodes(): Generator<string> {
    const { nodes, workersPerNode } = this.#options;
    for (let number = 0; number < nodes; number += 1) {
      const nodeId = this.#random.uniqueId(28).toString('base64');
      this.#nodeIds.push(nodeId);
      for (let worker = 0; worker < workersPerNode; worker += 1) {
        const id = this.#random.uniqueId(28);
        this.#places.push({
          nodeId,
          workerId: id.toString('base64'),
          workerHex: id.toString('hex'),
          pid: 20_000 + number * workersPerNode + worker,
        });
      }
      this.summary.nodes += 1;
      yield* nodeStart(this.#setting, nodeId, number, this.#ns());
    }
    this.#nowMs += HEADER_MS;
  }

  *#openTasks(): Generator<string> {
    const job = this.#job(this.#options.jobs + 1);
    yield* this.#jobStart(job);
    for (let number = 0; number < this.#options.openTasks; number += 1) {
      const attempt = this.#newTask(job, job.driverTaskId, 'queued', undefined);
      const atNs = this.#ns();
      this.summary.attempts += 1;
      this.summary.unended += 1;
      yield definition(this.#setting, attempt, atNs);
      yield ownerStates(this.#setting, attempt, [
        ['PENDING_ARGS_AVAIL', atNs],
        ['PENDING_NODE_ASSIGNMENT', atNs + MS / 2],
        ['SUBMITTED_TO_WORKER', atNs + MS],
      ]);
      // A driver submits about ten thousand a second.
      if (number % 10 === 9) this.#nowMs += 1;
    }
  }

  /** Jobs that run side by side, to their ends. */
  *#wave(first: number, count: number): Generator<string> {
    const jobs = Array.from({ length: count }, (_, offset) => this.#job(first + offset + 1));
    for (const job of jobs) {
      yield* this.#jobStart(job);
      for (const actor of job.actors) yield* this.#actorStart(job, actor);
    }
    this.#nowMs += HEADER_MS;
    let turn = 0;
    let running = jobs.filter((job) => job.left > 0);
    while (running.length > 0 || this.#pending > 0) {
      const slot = this.#nowMs % this.#options.windowMs;
      for (const { job, attempt } of taken(this.#retries, slot)) {
        this.#pending -= 1;
        this.#attempt(job, attempt, 0);
      }
      const job = running[turn % running.length];
      turn += 1;
      if (job !== undefined) {
        this.#task(job);
        if (job.left === 0) running = running.filter((other) => other !== job);
      }
      for (const event of taken(this.#arrivals, slot)) {
        this.#pending -= 1;
        yield event();
      }
      this.#nowMs += 1;
    }
    for (const job of jobs) {
      for (const actor of job.actors) yield actorEnd(this.#setting, actor.id, actor.place, this.#ns());
      if (this.#random.chance(this.#options.endlessJobs)) continue;
      yield* jobEnd(this.#setting, job.id, job.driverTaskId, this.#nodeIds[0] ?? '', this.#ns());
    }
    this.#nowMs += HEADER_MS;
  }

  *#jobStart(job: Job): Generator<string> {
    this.summary.jobs += 1;
    yield* jobStart(this.#setting, job.id, job.driverTaskId, this.#nodeIds[0] ?? '', this.#ns());
  }

  *#actorStart(job: Job, actor: Job['actors'][number]): Generator<string> {
    this.summary.actors += 1;
    this.summary.attempts += 1;
    this.summary.finished += 1;
    const taskId = Buffer.concat([Buffer.alloc(8, 0xff), actor.bytes]).toString('base64');
    const creation = {
      taskId,
      jobId: job.id,
      jobHex: job.hex,
      parentTaskId: job.driverTaskId,
      number: 0,
      name: '__init__',
      actorId: actor.id,
      className: ACTOR_CLASS,
      place: actor.place,
    };
    yield* actorStart(this.#setting, creation, this.#ns());
  }

  #job(number: number): Job {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(number);
    const actorCount = this.#options.actors > 0 ? this.#options.actorsPerJob : 0;
    return {
      id: bytes.toString('base64'),
      hex: bytes.toString('hex'),
      bytes,
      driverTaskId: Buffer.concat([Buffer.alloc(20, 0xff), bytes]).toString('base64'),
      actors: Array.from({ length: actorCount }, () => {
        const actorBytes = Buffer.concat([this.#random.uniqueId(12), bytes]);
        return { id: actorBytes.toString('base64'), bytes: actorBytes, place: this.#random.pick(this.#places) };
      }),
      callers: [],
      left: this.#options.tasksPerJob,
    };
  }

  #newTask(job: Job, parentTaskId: string, name: string, actor: Job['actors'][number] | undefined): AttemptIdentity {
    this.#tasks += 1;
    const owner = actor?.bytes ?? Buffer.concat([Buffer.alloc(12, 0xff), job.bytes]);
    return {
      taskId: Buffer.concat([this.#random.uniqueId(8, this.#tasks), owner]).toString('base64'),
      jobId: job.id,
      jobHex: job.hex,
      parentTaskId,
      number: 0,
      name,
      actorId: actor?.id,
      className: ACTOR_CLASS,
      place: actor?.place ?? this.#random.pick(this.#places),
    };
  }

  /** The next task of a job: of a caller that still has some to call, else of the driver. */
  #task(job: Job): void {
    job.left -= 1;
    const caller = job.callers.shift();
    const depth = (caller?.depth ?? 0) + 1;
    const actor = this.#random.chance(this.#options.actors) ? this.#random.pick(job.actors) : undefined;
    const isCaller = actor === undefined && depth < this.#options.depth && this.#random.chance(this.#options.parents * 2);
    const name = actor ? 'm' : isCaller ? 'caller' : 't';
    const attempt = this.#newTask(job, caller?.taskId ?? job.driverTaskId, name, actor);
    this.#attempt(job, attempt, isCaller ? depth : 0);
  }

  /** Plans all events of one attempt. `callerDepth` above 0: it calls others while it runs. */
  #attempt(job: Job, attempt: AttemptIdentity, callerDepth: number): void {
    const { windowMs, retried, failed, lost, lateRunning, profiles, fanOut } = this.#options;
    const { summary } = this;
    const random = this.#random;
    const setting = this.#setting;
    const submitNs = this.#ns();
    const waitNs = random.below(windowMs / 4) * MS + random.below(MS);
    const runNs = (callerDepth > 0 ? windowMs / 8 : 0) * MS + random.below(windowMs / 8) * MS + random.below(MS) + 1000;
    const placedNs = submitNs + 300_000 + random.below(MS);
    const workerNs = placedNs + waitNs;
    const runningNs = workerNs + 100_000 + random.below(MS);
    const endNs = runningNs + runNs;
    summary.attempts += 1;
    if (callerDepth > 0) {
      for (let child = 0; child < fanOut; child += 1) job.callers.push({ taskId: attempt.taskId, depth: callerDepth });
    }
    const isActor = attempt.actorId !== undefined;
    const executorAtNs = runningNs + random.below(windowMs / 8) * MS;
    if (random.chance(lost)) {
      summary.unended += 1;
      this.#arrive(executorAtNs, () => executorStates(setting, attempt, [['RUNNING', runningNs]], isActor ? 'none' : 'both'));
      if (random.chance(profiles)) this.#arrive(executorAtNs, () => profile(setting, attempt, runningNs, endNs, this.#options.startMs));
      return;
    }
    const isRetried = attempt.number < 3 && random.chance(retried);
    const hasFailed = isRetried || random.chance(failed);
    summary[hasFailed ? 'failed' : 'finished'] += 1;
    const end = [hasFailed ? 'FAILED' : 'FINISHED', endNs] as const;
    const ownerAtNs = endNs + random.below(windowMs / 8) * MS;
    const isLate = random.chance(lateRunning * (isActor ? 0.5 : 1.5));
    const executorArrivesNs = isLate
      ? ownerAtNs + (1 + random.below(Math.min(2000, windowMs / 3))) * MS
      : Math.min(Math.max(executorAtNs, runningNs), ownerAtNs - MS);
    if (isLate) summary.lateRunning += 1;

    this.#arrive(submitNs, () => definition(setting, attempt, submitNs));
    const pending = [
      ['PENDING_ARGS_AVAIL', submitNs],
      ['PENDING_NODE_ASSIGNMENT', placedNs],
    ] as const;
    const submitted = ['SUBMITTED_TO_WORKER', workerNs] as const;
    this.#arrive(submitNs, () => ownerStates(setting, attempt, pending));
    const failure = hasFailed ? exceptionOf(attempt) : undefined;
    // An owner sends what it has about once a second: of a short task both are in one event.
    if (isActor || random.chance(0.01)) {
      this.#arrive(Math.min(workerNs, ownerAtNs), () => ownerStates(setting, attempt, [submitted]));
      this.#arrive(ownerAtNs, () => ownerStates(setting, attempt, [end], failure));
    } else {
      this.#arrive(ownerAtNs, () => ownerStates(setting, attempt, [submitted, end], failure));
    }
    const ordered = ['PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY', runningNs - 20_000] as const;
    const running = ['RUNNING', runningNs] as const;
    this.#arrive(executorArrivesNs, () =>
      isActor ? executorStates(setting, attempt, [ordered, running], 'none') : executorStates(setting, attempt, [running], 'both'),
    );
    if (random.chance(profiles))
      this.#arrive(executorArrivesNs, () => profile(setting, attempt, runningNs, endNs - 1000, this.#options.startMs));
    if (isRetried) this.#retry(endNs + MS, { job, attempt: { ...attempt, number: attempt.number + 1 } });
  }

  #arrive(ns: number, text: () => string): void {
    this.#pending += 1;
    this.#arrivals[this.#slot(ns)]?.push(text);
  }

  #retry(ns: number, retry: Retry): void {
    this.#pending += 1;
    this.#retries[this.#slot(ns)]?.push(retry);
  }

  #slot(ns: number): number {
    const { windowMs } = this.#options;
    const ahead = Math.min(Math.max(Math.floor(ns / MS) - this.#nowMs, 0), windowMs - 1);
    return (this.#nowMs + ahead) % windowMs;
  }

  /** Nanoseconds since the start of the stream; whole milliseconds and something below. */
  #ns(): number {
    return this.#nowMs * MS + this.#random.below(MS / 2);
  }
}

function taken<Item>(slots: Item[][], slot: number): Item[] {
  const items = slots[slot] ?? [];
  if (items.length > 0) slots[slot] = [];
  return items;
}

function exceptionOf({ name, place, number }: AttemptIdentity): { type: string; message: string } {
  const mark = '^'.repeat(38);
  return {
    type: 'TASK_EXECUTION_EXCEPTION',
    message: `User exception:\n\u001B[36mray::${name}()\u001B[39m (pid=${place.pid}, ip=192.0.2.2)\n  File "/app/w_load.py", line 14, in ${name}\n    raise ValueError(f"attempt ${number}")\n            ${mark}\nValueError: attempt ${number}`,
  };
}

/** RFC 3339 with nine digits; the seconds' part is made once a second. */
function createTimestamps(startMs: number): (ns: number) => string {
  const seconds = new Map<number, string>();
  return (ns) => {
    const second = Math.floor(ns / 1e9);
    let text = seconds.get(second);
    if (text === undefined) {
      if (seconds.size > 100) seconds.clear();
      text = new Date(startMs + second * 1000).toISOString().slice(0, 20);
      seconds.set(second, text);
    }
    return `${text}${String(ns - second * 1e9).padStart(9, '0')}Z`;
  };
}
