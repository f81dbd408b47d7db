import { parseArgs } from 'node:util';
import { buildPrograms } from './build.ts';
import { runMatrix } from './matrix.ts';
import { recordedStreams } from './streams.ts';

const { values } = parseArgs({
  allowPositionals: true,
  options: { kills: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' }, journal: { type: 'string', default: 'disk' } },
});
const programs = await buildPrograms();
const kills = Number(values.kills);
const result = await runMatrix({
  programs,
  streams: recordedStreams(programs.recordings, 1),
  kills: Math.round(kills * 0.7),
  killsAfter: kills - Math.round(kills * 0.7),
  seed: Number(values.seed),
  settings: { settleMs: 12_000, orphanTimeoutMs: 14_000, hasTraceBudget: false, journal: values.journal as 'disk' },
  onProgress: console.log,
});
const { wanted: _w, found: _f, ...rest } = result;
console.dir(rest, { depth: 4 });
console.log(programs.folder);
