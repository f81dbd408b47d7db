import { describe, expect, it } from 'vitest';
import { spanId, traceId } from './identity.ts';
import { checkTraces } from './oracle.ts';
import { type FlatSpan, readOtlpJsonLines } from './otlp-spans.ts';

const SESSION = 'session_1';
const JOB = '01000000';
const DRIVER = `${'ff'.repeat(20)}${JOB}`;
const PARENT = `${'a1'.repeat(8)}${'ff'.repeat(12)}${JOB}`;
const CHILD = `${'c1'.repeat(8)}${'ff'.repeat(12)}${JOB}`;
const ACTOR = `${'ac'.repeat(12)}${JOB}`;
const NODE = '0d'.repeat(28);

const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');
const at = (second: number): string => `2026-01-01T00:00:${String(second).padStart(2, '0')}.000000001Z`;
const ns = (second: number): bigint => BigInt(Date.UTC(2026, 0, 1, 0, 0, second)) * 1_000_000n + 1n;
const states = (...list: [string, number][]): object[] => list.map(([state, second]) => ({ state, timestamp: at(second) }));
const event = (slot: string, payload: object): object => ({ sessionName: SESSION, [slot]: payload });
const definition = (taskId: string, taskAttempt: number, parent: string): object =>
  event('taskDefinitionEvent', {
    taskId: base64(taskId),
    taskAttempt,
    parentTaskId: base64(parent),
    serializedRuntimeEnv: '{"env_vars":{"KEY":"sk-planted"}}',
  });
const lifecycle = (taskId: string, taskAttempt: number, list: [string, number][], error?: object): object =>
  event('taskLifecycleEvent', {
    taskId: base64(taskId),
    taskAttempt,
    stateTransitions: states(...list),
    ...(error && { rayErrorInfo: error }),
  });

/** One job: a task that fails once after having made a child, and is tried again; an actor that restarts; a node. */
const EVENTS = [
  event('driverJobDefinitionEvent', { jobId: base64(JOB), entrypoint: 'python train.py --token arg-planted' }),
  event('driverJobLifecycleEvent', { jobId: base64(JOB), stateTransitions: states(['CREATED', 0], ['FINISHED', 30]) }),
  lifecycle(DRIVER, 0, [
    ['RUNNING', 1],
    ['FINISHED', 30],
  ]),
  definition(PARENT, 0, DRIVER),
  lifecycle(PARENT, 0, [['PENDING_ARGS_AVAIL', 2]]),
  lifecycle(PARENT, 0, [['FAILED', 9]], { errorType: 'TASK_EXECUTION_EXCEPTION' }),
  definition(PARENT, 1, DRIVER),
  lifecycle(PARENT, 1, [
    ['FINISHED', 20],
    ['PENDING_ARGS_AVAIL', 10],
  ]),
  definition(CHILD, 0, PARENT),
  lifecycle(CHILD, 0, [
    ['PENDING_ARGS_AVAIL', 4],
    ['RUNNING', 5],
    ['FINISHED', 6],
  ]),
  event('actorDefinitionEvent', { actorId: base64(ACTOR), isDetached: false }),
  event('actorLifecycleEvent', {
    actorId: base64(ACTOR),
    stateTransitions: states(['PENDING_CREATION', 3], ['ALIVE', 4], ['RESTARTING', 5]),
  }),
  event('actorLifecycleEvent', { actorId: base64(ACTOR), stateTransitions: states(['ALIVE', 6], ['DEAD', 7]) }),
  event('nodeLifecycleEvent', { nodeId: base64(NODE), stateTransitions: states(['ALIVE', 0]) }),
];

const TRACE = traceId('trace.job', SESSION, JOB);
const SESSION_TRACE = traceId('trace.session', SESSION);
const IDS = {
  job: spanId('job', SESSION, JOB),
  first: spanId('task', SESSION, PARENT, 0),
  second: spanId('task', SESSION, PARENT, 1),
  child: spanId('task', SESSION, CHILD, 0),
  actor: spanId('actor', SESSION, ACTOR),
  incarnation0: spanId('actor.incarnation', SESSION, ACTOR, 0),
  incarnation1: spanId('actor.incarnation', SESSION, ACTOR, 1),
  session: spanId('session', SESSION),
  node: spanId('node', SESSION, NODE),
} as const;

