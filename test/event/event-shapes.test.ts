import { describe, expect, it } from 'vitest';
import { EventShapes, NO_SLOT, type Segment } from '../../src/event/scanner/event-shapes.ts';
import { ScanBytes } from '../../src/event/scan-bytes.ts';

/** Learns `name=value;` with the value in slot 0. */
function learn(shapes: EventShapes<string>, name: string): void {
  const text = `${name}=5;`;
  const bytes = new ScanBytes(Buffer.from(text));
  const segments: readonly Segment[] = [
    { start: 0, end: name.length + 1, kind: 'digits', slot: 0 },
    { start: name.length + 2, end: text.length, kind: 'none', slot: NO_SLOT },
  ];
  shapes.learn(bytes, segments, name);
}

function match(shapes: EventShapes<string>, text: string): readonly unknown[] | undefined {
  const bytes = new ScanBytes(Buffer.from(text));
  const shape = shapes.match(bytes, 0);
  return shape && [shape.common, bytes.text(shapes.starts[0] ?? 0, shapes.ends[0] ?? 0), shapes.end];
}

describe('learning shapes of events', () => {
  it('shapes with the same beginning are distinguished, and the value is found', () => {
    const shapes = new EventShapes<string>();
    for (const name of ['alpha', 'alphabet', 'al', 'beta']) learn(shapes, name);
    expect(match(shapes, 'alpha=123; and more')).toEqual(['alpha', '123', 10]);
    expect(match(shapes, 'alphabet=0;')).toEqual(['alphabet', '0', 11]);
    expect(match(shapes, 'al=7;')).toEqual(['al', '7', 5]);
    for (const other of ['', 'a', 'alp=1;', 'beta', 'beta=', 'beta=x;', 'beta=1', 'beta=01;', 'beta=1234567890;']) {
      expect(match(shapes, other)).toBeUndefined();
    }
  });

  it('the oldest alternative is dropped at the limit, and can be learned again', () => {
    const shapes = new EventShapes<string>();
    for (let index = 0; index < 20; index += 1) learn(shapes, `n${index}`);
    expect(match(shapes, 'n0=1;')).toBeUndefined();
    expect(match(shapes, 'n19=1;')).toEqual(['n19', '1', 6]);
    learn(shapes, 'n0');
    expect(match(shapes, 'n0=1;')).toEqual(['n0', '1', 5]);
  });

  it('all shapes are dropped at the byte limit, and learning continues', () => {
    const shapes = new EventShapes<string>(1000);
    for (let index = 0; index < 1000; index += 1) {
      learn(shapes, `name-${index}`);
      expect(match(shapes, `name-${index}=1;`)).toBeDefined();
      expect(shapes.learnedBytes()).toBeLessThan(1100);
    }
  });
});
