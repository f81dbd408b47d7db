import { describe, expect, it } from 'vitest';
import { rayEventsToSpans } from '../../src/convert.ts';
import type { Finished } from '../../src/correlate/index.ts';
import { createCorrelator, type LifecycleCorrelator, throughCheckpoint } from '../support/correlator.ts';
import { decodeEvent, type RayEvent } from '../../src/event/index.ts';
import { otlpJsonLines } from '../../src/export/index.ts';
import {
  ACTOR_ID,
  GROUP_ID,
  JOB_ID,
  NODE_ID,
  type Raw,
  rawDefinition,
  rawEvent,
  rawLifecycle,
  TASK_ID,
  WORKER_ID,
} from '../support/raw-events.ts';
import { type FlatSpan, readOtlpJsonLines } from '../support/otlp-spans.ts';

// A state that ends something, without a time or with an impossible one: what ended has ended, at its last known time, and says that this is inferred.

const NO_TIMES = ['1970-01-01T00:00:00Z', '0001-01-01T00:00:00Z', '', '2200-01-01T00:00:00Z', null, undefined];
const OF_DRIVER = Buffer.concat([Buffer.alloc(20, 0xff), Buffer.from([1, 0, 0, 0])]).toString('base64');
let ids = 0;

function at(second: number): string {
  return `2026-11-25T10:00:${String(second).padStart(2, '0')}Z`;
}

function nsAt(second: number): bigint {
  return BigInt(Date.parse(at(second))) * 1_000_000n;
}

/** Events of their own ids. */
function own(raw: Raw): Raw {
  ids += 1;
  return { ...raw, eventId: `event-${ids}` };
}

function state(name: string, timestamp: unknown, details: Raw = {}): Raw {
  return { state: name, timestamp, ...details };
}

function task(states: readonly Raw[], payload: Raw = {}): Raw {
  return own(rawLifecycle({ stateTransitions: states, ...payload }));
}

function definition(): Raw {
  return own(rawDefinition({ parentTaskId: OF_DRIVER }));
}

function job(...states: readonly Raw[]): Raw {
  return own(rawEvent('DRIVER_JOB_LIFECYCLE_EVENT', 'driverJobLifecycleEvent', { jobId: JOB_ID, stateTransitions: states }));
}

function spansOf(...raws: readonly Raw[]): FlatSpan[] {
  const { spans, rejected } = rayEventsToSpans(raws);
  expect(rejected).toEqual([]);
  return readOtlpJsonLines([...otlpJsonLines(spans)].join(''));
}

function only(spans: readonly FlatSpan[], start: string): FlatSpan {
  const [span, another] = spans.filter(({ name }) => name.startsWith(start));
  if (span === undefined || another !== undefined)
    throw new Error(`no span, or several, of ${start}: ${spans.map(({ name }) => name).join()}`);
  return span;
}