type Name = keyof typeof IDS;
type Spans = Record<Name, FlatSpan>;

function span(name: Name, parent: Name | '', start: number, end: number, more: Partial<FlatSpan> = {}): FlatSpan {
  const trace = name === 'session' || name === 'node' ? SESSION_TRACE : TRACE;
  return {
    traceId: trace,
    spanId: IDS[name],
    parentSpanId: parent === '' ? '' : IDS[parent],
    name,
    startNs: ns(start),
    endNs: ns(end),
    attributes: {},
    resource: { 'service.name': 'ray' },
    statusCode: 0,
    statusMessage: '',
    links: [],
    events: [],
    ...more,
  };
}

const link = (name: Name): FlatSpan['links'][number] => ({ traceId: TRACE, spanId: IDS[name], attributes: {} });

function rightSpans(): Spans {
  return {
    job: span('job', '', 0, 30, { attributes: { 'ray.job.outcome': 'unknown' } }),
    first: span('first', 'job', 2, 9, { statusCode: 2, attributes: { 'error.type': 'TASK_EXECUTION_EXCEPTION' } }),
    second: span('second', 'job', 10, 20, { links: [link('first')] }),
    child: span('child', 'first', 4, 6, { links: [link('first')] }),
    actor: span('actor', 'job', 3, 7),
    incarnation0: span('incarnation0', 'actor', 4, 5),
    incarnation1: span('incarnation1', 'actor', 6, 7),
    session: span('session', '', 0, 30),
    node: span('node', 'session', 0, 30),
  };
}

/** What the oracle says when one span is changed. */
function check(name: Name, change: Partial<FlatSpan>): string {
  const spans = rightSpans();
  return checkTraces(EVENTS, Object.values({ ...spans, [name]: { ...spans[name], ...change } })).join('\n');
}

