import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rows } from '../../src/view/rows.ts';

function numbered(size: number): Rows<number> {
  const rows = new Rows<number>();
  for (let number = 0; number < size; number += 1) rows.add(number);
  return rows;
}

describe('rows', () => {
  it('the items match an array whose oldest items are shifted off', () => {
    const steps = fc.array(fc.record({ adds: fc.nat(1_500), drops: fc.nat(1_500) }), { maxLength: 6 });
    fc.assert(
      fc.property(steps, (rounds) => {
        const rows = new Rows<number>();
        const plain: number[] = [];
        let next = 0;
        let differences = 0;
        for (const { adds, drops } of rounds) {
          for (let added = 0; added < adds; added += 1) {
            rows.add(next);
            plain.push(next);
            next += 1;
          }
          for (let dropped = 0; dropped < drops; dropped += 1) if (rows.dropOldest() !== plain.shift()) differences += 1;
        }
        expect(differences).toBe(0);
        expect([...rows]).toEqual(plain);
        expect(rows.size).toBe(plain.length);
      }),
      { numRuns: 30 },
    );
  });

  it('a paused walk continues at its position after drops and additions', () => {
    const rows = numbered(5_000);
    const seen: number[] = [];
    for (const number of rows) {
      seen.push(number);
      if (number === 10) for (let dropped = 0; dropped < 5; dropped += 1) rows.dropOldest();
      if (number === 20) for (let dropped = 0; dropped < 3_000; dropped += 1) rows.dropOldest();
      if (number === 3_010) rows.add(5_000);
    }
    const expected = [...Array.from({ length: 21 }, (_, number) => number), ...Array.from({ length: 1_996 }, (_, index) => 3_005 + index)];
    expect(seen).toEqual(expected);
  });
});
