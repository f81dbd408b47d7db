import { describe, expect, it } from 'vitest';
import { rayEventsToSpans } from '../../src/convert.ts';
import { otlpJsonLines } from '../../src/export/index.ts';
import { type FlatSpan, readOtlpJsonLines } from '../support/otlp-spans.ts';
import { recordedEvents } from '../support/recordings.ts';

// What became of tasks that were cancelled, whose workers died and that exited, as the programs that were recorded printed it.

const spans = spansOf('endings-ray-2.60.0.ndjson.gz');

function spansOf(recording: string): readonly FlatSpan[] {
  return readOtlpJsonLines([...otlpJsonLines(rayEventsToSpans(recordedEvents(recording)).spans)].join(''));
}

function attemptsOf(name: string): readonly FlatSpan[] {
  return spans
    .filter((span) => span.name === name && 'ray.task.type' in span.attributes)
    .toSorted((a, b) => (a.startNs < b.startNs ? -1 : 1));
}

function outcomeOf({ statusCode, attributes }: FlatSpan): string {
  const outcome = attributes['ray.task.outcome'];
  return statusCode === 2 ? 'failed' : typeof outcome === 'string' ? outcome : 'finished';
}

/** By name; several where a name stands for several tasks. */
const OUTCOMES: Readonly<Record<string, readonly string[]>> = {
  // `ray.cancel` of tasks that run, with and without force, with retries left, and while they wait in ray.get.
  c_run: ['cancelled'],
  c_force: ['cancelled'],
  c_retry: ['cancelled'],
  c_retry_force: ['cancelled'],
  c_gen: ['cancelled'],
  c_wait_get: ['cancelled'],
  // Of tasks that wait for a node and for arguments. The second infeasible one waited when its driver ended.
  c_infeasible: ['cancelled', 'unfinished'],
  c_args: ['cancelled'],
  c_run2: ['cancelled'],
  // Recursive, and not: then the children die later, with the worker of their parent.
  c_parent: ['cancelled'],
  c_parent_nr: ['cancelled'],
  c_child: ['cancelled', 'cancelled', 'failed', 'failed'],
  // Of calls of actors: running in an async actor, and waiting for their turn. A running call of another actor cannot be cancelled.
  'AS.slow': ['cancelled'],
  'AS.swallow': ['cancelled'],
  'S.q_pending': ['cancelled'],
  'S.slow': ['finished'],
  // A task may catch the cancellation, and may end as if it had been cancelled.
  c_swallow: ['finished'],
  c_convert: ['failed'],
  c_kbd: ['cancelled'],
  c_kbdmsg: ['cancelled'],
  c_raises_cancelled: ['cancelled'],
  c_raises_ac: ['failed'],
  // Exits that were meant, and those that were not.
  d_sys0: ['finished'],
  d_maxcalls: ['finished'],
  'X.exit_actor': ['finished'],
  'X.sys0': ['finished'],
  'AX.exit_actor': ['finished'],
  'AX.slow_exit': ['finished'],
  d_sys3: ['failed'],
  d_sysmsg: ['failed'],
  d_term: ['failed'],
  d_kill: ['failed'],
  d_segv: ['failed'],
  d_retry: ['failed', 'failed'],
  'X.sys3': ['failed'],
  'X.kill': ['failed'],
  'X.slow_raykill': ['failed'],
  'X.q_after_exit_actor': ['failed'],
  'IX.q_sys0': ['failed'],
};

