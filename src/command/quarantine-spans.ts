import { createExporters, createExportPipeline, type ExportEvent, type ExportPipeline, type NamedExporter } from '../export/index.ts';
import { spansOfOtlpJson } from '../otlp/index.ts';
import type { QuarantineEntry } from '../quarantine/index.ts';
import { failure, type Result, success } from '../runtime/index.ts';
import { aborted, type CommandContext } from './command.ts';

type SpanEntry = Extract<QuarantineEntry, { kind: 'span' }>;

export interface SentSpans {
  /** Spans that were refused again, with the reason. */
  readonly refused: readonly { readonly id: string; readonly reason: string }[];
  /** Why the delivery of the other spans is unknown. */
  readonly failure: string | undefined;
}

/** Sends refused spans to the exporters of the OTEL_* variables. */
export interface SpanSender {
  send(entries: readonly SpanEntry[]): Promise<SentSpans>;
  close(): Promise<void>;
}

export interface SpanSenderOptions {
  readonly context: CommandContext;
  readonly giveUpMs: number;
  readonly onWaiting: (why: string) => void;
}

export function createSpanSender(options: SpanSenderOptions): Result<SpanSender, readonly string[]> {
  const created = createExporters(options.context.env);
  if (!created.ok) return failure(created.problems);
  const [first] = created.exporters;
  if (first === undefined) return failure(['the OTEL_* variables configure no exporter that could accept spans']);
  const senders = new Map<string, ExporterSender>();
  const senderOf = (name: string): ExporterSender => {
    // An embedded bridge may have used an exporter that the variables do not name.
    const exporter = created.exporters.find((candidate) => candidate.name === name) ?? first;
    const sender = senders.get(exporter.name) ?? new ExporterSender(exporter, options);
    senders.set(exporter.name, sender);
    return sender;
  };
  return success({
    async send(entries) {
      const refused: SentSpans['refused'][number][] = [];
      for (const name of new Set(entries.map(({ exporter }) => exporter))) {
        const sent = await senderOf(name).send(entries.filter(({ exporter }) => exporter === name));
        refused.push(...sent.refused);
        if (sent.failure !== undefined) return { refused, failure: sent.failure };
      }
      return { refused, failure: undefined };
    },
    close: async () => {
      await Promise.all([...senders.values()].map((sender) => sender.close()));
    },
  });
}

/** One exporter behind a pipeline, which waits for an unreachable backend and isolates the spans that it refuses. */
class ExporterSender {
  readonly #options: SpanSenderOptions;
  readonly #pipeline: ExportPipeline;
  readonly #reasons = new Map<string, string>();
  #lastProblem = '';

  constructor(exporter: NamedExporter, options: SpanSenderOptions) {
    this.#options = options;
    const { now, sleep, random } = options.context;
    this.#pipeline = createExportPipeline({
      exporters: [exporter],
      clock: { now, sleep, random },
      onEvent: (event) => this.#onEvent(event),
      // Spans that are refused again stay in the quarantine.
      believesRefusals: true,
      onRefused: (span, reason) => this.#reasons.set(span.spanContext().spanId, reason),
    });
  }

  async send(entries: readonly SpanEntry[]): Promise<SentSpans> {
    const { giveUpMs, context } = this.#options;
    this.#reasons.clear();
    const decoded = entries.map((entry) => ({ entry, spans: spansOfOtlpJson(entry.request) }));
    this.#pipeline.enqueue(decoded.flatMap(({ spans }) => spans));
    const drained = await Promise.race([this.#pipeline.drain(giveUpMs), aborted(context.stop)]);
    const refused = decoded.flatMap(({ entry, spans }) => {
      const reason = spans.length === 0 ? 'the entry contains no span' : this.#reasons.get(entry.spanId);
      return reason === undefined ? [] : [{ id: entry.id, reason }];
    });
    if (drained?.undelivered === 0) return { refused, failure: undefined };
    return { refused, failure: `not all spans were accepted within --give-up${this.#lastProblem}` };
  }

  close(): Promise<void> {
    return this.#pipeline.shutdown();
  }

  #onEvent(event: ExportEvent): void {
    if (event.name !== 'export_retry' && event.name !== 'export_misconfigured') return;
    this.#lastProblem = `: ${event.reason}${event.name === 'export_misconfigured' ? `; ${event.fix}` : ''}`;
    this.#options.onWaiting(`the backend accepts no spans${this.#lastProblem}`);
  }
}
