import { describe, expect, it } from 'vitest';
import { rayEventsToSpans } from '../../src/convert.ts';
import { decodeEvent } from '../../src/event/index.ts';
import { otlpJsonLines } from '../../src/export/index.ts';
import { everyTypeOfEvent } from '../event/every-type.ts';
import { inSnakeCase } from '../support/raw-events.ts';
import { IMPOSSIBLE_EPOCHS, IMPOSSIBLE_TIMES, someTimes, withImpossibleTimes } from '../support/impossible-times.ts';
import { checkTraces } from '../support/oracle.ts';
import { readOtlpJsonLines } from '../support/otlp-spans.ts';
import { recordedEvents } from '../support/recordings.ts';
import { Seeded } from '../support/seeded.ts';

// One impossible time must not take its event along: whatever is no time of the years 2000 to 2199 is an absent time.

const RECORDINGS = ['features-ray-2.49.0', 'features-ray-2.60.0', 'mix-ray-2.50.1', 'mix-snake-case-ray-2.60.0', 'mix-ray-2.58.1'];

describe.each(RECORDINGS)('%s with impossible times', (name) => {
  const events = recordedEvents(`${name}.ndjson`);

  it.each([0.05, 0.3, 1])('with a share of %d impossible ones: nothing is rejected, and every rule still holds', (share) => {
    const random = new Seeded(7);
    const broken = events.map((raw) => withImpossibleTimes(raw, someTimes(random, share)));
    const { spans, rejected, ignoredTimes } = rayEventsToSpans(broken);
    expect(rejected).toEqual([]);
    expect(ignoredTimes).toBeGreaterThan(0);
    expect(checkTraces(broken, readOtlpJsonLines([...otlpJsonLines(spans)].join('')))).toEqual([]);
  });

  it('gives the same spans in any order of its events', () => {
    const random = new Seeded(8);
    const broken = events.map((raw) => withImpossibleTimes(raw, someTimes(random, 0.3)));
    const forward = [...otlpJsonLines(rayEventsToSpans(broken).spans)].join('');
    const shuffled = broken.map((raw) => [random.below(1e9), raw] as const).sort(([a], [b]) => a - b);
    expect([...otlpJsonLines(rayEventsToSpans([...broken].reverse()).spans)].join('')).toBe(forward);
    expect([...otlpJsonLines(rayEventsToSpans(shuffled.map(([, raw]) => raw)).spans)].join('')).toBe(forward);
  });
});

it('no impossible time in any field of any type of event takes the event along', () => {
  for (const event of [...everyTypeOfEvent, ...everyTypeOfEvent.map(inSnakeCase)]) {
    const whole = decodeEvent(event);
    for (const impossible of [...IMPOSSIBLE_TIMES, ...IMPOSSIBLE_EPOCHS]) {
      const broken = withImpossibleTimes(event, () => impossible);
      const decoded = decodeEvent(broken);
      expect(decoded.ok).toBe(whole.ok);
      if (!decoded.ok || !whole.ok) continue;
      expect(withoutTimes(decoded.event)).toEqual(withoutTimes(whole.event));
    }
  }
});

/** All states in one list, whether they have a time or not. Entries and what only a time is evidence of are left out. */
function withoutTimes(event: object): unknown {
  const states = [...listOf(event, 'transitions'), ...listOf(event, 'untimed')];
  const rest = Object.entries(event).filter(([key]) => !/Ns$|^(?:transitions|untimed|entries)$/.test(key));
  const untimed = states.map((state) => Object.fromEntries(Object.entries(state).filter(([key]) => !key.endsWith('Ns'))));
  return { ...Object.fromEntries(rest), states: untimed };
}

function listOf(event: object, key: string): object[] {
  const list: unknown = Reflect.get(event, key);
  return Array.isArray(list) ? list.map((element: object) => element) : [];
}
