import { describe, expect, it } from 'vitest';
import { decodeEvent, type RayEvent } from '../../src/event/index.ts';
import { EventScanner, ScanBytes } from '../../src/event/index.ts';
import { heldBytes } from '../support/held-bytes.ts';
import { rawDefinition, rawEvent, rawLifecycle } from '../support/raw-events.ts';

const PADDING = 'x'.repeat(1_000_000);
const BODIES = 40;

/** A body of 1 MB that begins with these events. */
function bodyOf(...raws: readonly unknown[]): Buffer {
  return Buffer.from(`[${raws.map((raw) => JSON.stringify(raw)).join(',')},"${PADDING}"]`);
}

describe('memory that a decoded event holds', () => {
  it('a parsed event does not keep its body in memory', () => {
    const { bytes, result } = heldBytes(() =>
      Array.from({ length: BODIES }, (_, index): RayEvent[] => {
        const raws = JSON.parse(bodyOf(rawDefinition({ taskName: `a task of its own ${index}` }), rawLifecycle()).toString()) as unknown[];
        return raws.map((raw) => decodeEvent(raw)).flatMap((decoded) => (decoded.ok ? [decoded.event] : []));
      }),
    );
    expect(result.flat()).toHaveLength(2 * BODIES);
    expect(bytes).toBeLessThan(BODIES * 250_000);
  });

  it('neither a scanned event nor the scanner keeps a body in memory', () => {
    const scanner = new EventScanner();
    const { bytes, result } = heldBytes(() =>
      Array.from({ length: BODIES }, (_, index) => {
        const raw = rawDefinition({ taskName: `a task of its own ${index}` });
        const body = new ScanBytes(bodyOf(raw));
        const event = scanner.scan(body, 1);
        const decoded = decodeEvent(raw);
        if (event === undefined && decoded.ok) scanner.learn(body, 1, 1 + JSON.stringify(raw).length, decoded.event);
        return event;
      }),
    );
    expect(result.filter((event) => event !== undefined)).toHaveLength(BODIES - 1);
    expect(bytes).toBeLessThan(BODIES * 250_000);
  });

  it('an event with a cut text does not keep its body in memory', () => {
    const trace = (index: number): string => `failed ${index}\n${PADDING}`;
    const { bytes, result } = heldBytes(() =>
      Array.from({ length: BODIES }, (_, index) => [
        decodeEvent(JSON.parse(JSON.stringify(rawLifecycle({ rayErrorInfo: { errorType: 'WORKER_DIED', errorMessage: trace(index) } })))),
        decodeEvent(JSON.parse(JSON.stringify(rawDefinition({ taskName: trace(index), callSite: trace(index) })))),
        decodeEvent(JSON.parse(JSON.stringify(rawEvent(PADDING, 'none', {})))),
      ]),
    );
    expect(result.flat().filter(({ ok }) => ok)).toHaveLength(2 * BODIES);
    expect(bytes).toBeLessThan(BODIES * 400_000);
  });
});
