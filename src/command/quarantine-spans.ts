import { createExporters, createExportPipeline, type ExportEvent, type ExportPipeline, type NamedExporter } from '../export/index.ts';
import { spansOfOtlpJson } from '../otlp/index.ts';
import type { QuarantineEntry } from '../quarantine/index.ts';
import type { CommandContext } from './command.ts';
import { aborted } from './signals.ts';

type SpanEntry = Extract<QuarantineEntry, { kind: 'span' }>;

export interface SentSpans {
  /** Refused once more, and why. */
  readonly refused: readonly { readonly id: string; readonly reason: string }[];
  /** Why it is not known of the others whether they arrived. */
  readonly failure: string | undefined;
}

/** Sends refused spans to the exporters that the OTEL_* variables name. */
export interface SpanSender {
  send(entries: readonly SpanEntry[]): Promise<SentSpans>;
  close(): Promise<void>;
}

export interface SpanSenderOptions {
  readonly context: CommandContext;
  readonly giveUpMs: number;
  readonly onWaiting: (why: string) => void;
}

export function createSpanSender(
  options: SpanSenderOptions,
): { readonly ok: true; readonly sender: SpanSender } | { readonly ok: false; readonly problems: readonly string[] } {
  const created = createExporters(options.context.env);
  if (!created.ok) return created;
  const [first] = created.exporters;
  if (first === undefined) return { ok: false, problems: ['the OTEL_* variables name no exporter that could take spans'] };
  const lines = new Map<string, ExportLine>();
  const lineOf = (name: string): ExportLine => {
    // A bridge in a program may have had an exporter of its own, of which the variables know nothing.
    const exporter = created.exporters.find((candidate) => candidate.name === name) ?? first;
    const line = lines.get(exporter.name) ?? new ExportLine(exporter, options);
    lines.set(exporter.name, line);
    return line;
  };
  return {
    ok: true,
    sender: {
      async send(entries) {
        const refused: SentSpans['refused'][number][] = [];
        for (const name of new Set(entries.map(({ exporter }) => exporter))) {
          const sent = await lineOf(name).send(entries.filter(({ exporter }) => exporter === name));
          refused.push(...sent.refused);
          if (sent.failure !== undefined) return { refused, failure: sent.failure };
        }
        return { refused, failure: undefined };
      },
      close: async () => {
        await Promise.all([...lines.values()].map((line) => line.close()));
      },
    },
  };
}

/** One exporter behind a pipeline, which waits for a backend that is away and finds the spans that it refuses. */
class ExportLine {
  readonly #options: SpanSenderOptions;
  readonly #pipeline: ExportPipeline;
  readonly #reasons = new Map<string, string>();
  #failed = '';

  constructor(exporter: NamedExporter, options: SpanSenderOptions) {
    this.#options = options;
    const { now, sleep, random } = options.context;
    this.#pipeline = createExportPipeline({
      exporters: [exporter],
      clock: { now, sleep, random },
      onEvent: (event) => this.#hear(event),
      // What is refused once more stays in the quarantine.
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
      const reason = spans.length === 0 ? 'the entry holds no span' : this.#reasons.get(entry.spanId);
      return reason === undefined ? [] : [{ id: entry.id, reason }];
    });
    if (drained?.undelivered === 0) return { refused, failure: undefined };
    return { refused, failure: `not all spans were taken within the time of --give-up${this.#failed}` };
  }

  close(): Promise<void> {
    return this.#pipeline.shutdown();
  }

  #hear(event: ExportEvent): void {
    if (event.name !== 'export_retry' && event.name !== 'export_misconfigured') return;
    this.#failed = `: ${event.reason}${event.name === 'export_misconfigured' ? `; ${event.fix}` : ''}`;
    this.#options.onWaiting(`the backend does not take spans${this.#failed}`);
  }
}