describe('the oracle', () => {
  it('has nothing to say about right traces', () => {
    expect(checkTraces(EVENTS, Object.values(rightSpans()))).toEqual([]);
  });

  it.each(Object.keys(IDS))('misses the %s when it is not there', (name) => {
    const rest = Object.values(rightSpans()).filter((one) => one.name !== name);
    expect(checkTraces(EVENTS, rest).join('\n')).toMatch(/0 spans instead of one|is not in its trace/);
  });

  it('sees a span that is there twice', () => {
    const spans = rightSpans();
    const said = checkTraces(EVENTS, [...Object.values(spans), spans.child]).join('\n');
    expect(said).toContain('2 spans instead of one');
    expect(said).toContain('more than once');
  });

  it('sees a second span for the driver, and any other that stands for nothing', () => {
    const driver = { ...rightSpans().child, spanId: spanId('task', SESSION, DRIVER, 0), parentSpanId: IDS.job };
    expect(checkTraces(EVENTS, [...Object.values(rightSpans()), driver]).join('\n')).toContain('represents nothing that Ray reported');
  });

  const breaches: [string, Name, Partial<FlatSpan>, string][] = [
    ['an id not by the formula', 'child', { spanId: '00000000000000aa' }, '0 spans instead of one'],
    ['another trace', 'child', { traceId: 'ab'.repeat(16) }, 'is in trace'],
    ['a start that is a nanosecond off', 'child', { startNs: ns(4) + 1n }, 'starts at'],
    ['an end that is a nanosecond off', 'child', { endNs: ns(6) - 1n }, 'ends at'],
    ['an end before the start', 'node', { endNs: ns(0) - 1n }, 'ends before it starts'],
    ['a parent that did not run when the child was submitted', 'child', { parentSpanId: IDS.second }, 'that ran when it was submitted'],
    ['a parent that is not there', 'child', { parentSpanId: '00000000000000aa' }, 'is not in its trace'],
    ['a second root', 'child', { parentSpanId: '' }, '2 roots'],
    ['a circle', 'first', { parentSpanId: IDS.child }, 'is its own ancestor'],
    ['a failure without ERROR', 'first', { statusCode: 0 }, 'its status is not ERROR'],
    ['another error type', 'first', { attributes: { 'error.type': 'WORKER_DIED' } }, 'error.type is WORKER_DIED'],
    ['a success with ERROR', 'second', { statusCode: 2 }, 'FINISHED but its status is ERROR'],
    ['no link to the previous attempt', 'second', { links: [] }, 'link to the previous attempt is missing'],
    ['no link to the parent task', 'child', { links: [] }, 'link to its parent task is missing'],
    ['a link into another trace', 'child', { links: [{ ...link('first'), traceId: SESSION_TRACE }] }, 'link to its parent task is missing'],
    ['a job that does not start at CREATED', 'job', { startNs: ns(1) }, 'job 01000000: starts at'],
    ['a job that does not end at FINISHED', 'job', { endNs: ns(31) }, 'job 01000000: ends at'],
    ['a job without an outcome', 'job', { attributes: {} }, 'its outcome is undefined'],
    ['a job that failed without ERROR', 'job', { attributes: { 'ray.job.outcome': 'failed' } }, 'is failed, but its status is 0'],
    [
      'a failed job whose driver and tasks finished',
      'job',
      { statusCode: 2, attributes: { 'ray.job.outcome': 'failed' } },
      'its driver and all its tasks finished',
    ],
    ['an incarnation under the wrong parent', 'incarnation1', { parentSpanId: IDS.job }, 'parent is not the actor'],
    ['incarnations numbered from 1', 'incarnation0', { spanId: spanId('actor.incarnation', SESSION, ACTOR, 2) }, 'incarnation 0: 0 spans'],
    ['an actor that does not end at DEAD', 'actor', { endNs: ns(8) }, `actor ${ACTOR}: ends at`],
    ["an environment variable's value", 'child', { attributes: { a: ['x sk-planted y'] } }, 'holds a secret'],
    ["an entry point's argument", 'job', { name: 'job train.py arg-planted' }, 'holds a secret'],
    [
      'a terminal escape',
      'first',
      { statusMessage: '\u001b[31mred', attributes: { 'error.type': 'TASK_EXECUTION_EXCEPTION' } },
      'terminal escape',
    ],
    ['a value over the limit', 'child', { attributes: { long: 'x'.repeat(8193) } }, 'has 8193 characters'],
    ['a .truncated without its value', 'child', { attributes: { 'long.truncated': true } }, 'is about nothing'],
    ['no service name', 'child', { resource: {} }, 'no service.name'],
    ['a mark of clocks that agree', 'child', { attributes: { 'ray.clock_skew_seconds': 1 } }, 'is marked for its clocks'],
  ];
  it.each(breaches)('sees %s', (_, name, change, said) => {
    expect(check(name, change)).toContain(said);
  });

  it('wants the job in its caller’s trace when its metadata names one', () => {
    const traceparent = `00-${'12'.repeat(16)}-${'34'.repeat(8)}-01`;
    const events = [...EVENTS, event('driverJobDefinitionEvent', { jobId: base64(JOB), config: { metadata: { traceparent } } })];
    expect(checkTraces(events, Object.values(rightSpans())).join('\n')).toContain(`is in trace ${TRACE} instead of ${'12'.repeat(16)}`);
    const moved = structuredClone(Object.values(rightSpans()).filter((one) => one.traceId === TRACE));
    const adopted = moved.map((one) =>
      Object.assign(one, { traceId: '12'.repeat(16), links: one.links.map((to) => Object.assign(to, { traceId: '12'.repeat(16) })) }),
    );
    Object.assign(adopted.find((one) => one.name === 'job') ?? {}, { parentSpanId: '34'.repeat(8) });
    const { session, node } = rightSpans();
    expect(checkTraces(events, [...adopted, session, node])).toEqual([]);
  });

  it('wants every attempt to be whole or counted in a summary, and failures whole', () => {
    const { second, ...rest } = rightSpans();
    const summary = (count: number): FlatSpan => ({
      ...second,
      spanId: '00000000000000aa',
      links: [],
      attributes: { 'ray.fold.attempts': count },
    });
    const said = (spans: FlatSpan[]): string => checkTraces(EVENTS, spans, { maxSpansPerTrace: 10 }).join('\n');
    expect(said([...Object.values(rest), summary(1)])).toBe('');
    expect(said([...Object.values(rest), summary(2)])).toContain('summary spans count 2 attempts, but 1 are not there');
    const { first, ...withoutFailure } = rest;
    expect(said([...Object.values(withoutFailure), summary(1)])).toContain(`attempt ${PARENT}/0: 0 spans instead of one`);
    expect(checkTraces(EVENTS, [...Object.values(rest), first, summary(1)], { maxSpansPerTrace: 5 }).join('\n')).toContain(
      'over the budget of 5',
    );
  });
});

