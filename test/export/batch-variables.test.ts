import { describe, expect, it } from 'vitest';
import { readBatchVariables } from '../../src/export/index.ts';

const DELAY = 'OTEL_BSP_SCHEDULE_DELAY';
const SIZE = 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE';

describe('the variables of batching', () => {
  it.each([
    [{}, { ok: true }],
    [{ [DELAY]: '', [SIZE]: ' ' }, { ok: true }],
    [
      { [DELAY]: '250', [SIZE]: ' 64 ' },
      { ok: true, lingerMs: 250, maxBatchSpans: 64 },
    ],
    [{ [DELAY]: '0' }, { ok: true, lingerMs: 0 }],
  ])('%j are read as %j', (env, expected) => {
    expect(readBatchVariables(env)).toEqual(expected);
  });

  it.each([
    [DELAY, '-1'],
    [DELAY, '1s'],
    [DELAY, '2147483648'],
    [SIZE, '0'],
    [SIZE, '1.5'],
    [SIZE, 'all'],
  ])('%s=%s is a problem', (name, value) => {
    expect(readBatchVariables({ [name]: value })).toEqual({
      ok: false,
      problems: [expect.stringContaining(`${name}=${JSON.stringify(value)} must be a whole number from `)],
    });
  });
});
