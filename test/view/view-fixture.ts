import { gunzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import type { FinishedJob, Finished } from '../../src/correlate/index.ts';
import { createCorrelator, type LifecycleCorrelator } from '../support/correlator.ts';
import { decodeEvent, type RayEvent } from '../../src/event/index.ts';
import { ViewModel } from '../../src/view/model.ts';
import type { ViewLimits } from '../../src/view/limits.ts';
import { eventsOfBody } from '../support/posts.ts';

export interface RecordedPost {
  readonly receivedAtMs: number;
  readonly events: readonly RayEvent[];
}

export function recordedPosts(name: string): readonly RecordedPost[] {
  const bytes = readFileSync(new URL(`../fixtures/recordings/${name}`, import.meta.url));
  const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const { receivedAt, body } = JSON.parse(line) as { receivedAt: number; body: string };
      return { receivedAtMs: receivedAt * 1000, events: eventsOfBody(body).flatMap(decoded) };
    });
}

function decoded(raw: unknown): readonly RayEvent[] {
  const outcome = decodeEvent(raw);
  return outcome.ok ? [outcome.event] : [];
}

export interface FedModel {
  readonly model: ViewModel;
  readonly correlator: LifecycleCorrelator;
  readonly jobs: FinishedJob[];
  readonly attemptsFinished: () => number;
  take(event: RayEvent, nowMs: number): void;
  pass(nowMs: number): void;
  closeAll(nowMs: number): void;
}

/** A model and a correlator, fed as by the pump. */
export function createFedModel(limits: Partial<ViewLimits> = {}, budget: { readonly maxSpansPerTrace?: number } = {}): FedModel {
  const model = new ViewModel(limits);
  const jobs: FinishedJob[] = [];
  let nowMs = 0;
  let attempts = 0;
  const finish = (lifecycle: Finished, how: 'sent' | 'rolled_up' = 'sent'): void => {
    if (lifecycle.kind === 'attempt' && lifecycle.placeholder !== true) attempts += 1;
    model.finished(lifecycle, nowMs, how);
    if (lifecycle.kind === 'job') jobs.push(lifecycle);
  };
  const correlator = createCorrelator({
    ...budget,
    onRolledUp: (lifecycle) => finish(lifecycle, 'rolled_up'),
  });
  return {
    model,
    correlator,
    jobs,
    attemptsFinished: () => attempts,
    take(event, atMs) {
      nowMs = atMs;
      for (const lifecycle of correlator.advance(atMs)) finish(lifecycle);
      model.observe(event, atMs, correlator.apply(event, atMs));
    },
    pass(atMs) {
      nowMs = atMs;
      for (const lifecycle of correlator.advance(atMs)) finish(lifecycle);
    },
    closeAll(atMs) {
      nowMs = atMs;
      for (const lifecycle of correlator.closeAll(atMs)) finish(lifecycle);
    },
  };
}