describe.each(NO_TIMES)('with the time %j', (noTime) => {
  it('a FAILED task is a failure with its error, which ends at its last known state', () => {
    const rayErrorInfo = { errorType: 'WORKER_DIED', errorMessage: 'job finishes' };
    const span = only(
      spansOf(
        definition(),
        task([state('PENDING_ARGS_AVAIL', at(1)), state('RUNNING', at(2))]),
        task([state('FAILED', noTime)], { rayErrorInfo }),
        job(state('CREATED', at(0)), state('FINISHED', at(9))),
      ),
      'flaky',
    );
    expect(span).toMatchObject({ statusCode: 2, statusMessage: 'job finishes', startNs: nsAt(1), endNs: nsAt(2) });
    expect(span.attributes).toMatchObject({ 'error.type': 'WORKER_DIED', 'ray.end_inferred': 'last_state', 'ray.task.state': 'FAILED' });
    expect(span.attributes).not.toHaveProperty('ray.task.running_seconds');
  });

  it('a FINISHED task has finished', () => {
    const span = only(spansOf(definition(), task([state('RUNNING', at(2))]), task([state('FINISHED', noTime)])), 'flaky');
    expect(span).toMatchObject({ statusCode: 0, endNs: nsAt(2) });
    expect(span.attributes).toMatchObject({ 'ray.task.state': 'FINISHED', 'ray.end_inferred': 'last_state' });
  });

  it('another state of a task is as if it were not there', () => {
    const span = only(
      spansOf(definition(), task([state('PENDING_ARGS_AVAIL', noTime), state('RUNNING', at(1)), state('FINISHED', at(2))])),
      'flaky',
    );
    expect(span).toMatchObject({ startNs: nsAt(1), endNs: nsAt(2) });
    expect(span.attributes).not.toHaveProperty('ray.end_inferred');
  });

  it('a state of the map of Ray 2.49 counts like one of the list', () => {
    const taskState = { '1': at(1), '8': at(2), '12': noTime };
    const rayErrorInfo = { errorType: 'TASK_EXECUTION_EXCEPTION', errorMessage: 'bad' };
    const raw = own(rawEvent('TASK_EXECUTION_EVENT', 'taskExecutionEvent', { taskId: TASK_ID, taskState, rayErrorInfo }));
    // A map has no member for undefined.
    const span = only(spansOf(definition(), raw), 'flaky');
    expect(span).toMatchObject(noTime === undefined ? { startNs: nsAt(1) } : { statusCode: 2, startNs: nsAt(1), endNs: nsAt(2) });
  });

  it('a job has FINISHED when its last task had', () => {
    const spans = spansOf(
      job(state('CREATED', at(0))),
      job(state('FINISHED', noTime)),
      definition(),
      task([state('RUNNING', at(1)), state('FINISHED', at(4))]),
    );
    expect(only(spans, 'job ')).toMatchObject({ startNs: nsAt(0), endNs: nsAt(4) });
    expect(only(spans, 'job ').attributes['ray.end_inferred']).toBe('last_state');
  });

  it("the driver's own task ends its job", () => {
    const spans = spansOf(
      job(state('CREATED', at(0))),
      own(rawLifecycle({ taskId: OF_DRIVER, stateTransitions: [state('RUNNING', at(1))] })),
      own(rawLifecycle({ taskId: OF_DRIVER, stateTransitions: [state('FAILED', noTime)] })),
    );
    expect(only(spans, 'job ')).toMatchObject({ endNs: nsAt(1) });
    expect(only(spans, 'job ').attributes['ray.end_inferred']).toBe('last_state');
  });

  it('an actor that is DEAD has its death cause', () => {
    const deathCause = { actorDiedErrorContext: { reason: 'RAY_KILL', errorMessage: 'killed' } };
    const actor = (...states: readonly Raw[]): Raw =>
      own(rawEvent('ACTOR_LIFECYCLE_EVENT', 'actorLifecycleEvent', { actorId: ACTOR_ID, stateTransitions: states }));
    const spans = spansOf(actor(state('PENDING_CREATION', at(1)), state('ALIVE', at(2))), actor(state('DEAD', noTime, { deathCause })));
    const span = only(spans, 'actor ');
    expect(span).toMatchObject({ startNs: nsAt(1), endNs: nsAt(2) });
    expect(span.attributes).toMatchObject({ 'ray.actor.death_message': 'killed', 'ray.end_inferred': 'last_state' });
    const incarnation = spans.find(({ parentSpanId }) => parentSpanId === span.spanId);
    expect(incarnation?.attributes['ray.end_inferred']).toBe('last_state');
  });

  it('a node keeps its names, and its death the reason', () => {
    const deathInfo = { reason: 'UNEXPECTED_TERMINATION', reasonMessage: 'gone' };
    const node = (...states: readonly Raw[]): Raw =>
      own(rawEvent('NODE_LIFECYCLE_EVENT', 'nodeLifecycleEvent', { nodeId: NODE_ID, stateTransitions: states }));
    const named = { nodeId: NODE_ID, hostname: 'gpu-7', startTimestamp: noTime };
    const span = only(
      spansOf(
        own(rawEvent('NODE_DEFINITION_EVENT', 'nodeDefinitionEvent', named)),
        node(state('ALIVE', at(3))),
        node(state('DEAD', noTime, { deathInfo })),
      ),
      'node ',
    );
    expect(span).toMatchObject({ name: 'node gpu-7', statusCode: 2, statusMessage: 'gone', startNs: nsAt(3), endNs: nsAt(3) });
    expect(span.attributes).toMatchObject({ 'error.type': 'UNEXPECTED_TERMINATION', 'ray.end_inferred': 'last_state' });
  });

  it('a worker that died ends its open attempts', () => {
    const deathInfo = { exitType: 'SYSTEM_ERROR', exitDetail: 'crashed' };
    const worker = (...states: readonly Raw[]): Raw =>
      own(rawEvent('WORKER_LIFECYCLE_EVENT', 'workerLifecycleEvent', { workerId: WORKER_ID, stateTransitions: states }));
    const spans = spansOf(
      worker(state('ALIVE', at(1))),
      worker(state('DEAD', noTime, { deathInfo })),
      definition(),
      task([state('SUBMITTED_TO_WORKER', at(2))], { nodeId: NODE_ID, workerId: WORKER_ID }),
      job(state('CREATED', at(0)), state('FINISHED', at(9))),
    );
    expect(only(spans, 'worker ')).toMatchObject({ statusCode: 2, statusMessage: 'crashed' });
    expect(only(spans, 'flaky')).toMatchObject({ statusCode: 2, endNs: nsAt(2) });
    expect(only(spans, 'flaky').attributes['ray.end_inferred']).toBe('worker_died');
  });

  it('a placement group was REMOVED', () => {
    const stateTransitions = [state('PENDING', at(1)), state('CREATED', at(2)), state('REMOVED', noTime)];
    const raw = own(
      rawEvent('PLACEMENT_GROUP_LIFECYCLE_EVENT', 'placementGroupLifecycleEvent', { placementGroupId: GROUP_ID, stateTransitions }),
    );
    expect(only(spansOf(raw, job(state('CREATED', at(9)))), 'placement group')).toMatchObject({ endNs: nsAt(2) });
  });

  it('a submission FAILED with its message', () => {
    const details = { message: 'exit code 3', errorType: 'JOB_ENTRYPOINT_COMMAND_ERROR', driverExitCode: 3 };
    const stateTransitions = [state('RUNNING', at(2)), state('FAILED', noTime, details)];
    const raw = own(
      rawEvent('SUBMISSION_JOB_LIFECYCLE_EVENT', 'submissionJobLifecycleEvent', { submissionId: 'raysubmit_1', stateTransitions }),
    );
    const span = only(spansOf(raw, job(state('CREATED', at(9)))), 'submission');
    expect(span).toMatchObject({ statusCode: 2, statusMessage: 'exit code 3', endNs: nsAt(2) });
    expect(span.attributes).toMatchObject({ 'ray.submission.exit_code': 3, 'ray.end_inferred': 'last_state' });
  });

  it('a Kubernetes event gets the last known time of its session, once for each count', () => {
    const platform = (count: string): Raw =>
      rawEvent(
        'PLATFORM_EVENT',
        'platformEvent',
        { objectKind: 'Pod', objectName: 'p', reason: 'BackOff', message: 'm', customFields: { count } },
        { eventId: 'uid', timestamp: noTime },
      );
    const spans = spansOf(platform('1'), platform('1'), job(state('CREATED', at(9))));
    expect(only(spans, 'platform')).toMatchObject({ startNs: nsAt(9), endNs: nsAt(9) });
    expect(only(spans, 'platform').attributes).toMatchObject({ 'ray.end_inferred': 'silence', 'ray.event.reason': 'BackOff' });
  });
});

