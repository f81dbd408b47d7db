import { ROOT_CONTEXT, SpanKind, trace as traceApi } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import type { TraceRef } from '../correlate/index.ts';
import { traceIdOf } from './ids.ts';

/** Whether the spans of a trace are kept. The answer is the same for all its spans. */
export type IsSampled = (trace: TraceRef) => boolean;

export type CreatedSampling = { readonly ok: true; readonly isSampled: IsSampled } | { readonly ok: false; readonly problem: string };

const RATIO_NAMES = ['traceidratio', 'parentbased_traceidratio'];

/**
 * Creates the sampler from `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`, by default
 * `parentbased_always_on`. A job is kept or dropped as a whole, by its trace id. In the trace of a
 * caller, the sampled flag of its `traceparent` decides.
 * Source: OpenTelemetry specification, "General SDK Configuration"
 */
export function createSampling(env: Readonly<Record<string, string | undefined>>): CreatedSampling {
  const name = env['OTEL_TRACES_SAMPLER']?.trim() || 'parentbased_always_on';
  const ratio = env['OTEL_TRACES_SAMPLER_ARG']?.trim() || '1';
  if (RATIO_NAMES.includes(name) && !(Number(ratio) >= 0 && Number(ratio) <= 1)) {
    return { ok: false, problem: `OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1 for ${name}, not '${ratio}'` };
  }
  const sampler = samplerOf(name, Number(ratio));
  if (sampler === undefined) {
    const known = 'always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or parentbased_traceidratio';
    return { ok: false, problem: `OTEL_TRACES_SAMPLER must be ${known}, not '${name}'` };
  }
  return { ok: true, isSampled: (trace) => shouldSample(sampler, trace) };
}

function samplerOf(name: string, ratio: number): Sampler | undefined {
  switch (name) {
    case 'always_on':
      return new AlwaysOnSampler();
    case 'always_off':
      return new AlwaysOffSampler();
    case 'traceidratio':
      return new TraceIdRatioBasedSampler(ratio);
    case 'parentbased_always_on':
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
    case 'parentbased_always_off':
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case 'parentbased_traceidratio':
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) });
    default:
      return undefined;
  }
}

function shouldSample(sampler: Sampler, trace: TraceRef): boolean {
  const traceId = traceIdOf(trace);
  const caller = trace.kind === 'job' ? trace.caller : undefined;
  const parent =
    caller === undefined
      ? ROOT_CONTEXT
      : traceApi.setSpanContext(ROOT_CONTEXT, { traceId, spanId: caller.spanId, traceFlags: caller.traceFlags, isRemote: true });
  const { decision } = sampler.shouldSample(parent, traceId, trace.kind, SpanKind.INTERNAL, {}, []);
  return decision === SamplingDecision.RECORD_AND_SAMPLED;
}
