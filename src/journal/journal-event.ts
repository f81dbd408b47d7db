/** What a journal on disk tells telemetry. */
export type JournalEvent =
  /** Appends that waited together were made durable at once. */
  | { readonly name: 'journal_written'; readonly batches: number; readonly bytes: number; readonly synced: boolean }
  | { readonly name: 'journal_checkpoint'; readonly bytes: number; readonly records: number; readonly durationMs: number }
  /** Something in it could not be read: it is left out, and as far as it is there at all kept aside. `entries`: events that are lost, where that is known. */
  | { readonly name: 'journal_damaged'; readonly what: string; readonly entries: number }
  /** The disk did not give what is there: it is asked again after a while. */
  | { readonly name: 'journal_read_failed'; readonly what: string; readonly reason: string }
  /** Told once until it works again: nothing is accepted meanwhile. */
  | { readonly name: 'journal_unwritable'; readonly folder: string; readonly reason: string }
  | { readonly name: 'journal_writable'; readonly folder: string; readonly downMs: number };

export type OnJournalEvent = (event: JournalEvent) => void;
