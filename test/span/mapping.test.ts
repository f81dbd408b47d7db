import { SpanStatusCode } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import type { ActorLifecycle, FinishedAttempt, TraceRef } from '../../src/correlate/index.ts';
import { createSampling, createSpanMapper, type SpanOptions, taskSpanId } from '../../src/span/index.ts';

const SESSION = 'session_2026-11-23_22-01-08_734793_558';
const TRACE: TraceRef = { kind: 'job', session: SESSION, jobId: '01000000' };
const TASK_ID = `0123456789abcdef${'f'.repeat(24)}01000000`;
const MS = 1_000_000n;

function attempt(over: Partial<FinishedAttempt> = {}): FinishedAttempt {
  return {
    kind: 'attempt',
    session: SESSION,
    trace: TRACE,
    parent: { kind: 'job', id: '01000000' },
    links: [],
    taskId: TASK_ID,
    attempt: 0,
    jobId: '01000000',
    name: 'train',
    definitionFrom: 'own',
    states: [
      { state: 'PENDING_ARGS_AVAIL', timeNs: 0n },
      { state: 'PENDING_NODE_ASSIGNMENT', timeNs: 1n * MS },
      { state: 'RUNNING', timeNs: 20n * MS },
      { state: 'FINISHED', timeNs: 50n * MS },
    ],
    startNs: 0n,
    endNs: 50n * MS,
    outcome: 'finished',
    profile: [],
    ...over,
  };
}

function spansOf(lifecycle: FinishedAttempt, options: Partial<SpanOptions> = {}) {
  return createSpanMapper(options)(lifecycle);
}

function only<Item>(items: readonly Item[]): Item {
  expect(items).toHaveLength(1);
  return items[0] as Item;
}

describe('mapping phases', () => {
  const fast = attempt({
    states: [
      { state: 'PENDING_ARGS_AVAIL', timeNs: 0n },
      { state: 'RUNNING', timeNs: 20n * MS - 1n },
      { state: 'FINISHED', timeNs: 50n * MS },
    ],
  });

  it('phases become child spans when the attempt waited 20 ms, and events otherwise', () => {
    expect(spansOf(attempt()).map(({ name }) => name)).toEqual(['train', 'pending args', 'pending node assignment', 'running']);
    expect(only(spansOf(fast)).events.map(({ name }) => name)).toEqual(['PENDING_ARGS_AVAIL', 'RUNNING', 'FINISHED']);
  });

  it('phases follow each other without a gap from the first state to the end', () => {
    const [, ...phases] = spansOf(attempt());
    expect(phases.map(({ startTime, endTime }) => [startTime[1], endTime[1]])).toEqual([
      [0, 1e6],
      [1e6, 20e6],
      [20e6, 50e6],
    ]);
    for (const phase of phases) expect(phase.parentSpanContext?.spanId).toBe(taskSpanId(SESSION, TASK_ID, 0));
  });

  it.each([
    ['spans', fast, 3, 0],
    ['events', attempt(), 1, 4],
    ['none', attempt(), 1, 0],
  ] as const)('phases are shown as the setting %s requires', (phases, lifecycle, spans, events) => {
    const mapped = spansOf(lifecycle, { phases });
    expect(mapped).toHaveLength(spans);
    expect(mapped[0]?.events).toHaveLength(events);
  });

  it('an attempt has one span without states when the trace budget gives it no more, and a failure keeps its states', () => {
    expect(only(spansOf(attempt({ isCompact: true }))).events).toHaveLength(0);
    const states = attempt().states.length;
    expect(only(spansOf(attempt({ isCompact: true, outcome: 'failed' }))).events.filter(({ name }) => name !== 'exception')).toHaveLength(
      states,
    );
  });

  it('phases end at the terminal state, and later states become events with a marking attribute', () => {
    const states = [...attempt().states, { state: 'RUNNING', timeNs: 90n * MS }];
    const [span, ...phases] = spansOf(attempt({ states, endNs: 90n * MS }));
    expect(phases.at(-1)?.endTime).toEqual([0, 50e6]);
    expect(span?.events.map(({ name }) => name)).toEqual(['RUNNING']);
    expect(span?.attributes).toMatchObject({
      'ray.end_after_terminal': true,
      'ray.task.state': 'FINISHED',
      'ray.task.running_seconds': 0.03,
    });
  });
});