describe('the oracle, on attempts of an actor that died', () => {
  const creation = `${'ff'.repeat(8)}${ACTOR}`;
  const call = `${'ca'.repeat(8)}${ACTOR}`;
  const again: [string, number][] = [
    ['RUNNING', 4],
    ['FINISHED', 5],
    ['RUNNING', 6],
  ];
  const events = [
    ...EVENTS,
    definition(creation, 0, DRIVER),
    lifecycle(creation, 0, again),
    definition(call, 0, DRIVER),
    lifecycle(call, 0, [['RUNNING', 6]]),
  ];
  const said = (creationEnd: number, callEnd: number): string => {
    const child = (taskId: string, start: number, end: number): FlatSpan => ({
      ...span('child', 'job', start, end),
      spanId: spanId('task', SESSION, taskId, 0),
    });
    return checkTraces(events, [...Object.values(rightSpans()), child(creation, 4, creationEnd), child(call, 6, callEnd)]).join('\n');
  };

  it('has nothing to say when the creation ends at its FINISHED and the call at DEAD', () => {
    expect(said(5, 7)).toBe('');
  });

  it('sees a creation that lasts until the next one', () => {
    expect(said(6, 7)).toContain(`attempt ${creation}/0: ends at`);
  });

  it('sees a call that outlives its actor', () => {
    expect(said(5, 8)).toContain("after its actor's DEAD");
  });
});

it('the oracle sees clocks that contradict each other and are not marked', () => {
  const events = [...EVENTS, lifecycle(CHILD, 0, [['SUBMITTED_TO_WORKER', 6]])];
  expect(checkTraces(events, Object.values(rightSpans()))).toEqual([`attempt ${CHILD}/0: is not marked for its clocks`]);
});

describe('the oracle, on the caller of a task', () => {
  const retry = (submitted: number, parent: 'first' | 'second'): string => {
    const events = [...EVENTS, definition(CHILD, 1, PARENT), lifecycle(CHILD, 1, [['PENDING_ARGS_AVAIL', submitted]])];
    // The caller's second attempt waits from 10 on, and runs from 12 on.
    events.push(lifecycle(PARENT, 1, [['RUNNING', 12]]));
    const again = {
      ...span('child', parent, submitted, 30),
      spanId: spanId('task', SESSION, CHILD, 1),
      links: [link('first'), link('child')],
    };
    return checkTraces(events, [...Object.values(rightSpans()), again]).join('\n');
  };

  it.each([
    ['while the first attempt ran', 8, 'first', 'second'],
    ['after the first attempt had ended', 9, 'first', 'second'],
    ['while the second attempt waited', 11, 'first', 'second'],
    ['when the second attempt began to run', 12, 'second', 'first'],
    ['while the second attempt ran', 15, 'second', 'first'],
  ] as const)('wants a retry that was submitted %s under the attempt that ran last', (_, submitted, right, wrong) => {
    expect(retry(submitted, right)).toBe('');
    expect(retry(submitted, wrong)).toContain('that ran when it was submitted');
  });
});

describe('the reader of OTLP JSON', () => {
  it('keeps nanoseconds that a number would lose', () => {
    const line = JSON.stringify({
      resourceSpans: [
        {
          resource: { attributes: [{ key: 'service.name', value: { stringValue: 'ray' } }] },
          scopeSpans: [
            {
              spans: [
                {
                  traceId: 'ab'.repeat(16),
                  spanId: 'cd'.repeat(8),
                  name: 'x',
                  startTimeUnixNano: '1795480387797844267',
                  endTimeUnixNano: '1795480387797844269',
                  status: { code: 2, message: 'no' },
                  attributes: [{ key: 'n', value: { intValue: '3' } }],
                },
              ],
            },
          ],
        },
      ],
    });
    expect(readOtlpJsonLines(`${line}\n`)).toMatchObject([
      {
        startNs: 1795480387797844267n,
        endNs: 1795480387797844269n,
        statusCode: 2,
        parentSpanId: '',
        attributes: { n: 3 },
        resource: { 'service.name': 'ray' },
      },
    ]);
  });
});
