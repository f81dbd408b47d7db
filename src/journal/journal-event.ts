/** What a journal on disk reports to telemetry. */
export type JournalEvent =
  /** A group of waiting appends became durable with one write. */
  | { readonly name: 'journal_written'; readonly batches: number; readonly bytes: number; readonly synced: boolean }
  | { readonly name: 'journal_checkpoint'; readonly bytes: number; readonly records: number; readonly durationMs: number }
  /**
   * An unreadable part was skipped, and set aside if possible. `entries`: lost events, as far as
   * known.
   */
  | { readonly name: 'journal_damaged'; readonly what: string; readonly entries: number }
  /** A read from disk failed and is retried after `retryMs`. */
  | { readonly name: 'journal_read_failed'; readonly what: string; readonly reason: string }
  /** Reported once, until `journal_writable`. No batch is accepted in between. */
  | { readonly name: 'journal_unwritable'; readonly folder: string; readonly reason: string }
  /** The outbox takes no more spans. Reported once, until `outbox_has_room`. */
  | { readonly name: 'outbox_full'; readonly reason: string }
  /** Reported below 90 % of the limit. */
  | { readonly name: 'outbox_has_room' }
  | { readonly name: 'journal_writable'; readonly folder: string; readonly downMs: number };

export type OnJournalEvent = (event: JournalEvent) => void;
