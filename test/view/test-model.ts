import type { Applied } from '../../src/correlate/index.ts';
import type { RayEvent } from '../../src/event/index.ts';
import type { ViewLimits } from '../../src/view/limits.ts';
import { ViewModel } from '../../src/view/model.ts';
import { createCorrelator, type LifecycleCorrelator } from '../support/correlator.ts';

/** A model with a correlator of its own, which applies each event before the model observes it. */
export class TestModel extends ViewModel {
  readonly correlator: LifecycleCorrelator;
  /** When the last event was received. */
  nowMs = 0;

  constructor(limits: Partial<ViewLimits> = {}, correlator = createCorrelator()) {
    super(correlator.entities, limits);
    this.correlator = correlator;
    correlator.watch({
      finished: (lifecycle, how, nowMs) => this.finished(lifecycle, nowMs, how),
      hasSpan: (lifecycle) => this.hasSpan(lifecycle),
      moved: (task, fromJobId) => this.moved(task, fromJobId),
    });
  }

  override observe(event: RayEvent, nowMs = this.nowMs, applied?: Applied): void {
    this.nowMs = nowMs;
    const result = applied ?? this.correlator.apply(event, nowMs);
    super.observe(event, nowMs, result);
  }

  /** Finishes what is due by then. */
  pass(nowMs: number): void {
    this.nowMs = nowMs;
    this.correlator.advance(nowMs);
  }

  wait(ms: number): void {
    this.pass(this.nowMs + ms);
  }
}