describe('mapping failures', () => {
  const stacktrace =
    'ray::train() (pid=7)\n  File "/app/a.py", line 3, in train\n    raise ValueError("bad")\nValueError: bad\nsecond line';
  const traceback = `User exception:\n${stacktrace}`;

  it('a failure has the exception type and message of the traceback', () => {
    const span = only(
      spansOf(attempt({ outcome: 'failed', error: { errorType: 'TASK_EXECUTION_EXCEPTION', message: traceback } }), { phases: 'none' }),
    );
    expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message: 'ValueError: bad' });
    expect(span.attributes['error.type']).toBe('TASK_EXECUTION_EXCEPTION');
    expect(only(span.events)).toMatchObject({
      name: 'exception',
      time: [0, 50e6],
      attributes: { 'exception.type': 'ValueError', 'exception.message': 'bad\nsecond line', 'exception.stacktrace': stacktrace },
    });
  });

  it('a failed constructor has the exception of the user, not the wrapper of Ray', () => {
    const message = `CreationTaskError: ${traceback.replace('\nsecond line', '')}\n\nSystem error:\nCreationTaskError: Exception raised from an actor init method.`;
    const span = only(
      spansOf(attempt({ outcome: 'failed', error: { errorType: 'TASK_EXECUTION_EXCEPTION', message } }), { phases: 'none' }),
    );
    expect(span.status.message).toBe('ValueError: bad');
  });

  it('a failure without a message has its type as status message', () => {
    const span = only(spansOf(attempt({ outcome: 'failed', error: { errorType: 'WORKER_DIED', message: '' } }), { phases: 'none' }));
    expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message: 'WORKER_DIED' });
    expect(span.events).toEqual([]);
  });

  it('an unknown failure has the error type _OTHER, and a success leaves the status unset', () => {
    expect(only(spansOf(attempt({ outcome: 'failed' }), { phases: 'none' })).attributes['error.type']).toBe('_OTHER');
    expect(only(spansOf(attempt(), { phases: 'none' })).status).toEqual({ code: SpanStatusCode.UNSET });
  });
});

it('long values are cut and marked as truncated, never inside a character', () => {
  const span = only(spansOf(attempt({ actorReprName: `abc😀${'x'.repeat(20)}` }), { phases: 'none', valueLengthMax: 4 }));
  expect(span.attributes).toMatchObject({ 'ray.actor.repr': 'abc', 'ray.actor.repr.truncated': true });
  expect(span.attributes).not.toHaveProperty('ray.task.attempt.truncated');
});

it('names of the runtime environment are shown only with the option', () => {
  const definition = {
    eventId: '',
    session: SESSION,
    type: 'task_definition',
    taskId: TASK_ID,
    attempt: 0,
    taskType: 'NORMAL_TASK',
    name: 'train',
    language: 'PYTHON',
    requiredResources: {},
    runtimeEnv: { pip: ['torch==2.9'], workingDir: 's3://bucket/app.zip' },
  } as const;
  expect(JSON.stringify(only(spansOf(attempt({ definition }), { phases: 'none' })).attributes)).not.toContain('torch');
  expect(only(spansOf(attempt({ definition }), { phases: 'none', runtimeEnv: 'names' })).attributes).toMatchObject({
    'ray.runtime_env.pip': ['torch==2.9'],
    'ray.runtime_env.working_dir': 's3://bucket/app.zip',
  });
});

it('spans of a node share a resource, so that OTLP sends it once', () => {
  const mapper = createSpanMapper({ resourceAttributes: { 'deployment.environment.name': 'test' } });
  const node = { nodeId: 'ab'.repeat(28), hostname: 'gpu-1' };
  const [a] = mapper(attempt({ node }));
  const [b] = mapper(attempt({ node: { ...node }, attempt: 1 }));
  expect(a?.resource).toBe(b?.resource);
  expect(a?.resource.attributes).toMatchObject({ 'service.name': 'ray', 'host.name': 'gpu-1', 'deployment.environment.name': 'test' });
});

it('spans with different resource facts never share a resource', () => {
  const mapper = createSpanMapper();
  const node = { nodeId: 'ab'.repeat(28), hostname: 'gpu-1', labels: { zone: 'a' } };
  const variants: Partial<FinishedAttempt>[] = [
    { node },
    { node, serviceName: 'mine' },
    { node, session: 'session_2' },
    { node: { ...node, nodeId: 'cd'.repeat(28) } },
    { node: { ...node, hostname: 'gpu-2' } },
    { node: { ...node, ipAddress: '192.0.2.1' } },
    { node: { ...node, nodeName: 'n' } },
    { node: { ...node, instanceId: 'i' } },
    { node: { ...node, instanceTypeName: 't' } },
    { node: { ...node, labels: { zone: 'b' } } },
    { node: { nodeId: node.nodeId, hostname: node.hostname } },
    {},
  ];
  const resourcesOf = () => variants.map((variant) => mapper(attempt(variant))[0]?.resource);
  const resources = resourcesOf();
  expect(new Set(resources).size).toBe(variants.length);
  expect(resourcesOf().every((resource, index) => resource === resources[index])).toBe(true);
});

const DEFINITION = { taskType: 'NORMAL_TASK', name: 'train', language: 'PYTHON', isDetachedActor: false } as const;

