import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import type { InFlightEntity } from '../../src/correlate/index.ts';
import { ATTRIBUTES, type AttributeRow, createSpanMapper } from '../../src/span/index.ts';
import { plainSpan } from '../../src/otlp/index.ts';
import { spanId } from '../support/identity.ts';

const SESSION = 'session_2026-11-23_22-01-08_734793_558';
const JOB = '01000000';
const ACTOR = `${'a'.repeat(24)}${JOB}`;
const TASK = `0123456789abcdef${ACTOR}`;
const common = {
  kind: 'in_flight',
  session: SESSION,
  trace: { kind: 'job', session: SESSION, jobId: JOB },
  links: [],
  jobId: JOB,
  startNs: 5n,
  endNs: 6n,
} as const;

const inFlight: Readonly<Record<string, InFlightEntity>> = {
  job: {
    ...common,
    parent: { kind: 'job', id: JOB },
    name: 'nightly',
    job: {
      eventId: 'e',
      session: SESSION,
      type: 'job_definition',
      jobId: JOB,
      jobName: 'nightly',
      submissionId: 'raysubmit_1',
      entrypoint: 'python train.py',
      driverPid: 7,
    },
  },
  task: {
    ...common,
    parent: { kind: 'task', taskId: TASK, attempt: 1 },
    name: 'Trainer.train',
    attempt: {
      taskId: TASK,
      attempt: 1,
      actorId: ACTOR,
      workerId: 'ab'.repeat(28),
      workerPid: 8,
      definition: {
        taskType: 'ACTOR_TASK',
        name: 'Trainer.train',
        language: 'PYTHON',
        moduleName: 'train',
        className: 'Trainer',
        functionName: 'train',
        requiredResources: { CPU: 1 },
      },
    },
  },
  session: {
    kind: 'in_flight',
    session: SESSION,
    trace: { kind: 'session', session: SESSION },
    parent: { kind: 'session' },
    links: [],
    name: SESSION,
    startNs: 5n,
    endNs: 6n,
  },
  actor: {
    ...common,
    trace: { kind: 'actor', session: SESSION, actorId: ACTOR },
    parent: { kind: 'actor', id: ACTOR },
    name: 'server',
    actor: { actorId: ACTOR, className: 'Server', moduleName: 'ray.serve.x' },
  },
};

function spanOf(kind: keyof typeof inFlight): ReadableSpan {
  const spans = createSpanMapper()(inFlight[kind] as InFlightEntity);
  expect(spans).toHaveLength(1);
  return plainSpan(spans[0] as ReadableSpan);
}

describe('mapping in-flight spans', () => {
  it.each([
    ['job', 'job nightly (in flight)', spanId('job', SESSION, JOB)],
    ['task', 'Trainer.train (in flight)', spanId('task', SESSION, TASK, 1)],
    ['session', 'session (in flight)', spanId('session', SESSION)],
    ['actor', 'actor server (in flight)', spanId('actor', SESSION, ACTOR)],
  ])('the in-flight span of a %s has its name, and the ids of the published formula', (kind, name, parent) => {
    const span = spanOf(kind);
    expect([span.name, span.parentSpanContext?.spanId]).toEqual([name, parent]);
    expect(span.spanContext().spanId).toBe(spanId('mark', SESSION, parent));
    expect(span.events).toEqual([]);
  });

  it('an in-flight span has the attributes of the open work', () => {
    expect(spanOf('job').attributes).toEqual({
      'ray.in_flight': true,
      'ray.job_id': JOB,
      'ray.job.name': 'nightly',
      'ray.job.submission_id': 'raysubmit_1',
      'ray.job.entrypoint': 'python train.py',
      'process.pid': 7,
    });
    expect(spanOf('task').attributes).toEqual({
      'ray.in_flight': true,
      'ray.job_id': JOB,
      'ray.task_id': TASK,
      'ray.task.attempt': 1,
      'ray.actor_id': ACTOR,
      'ray.worker_id': 'ab'.repeat(28),
      'process.pid': 8,
      'code.function.name': 'train.Trainer.train',
      'ray.function': 'Trainer.train',
      'ray.actor_class': 'Trainer',
      'ray.actor_method': 'train',
    });
    expect(spanOf('actor').attributes).toMatchObject({ 'ray.actor_class': 'Server', 'ray.internal': true });
  });

  it.each(Object.keys(inFlight))('the in-flight span of a %s has only attributes that the table lists for it', (kind) => {
    const rows: Readonly<Record<string, AttributeRow>> = ATTRIBUTES;
    const strangers = Object.keys(spanOf(kind).attributes).filter((key) => !rows[key]?.on.some((on) => on === 'in_flight' || on === 'all'));
    expect(strangers).toEqual([]);
  });
});