describe('the outcome of an attempt', () => {
  it.each(Object.entries(OUTCOMES))('%s is %j', (name, outcomes) => {
    expect(attemptsOf(name).map(outcomeOf)).toEqual(outcomes);
  });

  it.each(['c_run', 'c_force', 'AS.slow', 'X.exit_actor', 'd_sys0'])('of %s comes without error and exception', (name) => {
    const [span] = attemptsOf(name);
    expect(span?.attributes).not.toHaveProperty('error.type');
    expect(span?.events.map((event) => event.name)).not.toContain('exception');
    expect(span?.statusCode).toBe(0);
  });

  it('says that an exit was meant, and that what waited ended with its driver', () => {
    expect(attemptsOf('X.exit_actor')[0]?.attributes['ray.task.end_reason']).toBe('intended_exit');
    expect(attemptsOf('c_infeasible')[1]?.attributes['ray.task.end_reason']).toBe('driver_ended');
  });

  it.each([
    ['d_kill', 'Worker unexpectedly exits with a connection error code 2.', 'SYSTEM_ERROR'],
    ['d_sys3', 'UnexpectedSystemExit: Worker exits with an exit code 3.', 'SYSTEM_ERROR'],
    ['X.slow_raykill', 'The actor is dead because it was killed by `ray.kill`.', 'INTENDED_SYSTEM_EXIT'],
    ['c_child', 'Worker exits unexpectedly. Worker exits with an exit code 1. The process receives a SIGTERM.', 'SYSTEM_ERROR'],
    ['ix_kill:IX.__init__', 'The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR', 'SYSTEM_ERROR'],
  ])('of %s says why its worker died', (name, message, exitType) => {
    const span = attemptsOf(name).at(-1);
    expect(span?.statusMessage).toContain(message);
    expect(span?.attributes['ray.worker.exit_type']).toBe(exitType);
  });

  it('is counted in the job', () => {
    const job = spans.find((span) => span.name === 'job python cancels.py');
    expect(job?.attributes).toMatchObject({
      'ray.job.tasks.finished': 5,
      'ray.job.tasks.failed': 4,
      'ray.job.tasks.cancelled': 19,
      'ray.job.tasks.unfinished': 1,
    });
  });
});

// Sixteen drivers, in the order of their job ids, and seven submissions. What Ray does not report, the bridge must not claim: a driver that
// raises an exception or exits with a code after its tasks are done looks like one that succeeds.
const DRIVERS: readonly (readonly [how: string, outcome: string, reason: string])[] = [
  ['exits with 0', 'unknown', 'driver_ended'],
  ['raises an exception when its tasks are done', 'unknown', 'driver_ended'],
  ['exits with 3 when its tasks are done', 'unknown', 'driver_ended'],
  ['leaves by os._exit(0)', 'failed', 'driver_died'],
  ['gets a SIGKILL', 'failed', 'driver_died'],
  ['gets a SIGTERM when its tasks are done', 'unknown', 'driver_ended'],
  ['gets a SIGINT while tasks run', 'stopped', 'tasks_open'],
  ['calls ray.shutdown()', 'unknown', 'driver_ended'],
  ['catches that three of six tasks fail', 'failed', 'tasks_failed'],
  ['ends with the exception of a task', 'failed', 'tasks_failed'],
  ['catches that one of five tasks fails', 'failed', 'tasks_failed'],
  ['gets a SIGKILL while tasks run', 'failed', 'driver_died'],
  ['gets a SIGTERM while tasks run', 'stopped', 'tasks_open'],
  ['raises an exception while tasks run', 'stopped', 'tasks_open'],
  ['exits while tasks run', 'stopped', 'tasks_open'],
  ['calls ray.shutdown() while tasks run', 'stopped', 'tasks_open'],
];
const SUBMISSIONS: Readonly<Record<string, readonly [outcome: string, reason: string]>> = {
  's-ok': ['unknown', 'driver_ended'],
  's-exc': ['unknown', 'driver_ended'],
  's-exit3': ['unknown', 'driver_ended'],
  's-kill': ['failed', 'driver_died'],
  's-stop': ['stopped', 'tasks_open'],
  's-stopidle': ['unknown', 'driver_ended'],
};

describe('the outcome of a job whose driver', () => {
  const jobs = spansOf('job-outcomes-ray-2.60.0.ndjson.gz').filter(isJob);
  it.each(DRIVERS.map(([how, ...rest], index) => [how, (index + 1).toString(16).padStart(2, '0'), ...rest] as const))(
    '%s (job %s)',
    (_, id, outcome, reason) => {
      const job = jobs.find(({ attributes }) => attributes['ray.job_id'] === `${id}000000`);
      expect(job?.attributes).toMatchObject({ 'ray.job.outcome': outcome, 'ray.job.outcome_reason': reason });
      expect(job?.statusCode).toBe(outcome === 'failed' ? 2 : 0);
    },
  );

  const submitted = spansOf('submissions-ray-2.60.0.ndjson.gz').filter(isJob);
  it.each(Object.entries(SUBMISSIONS))('is submitted as %s', (name, [outcome, reason]) => {
    const job = submitted.find(({ attributes }) => attributes['ray.job.submission_id'] === name);
    expect(job?.attributes).toMatchObject({ 'ray.job.outcome': outcome, 'ray.job.outcome_reason': reason });
  });
});

function isJob({ attributes }: FlatSpan): boolean {
  return 'ray.job.outcome' in attributes;
}
