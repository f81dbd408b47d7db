import type { ReceiverTelemetry } from '../receiver/index.ts';
import type { EventCounts } from './shapes.ts';

/** Counts incoming events by wrapping the receiver's telemetry. */
export class IntakeCounts {
  #accepted = 0;
  #duplicates = 0;
  #rejected = 0;
  #refused = 0;
  #lastReceivedMs: number | undefined;
  /** The codes come from fixed tables, so these maps stay small. */
  readonly #rejectedByCode = new Map<string, number>();
  readonly #refusedByCode = new Map<string, number>();

  watch(telemetry: ReceiverTelemetry, now: () => number): ReceiverTelemetry {
    return {
      batchAnswered: (answered) => telemetry.batchAnswered(answered),
      batchAccepted: (counts) => {
        telemetry.batchAccepted(counts);
        this.#accepted += counts.accepted;
        this.#duplicates += counts.duplicates;
        this.#rejected += counts.batch.rejectedCount;
        for (const [code, count] of counts.batch.rejectedByCode) add(this.#rejectedByCode, code, count);
        if (counts.accepted + counts.duplicates + counts.batch.rejectedCount > 0) this.#lastReceivedMs = now();
      },
      batchRefused: (code, message, from) => {
        telemetry.batchRefused(code, message, from);
        this.#refused += 1;
        add(this.#refusedByCode, code, 1);
      },
      readRefused: (code, message, from) => telemetry.readRefused(code, message, from),
      internalError: (stage, error) => telemetry.internalError(stage, error),
      metricsPage: () => telemetry.metricsPage(),
    };
  }

  counts(): EventCounts {
    return {
      accepted: this.#accepted,
      duplicates: this.#duplicates,
      rejected: this.#rejected,
      rejectedByCode: Object.fromEntries(this.#rejectedByCode),
      refusedPosts: this.#refused,
      refusedByCode: Object.fromEntries(this.#refusedByCode),
      ...(this.#lastReceivedMs === undefined ? {} : { lastReceivedMs: this.#lastReceivedMs }),
    };
  }
}

function add(counts: Map<string, number>, key: string, amount: number): void {
  counts.set(key, (counts.get(key) ?? 0) + amount);
}
