import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPrograms, type Programs } from './build.ts';
import { matrixReport, smallMatrix } from './matrix-sizes.ts';
import { runMatrix } from './matrix.ts';

let programs: Programs;
beforeAll(async () => {
  programs = await buildPrograms();
});
afterAll(() => programs.remove());

describe.concurrent('serve, killed repeatedly (npm run crash: 200 times)', () => {
  it('sends the spans of the undisturbed run to the byte', async () => {
    const result = await runMatrix(smallMatrix(programs, 1, { hasTraceBudget: false }));
    expect(matrixReport(result, false).problems).toEqual([]);
    expect(result.kills).toHaveLength(12);
  });

  it('sends spans with the same sums while the disk fails and the power fails, with the budget of a trace', async () => {
    const result = await runMatrix({ ...smallMatrix(programs, 2, { hasTraceBudget: true }), withDisk: true });
    expect(matrixReport(result, true).problems).toEqual([]);
  });
});
