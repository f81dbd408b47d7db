import type { Programs } from './build.ts';
import type { ServeSettings } from './flags.ts';
import { generatedLoad } from './load.ts';
import type { MatrixOptions, MatrixResult } from './matrix.ts';
import { differencesOf, differencesOfSums } from './span-sets.ts';
import { recordedStreams, type Stream } from './streams.ts';

type Changed = Pick<ServeSettings, 'journal' | 'hasTraceBudget'>;

// A checkpoint is due when a quarter of the journal's limit is worked through: a small limit makes
// many of them.

/**
 * In-flight spans are exported at once, so that their content depends on the current post and on no
 * later one.
 */
const marks = { inFlight: 'running', inFlightAfterMs: 0 } as const;

/** So few spans fit in memory that the others wait in the outbox. */
const queue = { maxQueuedSpans: 200 } as const;

/**
 * So that a test has seen them all in seconds: nothing closes but by its session's silence, or 15 s
 * after its job's end.
 */
const smallSettings = { ...marks, ...queue, settleMs: 30_000, orphanTimeoutMs: 10_000, maxJournalBytes: 8 * 1024 * 1024 };
/** Attempts close while others arrive, and a stream with its kills ends long before. */
const fullSettings = { ...marks, ...queue, settleMs: 20_000, orphanTimeoutMs: 30_000, maxJournalBytes: 32 * 1024 * 1024 };
/** Posts of the recordings to a kill, about. */
const postsPerKill = 20;
const postsPerRound = 339;

export function smallMatrix(programs: Programs, seed: number, changed: Changed): MatrixOptions {
  return {
    programs,
    streams: [
      ...recordedStreams(programs.recordings, 1, ['features-ray-2.60', 'mix-ray', 'job-submit']),
      generatedStream(changed.hasTraceBudget ? 25_000 : 10_000, seed),
    ],
    kills: 8,
    killsAfter: 4,
    seed,
    settings: { ...smallSettings, ...changed },
  };
}

export function fullMatrix(programs: Programs, kills: number, seed: number, changed: Changed): MatrixOptions {
  const killsAfter = Math.round(kills * 0.15);
  const rounds = Math.max(1, Math.round(((kills - killsAfter) * postsPerKill) / postsPerRound));
  const streams = recordedStreams(programs.recordings, rounds);
  // Spread over the run: a long stream consists of parts, each with a session of its own.
  for (let part = 0; part < rounds; part += 1) streams.splice(part * 13, 0, generatedStream(8000, seed * 100 + part));
  return { programs, streams, kills: kills - killsAfter, killsAfter, seed, settings: { ...fullSettings, ...changed } };
}

function generatedStream(events: number, seed: number): Stream {
  return { name: `generated #${seed}`, bodies: [...generatedLoad(events, seed, `session_generated_${seed}`)] };
}

/** The result as lines for people, and what is not as it must be. */
export function matrixReport(
  result: MatrixResult,
  hasTraceBudget: boolean,
): { readonly lines: readonly string[]; readonly problems: readonly string[] } {
  const { comparison, resent, kills, counts } = result;
  const problems = hasTraceBudget
    ? [...differencesOf({ ...comparison, missing: [], extra: [], different: [] }), ...differencesOfSums(result.wanted, result.found)]
    : differencesOf(comparison);
  if (resent.needless > 0) problems.push(`${resent.needless} spans sent again by the same process`);
  if (result.sentAtLastStart > 0) problems.push(`${result.sentAtLastStart} spans sent again at a start after everything was sent`);
  if (result.exitCode !== 0) problems.push(`SIGTERM ended with ${result.exitCode}`);
  if (result.bugs.length > 0) problems.push(`${result.bugs.length} internal errors or damages: ${result.bugs.slice(0, 3).join('\n')}`);
  const moments = new Map<string, number>();
  for (const { moment } of kills) moments.set(moment, (moments.get(moment) ?? 0) + 1);
  const lines = [
    `${kills.length} kills (${[...moments].map(([moment, count]) => `${moment} ${count}`).join(', ')}), ${result.starts} starts`,
    `${counts.answered} posts answered 200 in ${counts.tries} tries, ${counts.accepted} events accepted, ${counts.duplicates} duplicates, ${counts.unanswered} tries unanswered, refused ${JSON.stringify(counts.refused)}`,
    `${comparison.spans} spans; sent again: ${resent.unanswered} whose answer did not arrive, ${resent.afterAnswer} whose answer was sent (at most ${resent.answersSince} answers before the end)`,
    `longest stream ${(result.longestStreamMs / 1000).toFixed(1)} s; ${result.checkpoints} checkpoints; data folder at the end ${(result.diskBytes / 1024).toFixed(0)} KiB`,
    ...problems,
    ...(hasTraceBudget ? [`with the budget: ${differencesOf(comparison).join('; ') || 'no difference'}`] : []),
    problems.length === 0 ? `passed: ${hasTraceBudget ? 'sums and counts' : 'byte-identical, as'} of the undisturbed run` : 'FAILED',
  ];
  return { lines, problems };
}
