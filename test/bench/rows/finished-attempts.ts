import { measureFinished } from '../parts/finished-attempts.ts';
import type { Sink } from '../parts/sink-process.ts';
import { count, type Findings, judge, mebibytes, times } from '../parts/table.ts';
import { type Scale, TARGETS } from '../targets.ts';

/** Memory after many finished attempts, against after few. */
export async function finishedAttemptsRows(_sink: Sink, scale: Scale): Promise<Findings> {
  const { few, many, jobs } = scale.finishedAttempts;
  const found = await measureFinished(scale.finishedAttempts);
  if (found.finished !== many) throw new Error(`${found.finished} of ${many} attempts were finished`);
  const growth = found.manyBytes / found.fewBytes;
  const { target } = TARGETS.finishedGrowth;
  return {
    rows: [
      {
        what: `memory after ${count(many)} finished attempts of ${count(jobs)} jobs, against after ${count(few)}`,
        target: `<= ${target} x`,
        stretch: 'same',
        measured: `${mebibytes(found.manyBytes)} against ${mebibytes(found.fewBytes)} (RSS ${mebibytes(found.manyRssBytes)} against ${mebibytes(found.fewRssBytes)})`,
        ratio: times(growth),
        verdict: judge(growth, target),
      },
    ],
    notes: [
      `Finished attempts: the correlator alone, without HTTP and JSON; ${((found.cpuMs * 1000) / many).toFixed(1)} us of CPU for each attempt there.`,
    ],
  };
}
