import { parseArgs } from 'node:util';
import { buildPrograms, type Programs } from './build.ts';
import { runDamage } from './damage.ts';
import { fullMatrix, matrixReport } from './matrix-sizes.ts';
import { runMatrix } from './matrix.ts';
import { mebibytes, runOutage } from './outage.ts';
import { describeCycle, runSoak, soakHeader, soakVerdict } from './soak.ts';

// The proofs at full size: `npm run crash`, `npm run outage`, `npm run soak`. CI runs them smaller,
// as tests.

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    kills: { type: 'string', default: '200' },
    events: { type: 'string', default: '1000000' },
    rate: { type: 'string', default: '' },
    heap: { type: 'string', default: '' },
    flips: { type: 'string', default: '40' },
    minutes: { type: 'string', default: '30' },
    journal: { type: 'string', default: 'disk' },
    budget: { type: 'boolean', default: false },
    disk: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);

const proofs: Readonly<Record<string, (programs: Programs) => Promise<boolean>>> = {
  async matrix(programs) {
    const journal = values.journal === 'memory' ? 'memory' : 'disk';
    const result = await runMatrix({
      ...fullMatrix(programs, Number(values.kills), seed, { journal, hasTraceBudget: values.budget }),
      withDisk: values.disk,
      onProgress: console.log,
    });
    const report = matrixReport(result, values.budget);
    console.log(report.lines.join('\n'));
    return report.problems.length === 0;
  },
  async damage(programs) {
    const outcomes = await runDamage({ programs, flips: Number(values.flips), seed, onProgress: console.log });
    return outcomes.every(({ differences }) => differences.length === 0);
  },
  async outage(programs) {
    const heap = values.heap === '' ? {} : { heapMebibytes: Number(values.heap) };
    const rate = values.rate === '' ? {} : { eventsPerSecond: Number(values.rate) };
    const size = { events: Number(values.events), seed, killed: true, ...heap, ...rate };
    const result = await runOutage({ programs, ...size, onProgress: console.log });
    const { peakRssBytes, mostDiskBytes, mostOutboxBytes, leftDiskBytes, ...rest } = result;
    console.dir({
      ...rest,
      'peak RSS': mebibytes(peakRssBytes),
      'most disk': mebibytes(mostDiskBytes),
      'most outbox': mebibytes(mostOutboxBytes),
      'disk left': mebibytes(leftDiskBytes),
    });
    return result.missing === 0 && result.conflicting === 0 && result.resent === 0;
  },
  async soak(programs) {
    console.log(soakHeader());
    const result = await runSoak({ programs, minutes: Number(values.minutes), seed, onProgress: console.log });
    console.log(`\n${soakHeader()}\n${result.cycles.map(describeCycle).join('\n')}\n${soakVerdict(result)}`);
    return result.problems.length === 0;
  },
};

const proof = proofs[positionals[0] ?? ''];
if (proof === undefined) throw new Error(`which proof? ${Object.keys(proofs).join(', ')}`);
const programs = await buildPrograms();
let isProven = false;
try {
  isProven = await proof(programs);
} finally {
  if (isProven && !values.keep) await programs.remove();
  else console.log(`what it left is in ${programs.folder}`);
}
process.exitCode = isProven ? 0 : 1;
