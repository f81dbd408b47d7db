import type { Outbox, StoredSpans } from '../../src/journal/index.ts';

export interface TestOutbox extends Outbox {
  /** What is stored, in the order of the numbers. */
  readonly stored: StoredSpans[];
  readonly numbers: Map<string, number>;
  /** What the store was asked, in order: `add 0-3`, `discard 4`, `otlp 4`. */
  readonly calls: string[];
  room: boolean;
}

/** An outbox in memory. `delivered` is what a previous process noted. */
export function createTestOutbox(
  restored = { spans: 0, outputs: 0 },
  delivered: Readonly<Record<string, number>> = {},
  stored: StoredSpans[] = [],
): TestOutbox {
  const numbers = new Map(Object.entries(delivered));
  const endOf = ({ first, count }: StoredSpans): number => first + count;
  const outbox: TestOutbox = {
    stored,
    numbers,
    calls: [],
    room: true,
    restored,
    get firstNumber() {
      return stored[0]?.first ?? restored.spans;
    },
    delivered: (name) => numbers.get(name),
    noteDelivered(name, number) {
      numbers.set(name, number);
      outbox.calls.push(`${name} ${number}`);
    },
    async add(spans) {
      outbox.calls.push(`add ${spans.first}-${endOf(spans)}`);
      stored.push(spans);
      stored.sort((a, b) => a.first - b.first);
    },
    read: async (number) => stored.find((spans) => endOf(spans) > number),
    discardBefore(number) {
      const kept = stored.filter((spans) => endOf(spans) > number);
      if (kept.length < stored.length) outbox.calls.push(`discard ${number}`);
      stored.splice(0, stored.length, ...kept);
    },
    hasRoom: () => outbox.room,
    stats: () => ({ spans: stored.reduce((sum, { count }) => sum + count, 0), bytes: 0, limitBytes: 1 }),
  };
  return outbox;
}
