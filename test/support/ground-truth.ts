import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { spanId } from './identity.ts';
import type { FlatSpan } from './otlp-spans.ts';
import { isDriver, jobOf, readFacts, type SessionFacts } from './ray-facts.ts';

// Compares spans with the log that the workload wrote itself (test/e2e/workload/ground_truth.py), by the log alone: what Ray
// reported is asked only where Ray itself was late or lost something.

/** How far a span may be from the clock of the process that ran the task. */
const TOLERANCE_NS = 50_000_000n;

/** Functions of the workload, which all log. */
const OWN_FUNCTIONS = /^(truth_|odd|nodes|oom|__main__\.)/;

/** How long the last process of a killed job may live. */
const LATEST_DEATH_NS = 5_000_000_000n;

/** Outcomes that are no failure: exit_actor() and `ray.cancel` end a task by an exception, and the end of its driver may do so. */
const INTENDED = new Set(['ok', 'SystemExit', 'AsyncioActorExit', 'IntentionalSystemExit', 'CancelledError', 'TaskCancelledError']);

interface Run {
  readonly call: string;
  readonly taskId: string;
  readonly attempt: number;
  readonly startNs: bigint;
  endNs?: bigint;
  /** `ok`, or the name of the exception that left the task. Absent: the process was killed. */
  outcome?: string;
}

interface Covered {
  readonly name: string;
  readonly pid: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
}

interface Submit {
  readonly caller: string;
  readonly fromNs: bigint;
  /** When the call of `remote` returned: before it Ray sent the function itself, perhaps. */
  untilNs: bigint;
}

export interface GroundTruth {
  readonly runs: readonly Run[];
  readonly covered: readonly Covered[];
  /** When drivers were killed or stopped, in order: what ran then had no time to log its end. */
  readonly kills: readonly bigint[];
  /** Who called, and when, by call. */
  readonly submits: ReadonlyMap<string, Submit>;
}

interface Line {
  readonly what: string;
  readonly ns: string;
  readonly pid: number;
  readonly call?: string;
  readonly caller?: string;
  readonly task?: string;
  readonly attempt?: number;
  readonly outcome?: string;
  readonly name?: string;
}

