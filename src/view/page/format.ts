import type { JobRow } from '../shapes.ts';
import type { Stage, StageCounts } from '../stage.ts';

export const STAGES: readonly Stage[] = [
  'pending_args',
  'pending_node',
  'pending_worker',
  'running',
  'finished',
  'failed',
  'cancelled',
  'unfinished',
  'unknown',
];

export const STAGE_WORDS: Readonly<Record<Stage, string>> = {
  pending_args: 'pending: arguments',
  pending_node: 'pending: node',
  pending_worker: 'pending: worker',
  running: 'running',
  finished: 'finished',
  failed: 'failed',
  cancelled: 'cancelled',
  unfinished: 'unfinished',
  unknown: 'not reported',
};

/** A symbol beside the colour, for readers who cannot distinguish the colours. */
export const STAGE_SIGNS: Readonly<Record<Stage, string>> = {
  pending_args: '◔',
  pending_node: '◔',
  pending_worker: '◔',
  running: '▶',
  finished: '✓',
  failed: '✗',
  cancelled: '⊘',
  unfinished: '?',
  unknown: '·',
};

export function countText(count: number): string {
  return count.toLocaleString('en-US');
}

/** `1 task`, `2,270 tasks`. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}

export function durationText(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return '';
  if (ms < 1) return `${Math.max(0, Math.round(ms * 1000))} µs`;
  if (ms < 999.5) return `${ms < 9.95 ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 59_950) return `${ms < 9995 ? (ms / 1000).toFixed(2) : (ms / 1000).toFixed(1)} s`;
  return longText(Math.round(ms / 1000));
}

/** The same without fractions, for ages that count on. */
export function ageText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return seconds < 60 ? `${seconds} s` : longText(seconds);
}

function longText(seconds: number): string {
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${String(seconds % 60).padStart(2, '0')}s`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, '0')}m`;
  return `${Math.floor(seconds / 86_400)}d ${Math.floor((seconds % 86_400) / 3600)}h`;
}

export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 2 ** 20) return `${(bytes / 1024).toFixed(1)} KiB`;
  return bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}

/** `21:48:53.123`. */
export function clockText(ms: number): string {
  return `${timeText(ms)}.${String(Math.floor(ms) % 1000).padStart(3, '0')}`;
}

/** `21:48:53`. */
export function timeText(ms: number): string {
  return new Date(ms).toLocaleTimeString('en-GB');
}

/** The time of day, with the date if it is another day than today. */
export function momentText(ms: number): string {
  const date = new Date(ms);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? timeText(ms) : `${date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })} ${timeText(ms)}`;
}

export function rateText(rate: number): string {
  return rate === 0 ? '' : `${rate.toFixed(rate < 10 ? 1 : 0)} a second`;
}

export function pendingOf(counts: StageCounts): number {
  return counts.pending_args + counts.pending_node + counts.pending_worker;
}

export function countsText(counts: StageCounts): string {
  const parts = STAGES.filter((stage) => counts[stage] > 0).map((stage) => `${countText(counts[stage])} ${STAGE_WORDS[stage]}`);
  return parts.length === 0 ? 'no tasks yet' : parts.join(', ');
}

export function shortId(id: string): string {
  return id.length <= 14 ? id : `${id.slice(0, 6)}…${id.slice(-6)}`;
}

export interface Outcome {
  readonly word: string;
  readonly sign: string;
  readonly tone: 'wait' | 'fail' | 'run' | 'ok' | 'idle';
}

/** How a job stands, in a word. Never green while tasks of it failed. */
export function outcomeOf({ verdict, outcome, tasks }: JobRow): Outcome {
  switch (verdict.kind) {
    case 'blocked':
      return { word: 'Blocked', sign: '◔', tone: 'wait' };
    case 'failing':
      return { word: 'Failing', sign: '✗', tone: 'fail' };
    case 'slow':
    case 'running':
      return { word: 'Running', sign: '▶', tone: 'run' };
    case 'failed':
      return { word: 'Failed', sign: '✗', tone: 'fail' };
    case 'stopped':
      return { word: 'Stopped', sign: '■', tone: 'idle' };
    case 'succeeded':
      return { word: 'Succeeded', sign: '✓', tone: 'ok' };
    case 'ended':
      if (tasks.failed > 0) return { word: 'Ended with failures', sign: '✗', tone: 'fail' };
      return { word: outcome === undefined ? 'Ended' : 'Ended, outcome unknown', sign: '■', tone: 'idle' };
  }
}

/** A verdict with its age at `nowMs`, and its time of day in the reader's time zone. */
export function verdictText({ verdict }: Pick<JobRow, 'verdict'>, nowMs: number): string {
  const { kind, text, cause, sinceMs, atMs } = verdict;
  if (sinceMs !== undefined && (kind === 'blocked' || kind === 'slow'))
    return `${kind === 'blocked' ? 'Blocked' : 'Waits'} for ${ageText(nowMs - sinceMs)}: ${cause}`;
  return atMs === undefined ? text : text.replace(/\d\d:\d\d:\d\d UTC/, timeText(atMs));
}
