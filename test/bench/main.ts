import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { startSink, type Sink } from './parts/sink-process.ts';
import { brokenCounts, type Count, type Findings, markdownTable, type Row } from './parts/table.ts';
import { coldStartRows } from './rows/cold-start.ts';
import { loadRows } from './rows/load.ts';
import { openAttemptsRows } from './rows/open-attempts.ts';
import { recordingRows } from './rows/recording.ts';
import { FULL, QUICK, type Scale } from './targets.ts';

type Part = (sink: Sink, scale: Scale) => Promise<Findings>;

const PARTS: Readonly<Record<string, Part>> = {
  recording: recordingRows,
  load: loadRows,
  open: openAttemptsRows,
  start: coldStartRows,
};

const args = process.argv.slice(2);
const scale = args.includes('--quick') ? QUICK : FULL;
const chosen = args.filter((arg) => !arg.startsWith('--'));
const unknown = [...chosen.filter((name) => !(name in PARTS)), ...args.filter((arg) => arg.startsWith('--') && arg !== '--quick')];
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}; npm run bench -- [--quick] [${Object.keys(PARTS).join('|')}]...`);
  process.exit(2);
}

const rows: Row[] = [];
const counts: Count[] = [];
const notes: string[] = [];
const problems: string[] = [];
const startedMs = performance.now();
for (const [name, part] of Object.entries(PARTS)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const sink = await startSink();
  const partStartedMs = performance.now();
  try {
    const found = await part(sink, scale);
    rows.push(...found.rows);
    counts.push(...(found.counts ?? []));
    notes.push(...(found.notes ?? []));
  } catch (error) {
    problems.push(
      `${name}: ${error instanceof Error ? `${error.message}${error.cause instanceof Error ? ` (${error.cause.message})` : ''}` : String(error)}`,
    );
  } finally {
    await sink.stop();
  }
  console.error(`${name}: ${Math.round((performance.now() - partStartedMs) / 1000)} s`);
}

const broken = brokenCounts(counts);
console.log(
  `\n${revision()}, Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round((performance.now() - startedMs) / 1000)} s${scale.isQuick ? ', the quick form' : ''}\n`,
);
console.log(markdownTable(rows));
console.log(`\n${notes.map((note) => `- ${note}`).join('\n')}`);
for (const { what, value, limit } of counts) console.log(`- Count: ${what} ${value}, limit ${limit}${value <= limit ? '' : ': BROKEN'}`);
for (const problem of problems) console.log(`- NOT MEASURED: ${problem}`);
process.exitCode = broken.length > 0 || problems.length > 0 ? 1 : 0;

function revision(): string {
  try {
    const git = (...words: string[]): string => execFileSync('git', words, { encoding: 'utf8' }).trim();
    return `commit ${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') === '' ? '' : ' with changes'}`;
  } catch {
    return 'no git checkout';
  }
}
