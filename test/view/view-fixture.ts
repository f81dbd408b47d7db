import { gunzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import type { FinishedJob, Finished } from '../../src/correlate/index.ts';
import { createCorrelator, type LifecycleCorrelator, type LifecycleOptions, throughCheckpoint } from '../support/correlator.ts';
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

export function decodedEvents(raws: readonly unknown[]): readonly RayEvent[] {
  return raws.flatMap(decoded);
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
  /** Another one, with what a restart restores from a checkpoint of this one. */
  restarted(): FedModel;
}

/** A model and a correlator, fed as by the pump. */
export function createFedModel(
  limits: Partial<ViewLimits> = {},
  options: LifecycleOptions = {},
  restoredFrom?: Pick<LifecycleCorrelator, 'checkpoint'>,
): FedModel {
  const jobs: FinishedJob[] = [];
  let attempts = 0;
  const correlator = createCorrelator(options);
  if (restoredFrom !== undefined) throughCheckpoint(restoredFrom, correlator);
  const model = new ViewModel(correlator.entities, limits);
  const onFinished = (lifecycle: Finished): void => {
    if (lifecycle.kind === 'attempt' && lifecycle.placeholder !== true) attempts += 1;
    if (lifecycle.kind === 'job') jobs.push(lifecycle);
  };
  correlator.watch({
    finished(lifecycle, how, nowMs) {
      onFinished(lifecycle);
      model.finished(lifecycle, nowMs, how);
    },
    hasSpan: (lifecycle) => model.hasSpan(lifecycle),
    moved: (task, fromJobId) => model.moved(task, fromJobId),
  });
  if (restoredFrom !== undefined) for (const _ of model.restore((ms) => ms));
  return {
    model,
    correlator,
    jobs,
    attemptsFinished: () => attempts,
    take(event, atMs) {
      correlator.advance(atMs);
      model.observe(event, atMs, correlator.apply(event, atMs));
    },
    pass: (atMs) => void correlator.advance(atMs),
    closeAll: (atMs) => void correlator.closeAll(atMs),
    restarted: () => createFedModel(limits, options, correlator),
  };
}
