import { describe, expect, it } from 'vitest';
import type { FinishedAttempt } from '../../src/correlate/index.ts';
import { createCorrelator } from '../support/correlator.ts';
import type { RayEvent } from '../../src/event/index.ts';
import { definition, header, jobDefinition, secondNs, states, taskId, workerStates } from '../support/events.ts';

// Why a worker or node died comes in an event of its own, before or after what was running there is reported.

const TASK = taskId(1);
const WORKER = 'ab'.repeat(28);
const LATER = 100_000;
const DETAIL = 'Worker unexpectedly exits with a connection error code 2. End of file.';

const alive = workerStates(WORKER, { ALIVE: 1 });
const defined = definition(TASK);
const running = states(TASK, { RUNNING: 3 }, { workerId: WORKER });

function failed(errorType: string, message: string): RayEvent {
  return states(TASK, { FAILED: 4 }, { error: { errorType, message } });
}

function dead(reason: string, message: string, second = 4): RayEvent {
  const transitions = [{ state: 'DEAD', timeNs: secondNs(second), deathCause: { reason, message } }];
  return { ...header(), type: 'worker_lifecycle', workerId: WORKER, transitions };
}

/** Attempts that are closed within a settle time, with the events a second apart. */
function attemptsOf(...events: RayEvent[]): readonly FinishedAttempt[] {
  const correlator = createCorrelator();
  correlator.apply(jobDefinition(), 0);
  for (const event of [alive, defined, running]) correlator.apply(event, LATER);
  const closed = [];
  for (const [index, event] of events.entries()) {
    correlator.apply(event, LATER + index * 1000);
    closed.push(...correlator.advance(LATER + index * 1000));
  }
  closed.push(...correlator.advance(LATER + 60_000));
  return closed.filter((lifecycle): lifecycle is FinishedAttempt => lifecycle.kind === 'attempt');
}

describe('an attempt whose worker died', () => {
  it.each([
    '',
    'RpcError: RPC error: Socket closed rpc_code: 14',
    'RpcError: RPC Error message: Socket closed; RPC Error details:  rpc_code: 14',
  ])('has the reason of the death instead of %j, whichever is reported first', (message) => {
    const failure = failed('WORKER_DIED', message);
    const death = dead('SYSTEM_ERROR', DETAIL);
    const after = attemptsOf(failure, death);
    expect(after).toMatchObject([
      { outcome: 'failed', error: { errorType: 'WORKER_DIED', message: DETAIL }, workerExit: { type: 'SYSTEM_ERROR', detail: DETAIL } },
    ]);
    expect(attemptsOf(death, failure)).toEqual(after);
  });

  it('keeps what Ray says of the failure where that says more, and has the exit type beside it', () => {
    const message = 'UnexpectedSystemExit: Worker exits with an exit code 3.';
    expect(attemptsOf(failed('WORKER_DIED', message), dead('SYSTEM_ERROR', DETAIL))).toMatchObject([
      { error: { message }, workerExit: { type: 'SYSTEM_ERROR' } },
    ]);
  });

  it('is not blamed on a worker that died long after', () => {
    expect(attemptsOf(failed('ACTOR_UNAVAILABLE', ''), dead('SYSTEM_ERROR', DETAIL, 60))).toMatchObject([
      { outcome: 'failed', error: { message: '' }, workerExit: undefined },
    ]);
  });

  it('is closed without the reason when that does not come within the settle time', () => {
    expect(attemptsOf(failed('WORKER_DIED', ''))).toMatchObject([{ outcome: 'failed', error: { errorType: 'WORKER_DIED', message: '' } }]);
  });

  it.each([
    ['a crash', 'SYSTEM_ERROR', DETAIL, { outcome: 'failed', error: { errorType: 'WORKER_DIED', message: DETAIL } }],
    [
      'the memory of its node',
      'NODE_OUT_OF_MEMORY',
      'too much',
      { outcome: 'failed', error: { errorType: 'OUT_OF_MEMORY', message: 'too much' } },
    ],
    [
      'a forced ray.cancel',
      'INTENDED_USER_EXIT',
      'The worker exits because the task work has received a force ray.cancel request.',
      { outcome: 'cancelled' },
    ],
    [
      'the end of its job',
      'INTENDED_USER_EXIT',
      'Worker force exited because its job has finished',
      { outcome: 'unfinished', endReason: 'driver_ended' },
    ],
    [
      'an exit that was meant',
      'INTENDED_USER_EXIT',
      'Worker exits by an user request.',
      { outcome: 'unfinished', endReason: 'intended_exit' },
    ],
    [
      'ray.kill',
      'INTENDED_SYSTEM_EXIT',
      'Worker exits because the actor is killed. The actor is dead because it was killed by `ray.kill`.',
      { outcome: 'failed', error: { errorType: 'ACTOR_DIED', message: 'The actor is dead because it was killed by `ray.kill`.' } },
    ],
  ])('without a reported end says that it was ended by %s', (_, exitType, detail, expected) => {
    expect(attemptsOf(dead(exitType, detail))).toMatchObject([expected]);
  });
});
