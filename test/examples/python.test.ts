import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseCaller } from '../../src/correlate/trace-ref.ts';
import { decodeEvent } from '../../src/event/index.ts';
import { jobTraceId, createSampling } from '../../src/span/index.ts';
import { rayEventsToSpans } from '../../src/convert.ts';

// What the Python module must decide as the bridge does. Its own tests read the same vectors: examples/python/tests.

interface CallerVector {
  readonly why: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly caller: { readonly traceId: string; readonly spanId: string; readonly traceFlags: number; readonly traceState?: string } | null;
}

interface SamplingVector {
  readonly env: Readonly<Record<string, string>>;
  /** None: the trace is that of job 01000000 of the session of the tests. */
  readonly caller: { readonly traceId: string; readonly traceFlags: number } | null;
  readonly sampled: boolean;
}

function readVectors(name: string): unknown {
  return JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures', `${name}-vectors.json`), 'utf8'));
}

const callers = readVectors('caller') as readonly CallerVector[];
const samplings = readVectors('sampling') as readonly SamplingVector[];

const SESSION = 'session_2026-11-23_21-48-45_562596_3484';
const JOB = { hex: '01000000', base64: 'AQAAAA==' };

/** What Ray sends of a job that was created and finished. */
function jobEvents(metadata: Readonly<Record<string, string>>): unknown[] {
  const common = { sourceType: 'GCS', sessionName: SESSION, timestamp: '2026-11-23T21:48:46Z', severity: 'INFO', message: '' };
  return [
    {
      ...common,
      eventId: 'AQ==',
      eventType: 'DRIVER_JOB_DEFINITION_EVENT',
      driverJobDefinitionEvent: { jobId: JOB.base64, driverPid: '1', entrypoint: 'python job.py', config: { metadata } },
    },
    {
      ...common,
      eventId: 'Ag==',
      eventType: 'DRIVER_JOB_LIFECYCLE_EVENT',
      driverJobLifecycleEvent: {
        jobId: JOB.base64,
        stateTransitions: [
          { state: 'CREATED', timestamp: '2026-11-23T21:48:46Z' },
          { state: 'FINISHED', timestamp: '2026-11-23T21:48:47Z' },
        ],
      },
    },
  ];
}

describe('the caller that a job’s metadata names', () => {
  it.each(callers)('$why', ({ metadata, caller }) => {
    const { spans, rejected } = rayEventsToSpans(jobEvents(metadata));
    const context = spans[0]?.spanContext();
    expect(rejected).toEqual([]);
    expect(spans.map(({ name }) => name)).toEqual([expect.stringMatching(/^job /)]);
    expect(context?.traceId).toBe(caller?.traceId ?? jobTraceId(SESSION, JOB.hex));
    expect(spans[0]?.parentSpanContext?.spanId).toBe(caller?.spanId);
    expect(context?.traceState?.serialize()).toBe(caller?.traceState);
    const decoded = decodeEvent(jobEvents(metadata)[0]);
    const definition = decoded.ok && decoded.event.type === 'job_definition' ? decoded.event : undefined;
    expect(parseCaller(definition?.traceparent, undefined)?.traceFlags).toBe(caller?.traceFlags);
  });
});

describe('whether a trace is kept', () => {
  it.each(samplings)('$env $caller', ({ env, caller, sampled }) => {
    const sampling = createSampling(env);
    const context = caller === null ? {} : { caller: { ...caller, spanId: 'b7ad6b7169203331' } };
    expect(sampling.ok && sampling.isSampled({ kind: 'job', session: SESSION, jobId: JOB.hex, ...context })).toBe(sampled);
  });
});
