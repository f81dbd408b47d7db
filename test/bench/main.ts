import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { startSink, type Sink } from './parts/sink-process.ts';
import { brokenCounts, type Findings, markdownTable } from './parts/table.ts';
import { agentsRows } from './rows/agents.ts';
import { coldStartRows } from './rows/cold-start.ts';
import { finishedAttemptsRows } from './rows/finished-attempts.ts';
import { largeJobRows } from './rows/large-job.ts';
import { loadRows } from './rows/load.ts';
import { openAttemptsRows } from './rows/open-attempts.ts';
import { profileRows } from './rows/profile.ts';
import { recordingRows } from './rows/recording.ts';
import { FULL, QUICK, type Scale } from './targets.ts';

type Part = (sink: Sink, scale: Scale) => Promise<Findings>;

const PARTS: Readonly<Record<string, Part>> = {
  recording: recordingRows,
  load: loadRows,
  agents: agentsRows,
  open: openAttemptsRows,
  finished: finishedAttemptsRows,
  job: largeJobRows,
  start: coldStartRows,
  profile: profileRows,
};

/** Those of a group run at once: the two that take longest measure neither time nor CPU. */
const GROUPS: readonly (readonly string[])[] = [['recording'], ['load'], ['agents'], ['open'], ['start'], ['finished', 'job']];

const args = process.argv.slice(2);
const scale = args.includes('--quick') ? QUICK : FULL;
const chosen = args.filter((arg) => !arg.startsWith('--'));
const unknown = [...chosen.filter((name) => !(name in PARTS)), ...args.filter((arg) => arg.startsWith('--') && arg !== '--quick')];
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}; npm run bench -- [--quick] [${Object.keys(PARTS).join('|')}]...`);
  process.exit(2);
}

const startedMs = performance.now();
const findings: Findings[] = [];
const problems: string[] = [];
for (const group of chosen.length > 0 ? chosen.map((name) => [name]) : GROUPS) {
  findings.push(...(await Promise.all(group.map(runPart))));
}
const rows = findings.flatMap((found) => found.rows);
const counts = findings.flatMap((found) => found.counts ?? []);
const notes = findings.flatMap((found) => found.notes ?? []);
const seconds = Math.round((performance.now() - startedMs) / 1000);
console.log(
  `\n${[revision(), `Node ${process.version}`, machine(), `${seconds} s`, ...(scale.isQuick ? ['the quick form'] : [])].join(', ')}\n`,
);
if (rows.length > 0) console.log(`${markdownTable(rows)}\n`);
for (const note of notes) console.log(note === '' ? '' : `- ${note}`);
for (const { what, value, limit } of counts) console.log(`- Count: ${what} ${value}, limit ${limit}${value <= limit ? '' : ': BROKEN'}`);
for (const problem of problems) console.log(`- NOT MEASURED: ${problem}`);
// Times and ratios are for people. What fails a run is what no noise can move.
process.exitCode = brokenCounts(counts).length > 0 || problems.length > 0 ? 1 : 0;

async function runPart(name: string): Promise<Findings> {
  const partStartedMs = performance.now();
  const sink = await startSink();
  try {
    return (await PARTS[name]?.(sink, scale)) ?? { rows: [] };
  } catch (error) {
    problems.push(`${name}: ${describe(error)}`);
    return { rows: [] };
  } finally {
    await sink.stop();
    console.error(`${name}: ${Math.round((performance.now() - partStartedMs) / 1000)} s`);
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} (${describe(error.cause)})`;
}

function machine(): string {
  return `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`;
}

function revision(): string {
  try {
    const git = (...words: string[]): string => execFileSync('git', words, { encoding: 'utf8' }).trim();
    return `commit ${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') === '' ? '' : ' with changes'}`;
  } catch {
    return 'no git checkout';
  }
}
