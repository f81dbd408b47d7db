import { printable } from '../runtime/index.ts';
import { decodeEvent } from '../event/index.ts';
import type { QuarantineEntry } from '../quarantine/index.ts';
import { removeEntries } from '../quarantine/index.ts';
import { type CommandContext, interrupted, type Outcome, failed, usage } from './command.ts';
import { createProgress, type Progress } from './output.ts';
import { createPoster, type Poster } from './poster.ts';
import { createSpanSender, type SpanSender } from './quarantine-spans.ts';
import { checkIds, formatEntries, type Selection, selectEntries } from './quarantine-selection.ts';

type EventEntry = Extract<QuarantineEntry, { kind: 'event' }>;
type SpanEntry = Extract<QuarantineEntry, { kind: 'span' }>;

export interface RetryOptions {
  readonly folder: string;
  readonly selection: Selection;
  readonly context: CommandContext;
  /** URL of the bridge. Required when the selection contains an event. */
  readonly to: URL | undefined;
  readonly giveUpMs: number;
}

const MAX_BATCH_ENTRIES = 100;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** Maximum wait for one answer of a bridge. */
const ANSWER_TIMEOUT_MS = 10_000;
/** Further entries that stay are only counted. */
const MAX_REPORTED = 10;

/** Sends entries again in batches. Removes each batch once it is accepted, so an interruption loses nothing. */
export async function retryEntries(options: RetryOptions): Promise<Outcome> {
  const { folder, selection, context } = options;
  const progress = createProgress(context.stderr, context.now);
  const retry = new Retry(options, progress);
  let batch: QuarantineEntry[] = [];
  let batchBytes = 0;
  let failure: Outcome | undefined;
  const flush = async (): Promise<void> => {
    failure ??= batch.length === 0 ? undefined : await retry.send(batch);
    batch = [];
    batchBytes = 0;
  };
  try {
    for await (const entry of selectEntries(folder, selection, () => {})) {
      if (entry.kind === 'event' && options.to === undefined)
        return usage('the selection contains events: give the URL of a bridge with --to, or exclude events with --kind span');
      retry.found.push(entry.id);
      if (entry.kind === 'event' && retry.staysRejected(entry)) continue;
      const bytes = JSON.stringify(entry).length;
      if (batch.length > 0 && (batch[0]?.kind !== entry.kind || batch.length >= MAX_BATCH_ENTRIES || batchBytes + bytes > MAX_BATCH_BYTES))
        await flush();
      if (failure !== undefined || context.stop.aborted) break;
      batch.push(entry);
      batchBytes += bytes;
    }
    if (!context.stop.aborted) await flush();
  } finally {
    await retry.close();
    progress.clear();
  }
  const { taken } = retry;
  const stay = retry.found.length - taken;
  context.stdout.write(`${formatEntries(taken)} accepted and removed${stay === 0 ? '' : `, ${formatEntries(stay)} kept in quarantine`}\n`);
  if (context.stop.aborted) return interrupted;
  if (failure !== undefined) return failure;
  return stay === 0 ? checkIds(selection, retry.found) : failed(`${formatEntries(stay)} could not be sent again`);
}

class Retry {
  readonly found: string[] = [];
  taken = 0;
  readonly #options: RetryOptions;
  readonly #progress: Progress;
  #reported = 0;
  #poster: Poster | undefined;
  #spans: SpanSender | undefined;

  constructor(options: RetryOptions, progress: Progress) {
    this.#options = options;
    this.#progress = progress;
  }

  /** Whether a bridge of this release would put the event into quarantine again. */
  staysRejected({ id, event }: EventEntry): boolean {
    const decoded = decodeEvent(event);
    if (!decoded.ok) this.#report(id, `this release rejects it, too: ${decoded.rejection.message}`);
    return !decoded.ok;
  }

  /** Sends entries of one kind. Returns an outcome when every further batch would fail, too. */
  async send(batch: readonly QuarantineEntry[]): Promise<Outcome | undefined> {
    const events = batch.filter((entry) => entry.kind === 'event');
    return events.length > 0 ? await this.#post(events) : await this.#export(batch.filter((entry) => entry.kind === 'span'));
  }

  async close(): Promise<void> {
    await this.#spans?.close();
  }

  async #post(events: readonly EventEntry[]): Promise<Outcome | undefined> {
    const { context, to, giveUpMs } = this.#options;
    if (to === undefined) return usage('--to is required');
    this.#poster ??= createPoster({ target: to, timeoutMs: ANSWER_TIMEOUT_MS, giveUpMs, ...context });
    const body = JSON.stringify(events.map(({ event }) => event));
    const answer = await this.#poster.post(body, (why) => this.#progress.update(() => why));
    if (answer.kind === 'stopped') return interrupted;
    if (answer.kind === 'gave_up') return failed(answer.message);
    if (answer.kind === 'accepted') {
      if (answer.accepted + answer.duplicates + answer.rejected !== events.length)
        return failed(`${to.origin} answered 200, but it is not a bridge: nothing is removed`);
      if (answer.rejected === 0) {
        await this.#remove(events);
        return undefined;
      }
    }
    const [first] = events;
    if (events.length === 1 && first !== undefined) {
      this.#report(first.id, answer.kind === 'refused' ? answer.message : 'the bridge rejects it again');
      return undefined;
    }
    // Posts the events one by one to find the rejected ones. Those already accepted are duplicates now.
    for (const event of events) {
      const failure = await this.#post([event]);
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  async #export(entries: readonly SpanEntry[]): Promise<Outcome | undefined> {
    const { context, giveUpMs } = this.#options;
    if (this.#spans === undefined) {
      const created = createSpanSender({ context, giveUpMs, onWaiting: (why) => this.#progress.update(() => why) });
      if (!created.ok) return usage(...created.problem);
      this.#spans = created.value;
    }
    const sent = await this.#spans.send(entries);
    for (const { id, reason } of sent.refused) this.#report(id, reason);
    const refused = new Set(sent.refused.map(({ id }) => id));
    if (sent.failure === undefined) await this.#remove(entries.filter(({ id }) => !refused.has(id)));
    return sent.failure === undefined ? undefined : failed(sent.failure);
  }

  async #remove(entries: readonly QuarantineEntry[]): Promise<void> {
    await removeEntries(
      this.#options.folder,
      entries.map(({ id }) => id),
    );
    this.taken += entries.length;
    this.#progress.update(() => `${formatEntries(this.taken)} accepted`);
  }

  #report(id: string, why: string): void {
    this.#reported += 1;
    if (this.#reported <= MAX_REPORTED) this.#progress.line(`${id}: ${printable(why)}`);
    if (this.#reported === MAX_REPORTED) this.#progress.line('further entries are only counted');
  }
}