it('each span has its own attributes, whatever was mapped before', () => {
  const mapper = createSpanMapper({ phases: 'none' });
  const labels = ['a', 'b', 'a', 'c'];
  const spans = labels.map((label) =>
    only(mapper(attempt({ definition: { ...DEFINITION, requiredResources: { CPU: 1 }, labelSelector: { zone: label } } }))),
  );
  expect(spans.map((span) => span.attributes['ray.label_selector.zone'])).toEqual(labels);
  expect(spans.map((span) => span.attributes['ray.resources.CPU'])).toEqual([1, 1, 1, 1]);
});

it('a label cannot overwrite the attribute that marks another as truncated', () => {
  const labelSelector = { zone: 'x'.repeat(30), 'zone.truncated': 'no' };
  const span = only(
    createSpanMapper({ phases: 'none', valueLengthMax: 20 })(
      attempt({ definition: { ...DEFINITION, requiredResources: {}, labelSelector } }),
    ),
  );
  expect(span.attributes).toMatchObject({ 'ray.label_selector.zone': 'x'.repeat(20), 'ray.label_selector.zone.truncated': true });
});

describe('sampling traces', () => {
  const called = (traceFlags: number): TraceRef => ({ ...TRACE, caller: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags } });
  const sampled = (env: Record<string, string>, trace: TraceRef): boolean => {
    const created = createSampling(env);
    if (!created.ok) throw new Error(created.problem);
    return created.isSampled(trace);
  };

  it('sampling follows the caller by default', () => {
    expect([sampled({}, TRACE), sampled({}, called(1)), sampled({}, called(0))]).toEqual([true, true, false]);
  });

  it('sampling follows OTEL_TRACES_SAMPLER', () => {
    expect(sampled({ OTEL_TRACES_SAMPLER: 'always_on' }, called(0))).toBe(true);
    expect(sampled({ OTEL_TRACES_SAMPLER: 'always_off' }, TRACE)).toBe(false);
    const env = { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' };
    const kept = Array.from({ length: 1_000 }, (_, index) => sampled(env, { kind: 'job', session: SESSION, jobId: String(index) })).filter(
      Boolean,
    ).length;
    expect(kept).toBeGreaterThan(180);
    expect(kept).toBeLessThan(320);
  });

  it('an invalid sampler setting is reported', () => {
    expect(createSampling({ OTEL_TRACES_SAMPLER: 'sometimes' })).toMatchObject({
      ok: false,
      problem: expect.stringContaining("not 'sometimes'"),
    });
    expect(createSampling({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' })).toMatchObject({ ok: false });
  });
});

describe('mapping the death of an actor', () => {
  const died = (reason: string, message: string): ActorLifecycle => {
    const alive = { state: 'ALIVE', timeNs: 1n * MS };
    const ended = { state: 'DEAD', timeNs: 9n * MS, deathCause: { reason, message } };
    return {
      kind: 'actor',
      session: SESSION,
      trace: TRACE,
      parent: { kind: 'job', id: '01000000' },
      links: [],
      actorId: `${'a'.repeat(24)}01000000`,
      jobId: '01000000',
      isDetached: false,
      name: 'Counter',
      states: [alive, ended],
      incarnations: [{ number: 0, alive, ended, startNs: 1n * MS, endNs: 9n * MS }],
      startNs: 0n,
      endNs: 9n * MS,
    };
  };
  const ofWorker = (exit: string): string =>
    `The actor is dead because its worker process has died. Worker exit type: ${exit} Worker exit detail: none.`;

  it.each([
    ['on request', 'RAY_KILL', 'killed by ray.kill', undefined],
    ['by exit_actor()', 'WORKER_DIED', ofWorker('INTENDED_USER_EXIT'), undefined],
    ['because its work was done', 'WORKER_DIED', ofWorker('INTENDED_SYSTEM_EXIT'), undefined],
    ['by a crash', 'WORKER_DIED', ofWorker('SYSTEM_ERROR'), 'WORKER_DIED'],
    ['by a crash of unknown type', 'WORKER_DIED', 'gone', 'WORKER_DIED'],
    ['in its constructor, whatever its message says', 'CREATION_TASK_FAILED', ofWorker('INTENDED_USER_EXIT'), 'CREATION_TASK_FAILED'],
  ])('the death of an actor %s sets the right error type', (_, reason, message, errorType) => {
    const spans = createSpanMapper()(died(reason, message));
    expect(spans.map(({ name }) => name)).toEqual(['actor Counter', 'Counter #0']);
    for (const { attributes, status } of spans) {
      expect(attributes['error.type']).toBe(errorType);
      expect(attributes['ray.actor.death_message']).toBe(message);
      expect(status).toEqual(errorType === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message });
    }
  });
});