export function readGroundTruth(path: string): GroundTruth {
  const runs: Run[] = [];
  const covered: Covered[] = [];
  const kills: bigint[] = [];
  const submits = new Map<string, Submit>();
  const begun = new Map<string, bigint>();
  const bytes = readFileSync(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  for (const entry of text.split('\n')) {
    if (entry === '') continue;
    const { what, ns, pid, call = '', caller = '', task = '', attempt = 0, outcome, name = '' } = JSON.parse(entry) as Line;
    const timeNs = BigInt(ns);
    if (what === 'submit') submits.set(call, { caller, fromNs: timeNs, untilNs: timeNs });
    if (what === 'submitted') Object.assign(submits.get(call) ?? {}, { untilNs: timeNs });
    if (what === 'start') runs.push({ call, taskId: task, attempt, startNs: timeNs });
    if (what === 'end') {
      const run = runs.findLast((other) => other.call === call && other.attempt === attempt);
      if (run !== undefined && outcome !== undefined) Object.assign(run, { endNs: timeNs, outcome });
    }
    if (what === 'killed' || what === 'stopped') kills.push(timeNs);
    if (what === 'covered start') begun.set(call, timeNs);
    if (what === 'covered end') covered.push({ name, pid, startNs: begun.get(call) ?? timeNs, endNs: timeNs });
  }
  return { runs, covered, kills, submits };
}

export interface Comparison {
  readonly truth: GroundTruth;
  /** What Ray posted. */
  readonly events: readonly unknown[];
  readonly spans: readonly FlatSpan[];
}

/** Everything in which the spans are not what the tasks logged, a sentence each. */
export function compareWithTruth({ truth, events, spans }: Comparison): string[] {
  const [session] = readFacts(events).sessions.values();
  if (session === undefined) return ['Ray posted nothing'];
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const said: string[] = [];
  for (const run of truth.runs) {
    const what = `attempt ${run.taskId}/${run.attempt}`;
    const span = byId.get(spanId('task', session.session, run.taskId, run.attempt));
    if (span === undefined) {
      said.push(`${what}: has no span`);
      continue;
    }
    const problems = [
      ...checkStart(run, span, truth.submits.get(run.call), spans),
      ...checkEnd(run, span, reportedEnds(session, run), truth.kills),
      ...checkStatus(run, span),
      ...checkCaller(truth.submits.get(run.call)?.caller ?? '', span, byId, session.session),
    ];
    said.push(...problems.map((problem) => `${what} '${span.name}': ${problem}`));
  }
  return [...said, ...checkCovered(truth, spans), ...checkOthers(truth, spans, session.session)];
}

function checkStart(run: Run, span: FlatSpan, submitted: Submit | undefined, spans: readonly FlatSpan[]): string[] {
  const said: string[] = [];
  if (submitted === undefined) said.push('nobody logged that it was submitted');
  else if (run.attempt === 0 && !isWithin(span.startNs, submitted.fromNs, submitted.untilNs))
    said.push(`starts ${milliseconds(span.startNs - submitted.fromNs)} after it was submitted`);
  const [runningNs, executeNs] = runTimes(span, spans);
  if (executeNs !== undefined && !isWithin(executeNs, run.startNs, run.startNs))
    said.push(`executes ${milliseconds(executeNs - run.startNs)} after it ran`);
  // Between the two the worker fetches the function and the arguments.
  if (runningNs === undefined || runningNs > run.startNs + TOLERANCE_NS || runningNs < span.startNs)
    said.push(`has no or a wrong beginning of RUNNING: ${runningNs}, ran at ${run.startNs}`);
  return said;
}

/** When the attempt became RUNNING, and when its own code began, as its span and those beneath it show. */
function runTimes(span: FlatSpan, spans: readonly FlatSpan[]): [running: bigint | undefined, execute: bigint | undefined] {
  const below = spans.filter(({ parentSpanId }) => parentSpanId === span.spanId);
  const running = span.events.find(({ name }) => name === 'RUNNING')?.timeNs ?? below.find(({ name }) => name === 'running')?.startNs;
  // An asynchronous method may have several such entries, of other calls too.
  const executes = below.filter(({ name }) => name === 'task:execute');
  return [running, executes.length === 1 ? executes[0]?.startNs : undefined];
}

function checkEnd(run: Run, span: FlatSpan, reported: readonly bigint[], kills: readonly bigint[]): string[] {
  if (run.endNs === undefined) {
    const killedNs = kills.find((ns) => ns >= run.startNs);
    if (killedNs === undefined) return ['never logged its end'];
    const isRight = span.endNs >= run.startNs && span.endNs <= killedNs + LATEST_DEATH_NS;
    return isRight ? [] : [`ends ${milliseconds(span.endNs - killedNs)} after its job was killed`];
  }
  // The owner may learn of the end late, and the worker may write it down late: then their word counts.
  const isReported = reported.includes(span.endNs);
  if (isWithin(span.endNs, run.endNs, run.endNs) || (isReported && span.endNs > run.endNs)) return [];
  return [`ends ${milliseconds(span.endNs - run.endNs)} after it ended`];
}

/** When the attempt ended, by its owner and by its worker. */
function reportedEnds({ attempts, profiles }: SessionFacts, { taskId, attempt }: Run): bigint[] {
  const states = attempts.get(`${taskId}/${attempt}`)?.states ?? [];
  const entries = profiles.filter((entry) => entry.taskId === taskId && entry.attempt === attempt && entry.name.startsWith('task::'));
  return [
    ...states.filter(({ state }) => state === 'FINISHED' || state === 'FAILED').map(({ ns }) => ns),
    ...entries.map(({ endNs }) => endNs),
  ];
}

function checkStatus({ outcome }: Run, span: FlatSpan): string[] {
  if (outcome === undefined) return [];
  const isError = span.statusCode === 2;
  if (isError === INTENDED.has(outcome))
    return [`ended with ${outcome}, but its status is ${isError ? `ERROR (${span.statusMessage})` : 'not ERROR'}`];
  if (!isError || outcome === 'died') return [];
  const types = span.events.map(({ attributes }) => attributes['exception.type']).filter((type) => typeof type === 'string');
  return types.some((type) => type.split('.').at(-1) === outcome) ? [] : [`raised ${outcome}, but shows '${types.join(', ')}'`];
}

function checkCaller(caller: string, span: FlatSpan, byId: ReadonlyMap<string, FlatSpan>, session: string): string[] {
  const parent = byId.get(span.parentSpanId);
  if (isDriver(caller)) {
    const isJob = span.parentSpanId === spanId('job', session, jobOf(caller));
    return isJob ? [] : [`its parent is '${parent?.name}' instead of job ${jobOf(caller)}`];
  }
  // Ray names the creation of a threaded or asynchronous actor as the caller of all that its methods submit.
  const named = [caller, `${'ff'.repeat(8)}${caller.slice(16)}`];
  const taskId = String(parent?.attributes['ray.task_id']);
  return named.includes(taskId) ? [] : [`its parent is '${parent?.name}' (task ${taskId}) instead of task ${caller}`];
}

/** Code that a library runs in a task or in a thread of an actor: an attempt or an incarnation of that process spans it. */
function checkCovered({ covered }: GroundTruth, spans: readonly FlatSpan[]): string[] {
  return covered.flatMap(({ name, pid, startNs, endNs }) => {
    const isSpanned = spans.some(
      ({ attributes, ...span }) =>
        attributes['process.pid'] === pid &&
        ('ray.task_id' in attributes || 'ray.actor_id' in attributes) &&
        span.startNs <= startNs + TOLERANCE_NS &&
        span.endNs >= endNs - TOLERANCE_NS,
    );
    return isSpanned ? [] : [`nothing spans '${name}' in process ${pid}, ${startNs}..${endNs}`];
  });
}

/** Attempts that no task logged: only what was submitted and never ran. And no span for what Ray never ran. */
function checkOthers(truth: GroundTruth, spans: readonly FlatSpan[], session: string): string[] {
  const logged = new Set(truth.runs.map(({ taskId, attempt }) => spanId('task', session, taskId, attempt)));
  const ran = new Set(truth.runs.map(({ call }) => call));
  const neverRan = [...truth.submits.keys()].filter((call) => !ran.has(call)).length;
  const isOwn = (span: FlatSpan): boolean => OWN_FUNCTIONS.test(String(span.attributes['code.function.name']));
  const silent = spans.filter((span) => isAttempt(span, session) && isOwn(span) && !logged.has(span.spanId)).map(({ name }) => name);
  const said: string[] = [];
  if (silent.length !== neverRan)
    said.push(`${silent.length} attempts logged nothing (${silent.join(', ')}), but ${neverRan} calls never ran`);
  for (const { name, attributes } of spans) {
    const taskId = String(attributes['ray.task_id']);
    if (attributes['ray.placeholder'] === true) said.push(`placeholder '${name}' stands for task ${taskId}, though nothing was lost`);
    else if (name === 'task' || name.startsWith('task ×')) said.push(`phantom '${name}' stands for task ${taskId}`);
  }
  return said;
}

/** True for the span of an attempt itself, not of a phase of it. */
export function isAttempt({ spanId: id, attributes }: FlatSpan, session: string): boolean {
  const { 'ray.task_id': taskId, 'ray.task.attempt': attempt } = attributes;
  return typeof taskId === 'string' && typeof attempt === 'number' && id === spanId('task', session, taskId, attempt);
}

const isWithin = (ns: bigint, fromNs: bigint, untilNs: bigint): boolean => ns >= fromNs - TOLERANCE_NS && ns <= untilNs + TOLERANCE_NS;
const milliseconds = (ns: bigint): string => `${Number(ns / 1_000n) / 1_000} ms`;