describe('an end without a time', () => {
  it('gives way to one with a time, whichever comes first', () => {
    const [timed, untimed] = [task([state('FINISHED', at(5))]), task([state('FINISHED', '')])];
    for (const order of [
      [timed, untimed],
      [untimed, timed],
    ]) {
      const span = only(spansOf(definition(), task([state('RUNNING', at(2))]), ...order), 'flaky');
      expect(span.endNs).toBe(nsAt(5));
      expect(span.attributes).not.toHaveProperty('ray.end_inferred');
    }
  });

  it('is a failure when one of the ends is, whichever comes first', () => {
    const [failed, finished] = [task([state('FAILED', '')]), task([state('FINISHED', at(5))])];
    for (const order of [
      [failed, finished],
      [finished, failed],
    ]) {
      expect(only(spansOf(definition(), task([state('RUNNING', at(2))]), ...order), 'flaky')).toMatchObject({
        statusCode: 2,
        endNs: nsAt(5),
      });
    }
  });

  it('takes the end of the profile entry of the whole task, where there is one', () => {
    const entry = { eventName: 'task::flaky', startTime: String(nsAt(2)), endTime: String(nsAt(7)) };
    const profile = own(
      rawEvent('TASK_PROFILE_EVENT', 'taskProfileEvents', { taskId: TASK_ID, profileEvents: { componentType: 'worker', events: [entry] } }),
    );
    const span = only(spansOf(definition(), task([state('RUNNING', at(2))]), task([state('FAILED', '')]), profile), 'flaky');
    expect(span).toMatchObject({ statusCode: 2, endNs: nsAt(7) });
    expect(span.attributes['ray.end_inferred']).toBe('profile');
  });

  it('closes the attempt a settle time later, also after a restart', () => {
    const correlator = make();
    apply(correlator, 100_000, job(state('CREATED', at(0))), definition(), task([state('RUNNING', at(2))]), task([state('FAILED', '')]));
    const restored = throughCheckpoint(correlator, make());
    for (const one of [correlator, restored]) {
      expect(summaries(one.advance(104_999))).toEqual([]);
      expect(summaries(one.advance(105_000))).toEqual(['attempt failed last_state']);
    }
  });

  it('of a job closes what is open of it fifteen seconds later', () => {
    const correlator = make();
    apply(correlator, 100_000, job(state('CREATED', at(0))), definition(), task([state('RUNNING', at(2))]), job(state('FINISHED', '')));
    expect(summaries(correlator.advance(114_999))).toEqual([]);
    expect(summaries(correlator.advance(115_000))).toEqual(['attempt unfinished job_finished', 'job  last_state']);
  });

  it('is known to a reader of the entities', () => {
    const correlator = make();
    apply(correlator, 100_000, job(state('CREATED', at(0))), definition(), task([state('RUNNING', at(2))]), task([state('FAILED', '')]));
    const [session] = correlator.entities.sessions();
    const [attempt] = [...(session?.jobs.values() ?? [])].flatMap(({ open }) => [...open]);
    expect(attempt?.rareFields.untimedEnd).toBe('FAILED');
  });
});

it('a session without any possible time is placed at the time of its receipt', () => {
  const correlator = make();
  apply(correlator, 1_795_471_297_000, definition(), task([state('RUNNING', ''), state('FAILED', '1970-01-01T00:00:00Z')]));
  const [attempt] = correlator.advance(1_795_471_302_000);
  expect(attempt).toMatchObject({ kind: 'attempt', outcome: 'failed', startNs: 1_795_471_297_000_000_000n });
});

function make(): LifecycleCorrelator {
  return createCorrelator();
}

function apply(correlator: LifecycleCorrelator, nowMs: number, ...raws: readonly Raw[]): void {
  for (const event of raws.map(decoded)) correlator.apply(event, nowMs);
}

function decoded(raw: Raw): RayEvent {
  const result = decodeEvent(raw);
  if (!result.ok) throw new Error(result.rejection.message);
  return result.event;
}

function summaries(lifecycles: readonly Finished[]): string[] {
  return lifecycles.map(
    (lifecycle) => `${lifecycle.kind} ${lifecycle.kind === 'attempt' ? lifecycle.outcome : ''} ${lifecycle.endInferred}`,
  );
}
