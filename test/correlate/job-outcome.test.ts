import { describe, expect, it } from 'vitest';
import type { FinishedJob } from '../../src/correlate/index.ts';
import { createCorrelator, throughCheckpoint } from '../support/correlator.ts';
import { type JobFacts, judgeJob } from '../../src/correlate/finish/job-outcome.ts';
import { DRIVER, jobDefinition, jobStates, states, taskId } from '../support/events.ts';

const ENDED: JobFacts = {
  submission: undefined,
  driverError: undefined,
  driver: { ran: true, finished: true, failed: false },
  driverExit: undefined,
  isFinished: true,
  tasks: { finished: 5, failed: 0, cancelled: 0, unfinished: 0 },
  failedInternally: 0,
  openAtEnd: 0,
};
const RUNNING = { ran: true, finished: false, failed: false };
const SHUT_DOWN = { type: 'INTENDED_USER_EXIT', detail: "Owner's worker process has crashed." };
const CRASHED = { ...SHUT_DOWN, type: 'SYSTEM_ERROR' };

/** What is known, and the outcome, its reason, and words of its message. */
const VERDICTS: readonly (readonly [title: string, facts: Partial<JobFacts>, outcome: string, reason: string, words: string])[] = [
  ['that shut down and whose tasks finished', {}, 'unknown', 'driver_ended', '5 tasks finished. Ray does not report its exit code.'],
  ['without a task', { tasks: { ...ENDED.tasks, finished: 0 } }, 'unknown', 'driver_ended', 'The driver ended. Ray'],
  ['whose cancelled tasks were to be', { tasks: { ...ENDED.tasks, cancelled: 2 } }, 'unknown', 'driver_ended', '5 tasks finished'],
  ['with a task that failed', { tasks: { ...ENDED.tasks, failed: 1 } }, 'failed', 'tasks_failed', '1 of 6 tasks failed.'],
  [
    'whose only task failed',
    { tasks: { finished: 0, failed: 1, cancelled: 0, unfinished: 0 } },
    'failed',
    'tasks_failed',
    '1 of 1 task failed.',
  ],
  [
    'whose only failed call was one of Ray itself',
    { tasks: { ...ENDED.tasks, failed: 1 }, failedInternally: 1 },
    'unknown',
    'driver_ended',
    '',
  ],
  ['that shut down while tasks were open', { openAtEnd: 3 }, 'stopped', 'tasks_open', 'while 3 tasks of the job were open'],
  ['whose driver vanished', { driver: RUNNING }, 'failed', 'driver_died', 'killed, crashed'],
  ['whose driver vanished while tasks were open', { driver: RUNNING, openAtEnd: 3 }, 'failed', 'driver_died', 'killed, crashed'],
  ['whose driver crashed, as an actor of it says', { driver: RUNNING, driverExit: CRASHED }, 'failed', 'driver_died', 'killed, crashed'],
  [
    'whose driver shut down, as an actor of it says',
    { driver: RUNNING, driverExit: SHUT_DOWN },
    'unknown',
    'driver_ended',
    'The driver ended',
  ],
  [
    'whose driver failed',
    { driver: { ran: true, finished: false, failed: true }, driverError: { errorType: 'TASK_EXECUTION_EXCEPTION', message: 'boom\nmore' } },
    'failed',
    'driver_failed',
    'boom',
  ],
  ['whose driver failed without a word', { driver: { ...RUNNING, failed: true } }, 'failed', 'driver_failed', 'The driver failed.'],
  ['without an end', { driver: RUNNING, isFinished: false }, 'unknown', 'no_end', 'no end'],
  [
    'without an end, but with failures',
    { driver: RUNNING, isFinished: false, tasks: { ...ENDED.tasks, failed: 2 } },
    'failed',
    'tasks_failed',
    '2 of 7',
  ],
  ['of whose driver nothing is known', { driver: { ...RUNNING, ran: false } }, 'unknown', 'driver_unknown', 'nothing of its driver'],
  [
    'whose submission succeeded',
    { submission: { state: 'SUCCEEDED' }, tasks: { ...ENDED.tasks, failed: 1 } },
    'succeeded',
    'submission',
    'SUCCEEDED',
  ],
  ['whose submission was stopped', { submission: { state: 'STOPPED', message: 'by a user' } }, 'stopped', 'submission', 'by a user'],
  ['whose submission failed', { submission: { state: 'FAILED', exitCode: 3 } }, 'failed', 'submission', 'with exit code 3'],
];

describe('the outcome of a job', () => {
  it.each(VERDICTS)('%s', (_, facts, outcome, reason, words) => {
    const verdict = judgeJob({ ...ENDED, ...facts });
    expect(verdict).toMatchObject({ outcome, reason });
    expect(verdict.message).toContain(words);
    expect(verdict.errorType !== undefined).toBe(outcome === 'failed');
  });
});

describe('a job that is closed', () => {
  it('keeps its outcome when attempts fail late and the bridge is started again', () => {
    const options = {};
    const first = createCorrelator(options);
    first.apply(jobDefinition(), 0);
    first.apply(jobStates({ FINISHED: 9 }), 0);
    first.apply(states(DRIVER, { RUNNING: 1, FINISHED: 8 }), 0);
    const sent = first.advance(20_000).find((lifecycle): lifecycle is FinishedJob => lifecycle.kind === 'job');
    expect(sent?.verdict).toMatchObject({ outcome: 'unknown', reason: 'driver_ended' });

    first.apply(states(taskId(1), { RUNNING: 2, FAILED: 3 }), 21_000);
    first.advance(60_000);
    const second = throughCheckpoint(first, createCorrelator(options));
    const [session] = second.entities.sessions();
    expect([...(session?.jobs.values() ?? [])].map(({ verdict }) => verdict)).toEqual([sent?.verdict]);
  });
});
