import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reduceEntrypoint } from '../../src/event/entrypoint.ts';

describe('an entry point', () => {
  it.each([
    ['/usr/bin/python drv.py', 'python drv.py'],
    ['/usr/bin/python /tmp/drv.py fail', 'python drv.py'],
    ['python -c "import ray;ray.init();print(1)"', 'python'],
    ['API_KEY=hunter2 python -u train.py --key hunter2', 'python train.py'],
    ['API_KEY="hunter 2" OTHER=\'x y\' python3.11 "my dir/train.py" --key=hunter2', 'python3.11 train.py'],
    ['env -u X API_KEY=hunter2 python train.py', 'python train.py'],
    ['/usr/bin/env API_KEY=hunter2 python train.py', 'python train.py'],
    ['python -u -m pkg.train --key hunter2', 'python -m pkg.train'],
    ['torchrun --nproc-per-node 4 train.py --key hunter2', 'torchrun train.py'],
    ['git commit -m hunter2', 'git'],
    ['cd /app && export KEY=hunter2; python train.py --key hunter2', 'python train.py'],
    ['echo hunter2 | python train.py', 'echo'],
    ['bash -c "KEY=hunter2 python train.py"', 'bash'],
    ['bash run.sh hunter2', 'bash run.sh'],
    ['./start.sh hunter2', 'start.sh'],
    ['java -jar app.jar hunter2', 'java app.jar'],
    ['C:\\Python\\python.exe C:\\app\\train.py', 'python.exe train.py'],
    ['python --token=/x/hunter2.py train.py', 'python train.py'],
    ['python TOKEN=hunter2.py', 'python'],
    ['$(cat /hunter2)', undefined],
    ['"hunter2 with spaces"', undefined],
    ['cd /app', 'cd'],
    ['', undefined],
    ['   ', undefined],
    ['A=hunter2', undefined],
  ])('%j becomes %j', (commandLine, reduced) => {
    expect(reduceEntrypoint(commandLine)).toBe(reduced);
  });

  it('is reduced once and for all', () => {
    const words = fc.constantFrom(
      'python',
      '-m',
      '-c',
      'a.py',
      '/x/b.sh',
      'A=1',
      'env',
      'cd',
      '&&',
      ';',
      '"',
      "'",
      '\\',
      'é',
      '--x',
      '.',
      '\n',
      '-',
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 8 }), fc.constantFrom(' ', ''), (parts, between) => {
        const reduced = reduceEntrypoint(parts.join(between));
        expect(reduced === undefined ? undefined : reduceEntrypoint(reduced)).toBe(reduced);
      }),
      { numRuns: 3000 },
    );
  });
});
